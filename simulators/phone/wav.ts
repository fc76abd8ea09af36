/** WAV files of mu-law at 8 kHz (format tag 7): the very bytes of the line, so that the words in them can be read from the file alone. */
const MULAW = 7;
const SAMPLE_RATE = 8_000;
const HEADER_BYTES = 58;

/** A WAV file; the channels are equally long. */
export function writeWav(channels: readonly Buffer[]): Buffer {
  const count = channels.length;
  const samples = channels[0]?.length ?? 0;
  const data = Buffer.alloc(count * samples);
  channels.forEach((channel, c) => {
    for (let i = 0; i < samples; i++) data[i * count + c] = channel[i] as number;
  });
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0, 'latin1');
  header.writeUInt32LE(HEADER_BYTES - 8 + data.length, 4);
  header.write('WAVEfmt ', 8, 'latin1');
  header.writeUInt32LE(18, 16);
  header.writeUInt16LE(MULAW, 20);
  header.writeUInt16LE(count, 22);
  header.writeUInt32LE(SAMPLE_RATE, 24);
  header.writeUInt32LE(SAMPLE_RATE * count, 28);
  header.writeUInt16LE(count, 32);
  header.writeUInt16LE(8, 34);
  header.writeUInt16LE(0, 36);
  header.write('fact', 38, 'latin1');
  header.writeUInt32LE(4, 42);
  header.writeUInt32LE(samples, 46);
  header.write('data', 50, 'latin1');
  header.writeUInt32LE(data.length, 54);
  return Buffer.concat([header, data]);
}

/** The channels of such a file, as mu-law bytes. Throws an Error for anything else. */
export function readWav(file: Buffer): Buffer[] {
  const isWav = file.toString('latin1', 0, 4) === 'RIFF' && file.toString('latin1', 8, 12) === 'WAVE';
  if (!isWav) throw new Error('This is not a WAV file');
  let count = 0;
  for (let at = 12; at + 8 <= file.length;) {
    const name = file.toString('latin1', at, at + 4);
    const size = file.readUInt32LE(at + 4);
    const body = file.subarray(at + 8, at + 8 + size);
    if (name === 'fmt ') {
      if (body.readUInt16LE(0) !== MULAW || body.readUInt32LE(4) !== SAMPLE_RATE)
        throw new Error('This WAV file is not mu-law at 8 kHz');
      count = body.readUInt16LE(2);
    } else if (name === 'data') {
      return Array.from({ length: count }, (_, c) => {
        const channel = Buffer.alloc(Math.floor(body.length / count));
        for (let i = 0; i < channel.length; i++) channel[i] = body[i * count + c] as number;
        return channel;
      });
    }
    at += 8 + size + (size & 1);
  }
  throw new Error('This WAV file has no audio');
}
