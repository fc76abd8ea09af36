/** Audio of a phone line: mu-law, 8000 Hz, mono, one byte a sample. */
export const BYTES_PER_MS = 8;
/** A frame of 20 ms, what phone companies send and like to get. */
export const FRAME_BYTES = 160;
/** Silence in mu-law. */
export const SILENCE = 0xff;
