import type { RecordedAudio, RecordingStore } from '../../carrier/control';
import type { MainLine } from '../main-line';

/** In a worker thread: the desk of a carrier's in-node, which is in the main thread with its account. */
export class RemoteDesk implements RecordingStore {
  constructor(
    private readonly nodeId: string,
    private readonly line: MainLine,
  ) {}

  async fetchRecording(recording: Readonly<Record<string, unknown>>): Promise<RecordedAudio> {
    const { audio, contentType } = (await this.ask('fetchRecording', recording)) as RecordedAudio;
    // A Buffer comes out of a thread as a plain Uint8Array.
    return { audio: Buffer.from(audio.buffer, audio.byteOffset, audio.byteLength), contentType };
  }

  async deleteRecording(recordingId: string): Promise<void> {
    await this.ask('deleteRecording', recordingId);
  }

  async doomRecordings(callId: string): Promise<number> {
    return Number(await this.ask('doomRecordings', callId));
  }

  private ask(what: keyof RecordingStore, arg: unknown): Promise<unknown> {
    return this.line.ask('desk', this.nodeId, what, arg);
  }
}
