/** A transfer: the caller is put through to somebody else. */
export interface TransferOrder {
  /** E.164, or a SIP address; it has been checked (dial/number-check.ts). */
  to: string;
  /** What the called party sees; without it the number on our side of the call. */
  callerId?: string;
  /** How long it may ring, ms. */
  ringMs: number;
  /** How long the two may talk at most, ms. */
  limitMs: number;
  /** When they have talked and the other side hangs up: the call is over, or the caller comes back to us. */
  afterwards: 'end' | 'back';
}

/** How a transfer came out, in `call.resumed`; `completed`: they have talked. */
export type TransferOutcome = 'busy' | 'no-answer' | 'failed' | 'canceled' | 'completed';

/** What of a call is recorded, and how. */
export interface RecordingOrder {
  /** Both sides apart, or mixed. */
  channels: 'dual' | 'mono';
  track: 'both' | 'inbound' | 'outbound';
  /** Cut off silence at the beginning and the end. */
  trim: boolean;
  /** Where the carrier reports; empty: to us, so that the flow gets `call.recording`. */
  callbackUrl: string;
}

/** The carrier's own transcription. Empty: the carrier's default. */
export interface TranscriptionOrder {
  engine: string;
  model: string;
  language: string;
  track: 'both' | 'inbound' | 'outbound';
}

/**
 * What a carrier does with a call beyond talking, in the smallest steps; what both carriers' calls have in common (what follows
 * what, private mode) is `CallControls`. Each rejects with a ProviderError that has the carrier's code, in plain words.
 */
export interface CarrierControl {
  /**
   * Has the caller put through. Resolves when the carrier has taken it (then the call is away); what comes of it is told by
   * `call.resumed`, or by the call's end.
   */
  transfer(order: TransferOrder): Promise<void>;
  /** @returns the carrier's id of the recording; '' where the carrier tells it with the report only */
  startRecording(order: RecordingOrder): Promise<string>;
  pauseRecording(id: string): Promise<void>;
  resumeRecording(id: string): Promise<void>;
  stopRecording(id: string): Promise<void>;
  /** @returns the carrier's id of the transcription, or '' */
  startTranscription(order: TranscriptionOrder): Promise<string>;
  stopTranscription(id: string): Promise<void>;
  /**
   * Sends key tones. @param digits 0-9 A-D * # and w for a pause of half a second
   * @returns false where the carrier has no way of its own: then they are played as audio
   */
  sendDigits(digits: string): Promise<boolean>;
}

/** A recording's sound, as the carrier has it. */
export interface RecordedAudio {
  audio: Buffer;
  /** Such as `audio/x-wav`. */
  contentType: string;
}

/** What a carrier does with recordings after the call, too: its in-node's front desk. */
export interface RecordingStore {
  /**
   * From the carrier's own host only, with the account's credentials.
   * @param recording the payload of `call.recording`, or what a flow made of it: nothing of it is believed
   * @throws ProviderError by rejection
   */
  fetchRecording(recording: Readonly<Record<string, unknown>>): Promise<RecordedAudio>;
  /** That it is gone already is right, too. */
  deleteRecording(recordingId: string): Promise<void>;
  /**
   * What is, or has been, recorded of this call and is not reported yet is to be deleted as soon as the carrier has it.
   * @returns how many recordings that are
   */
  doomRecordings(callId: string): Promise<number>;
}
