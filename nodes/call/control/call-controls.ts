import type { Call } from '../call';
import type { RecordingOrder, TranscriptionOrder, TransferOrder } from '../carrier/control';
import { playTones } from '../carrier/dtmf-tones';
import { ProviderError } from '../errors';
import { MAX_PARAMETERS, MAX_PARAMETERS_BYTES } from '../carrier/parameters';

/** "When the agent has finished speaking" waits so long at most, ms (CALLS, section 3). */
export const FINISHED_SPEAKING_MS = 20_000;
/** Actions of one call that wait for each other at most; more are refused. */
const MAX_WAITING = 16;

/** What is being recorded or transcribed. */
interface Running<Order> {
  order: Order;
  /** The carrier's; '' where it tells none. */
  id: string;
  /** By the flow. */
  paused: boolean;
  /** Not going on because the call is private; brought back after that. */
  held: boolean;
}

/** What came of an action, for the flow. */
export type ActionResult = Record<string, unknown>;

/**
 * What flows have the phone company do with one call: one thing after the other, in the order in which they were asked. Each method
 * rejects with a ProviderError in words.
 */
export class CallControls {
  private recording: Running<RecordingOrder> | undefined;
  private transcription: Running<TranscriptionOrder> | undefined;
  /** What was asked last, which may still have to wait for its turn. */
  private wantsPrivate = false;
  private last: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(private readonly call: Call) {}

  /** Ends the call. @param goodbye words by the carrier's own voice before the end */
  async hangUp(goodbye: string): Promise<ActionResult> {
    await this.call.hangUp('agent-hangup', goodbye);
    return {};
  }

  transfer(order: TransferOrder): Promise<ActionResult> {
    if (this.call.state === 'away') {
      return Promise.reject(this.refused('the caller is being put through, or talks to somebody, already'));
    }
    return this.inTurn(async () => {
      this.mustLive();
      await this.call.carrier.control.transfer(order);
      return { to: order.to };
    });
  }

  startRecording(order: RecordingOrder): Promise<ActionResult> {
    return this.inTurn(async () => {
      this.mustLive();
      if (this.call.privacy.on) throw this.refused('the call is private: nothing is recorded');
      if (this.recording) throw this.refused('the call is being recorded already');
      const id = await this.call.carrier.control.startRecording(order);
      this.recording = { order, id, paused: false, held: false };
      return { recordingId: id };
    });
  }

  pauseRecording(): Promise<ActionResult> {
    return this.inTurn(async () => {
      const recording = this.mustRecord();
      if (!recording.paused && !recording.held) await this.call.carrier.control.pauseRecording(recording.id);
      recording.paused = true;
      return { recordingId: recording.id };
    });
  }

  resumeRecording(): Promise<ActionResult> {
    return this.inTurn(async () => {
      const recording = this.mustRecord();
      if (this.call.privacy.on) throw this.refused('the call is private: nothing is recorded');
      if (recording.paused) await this.call.carrier.control.resumeRecording(recording.id);
      recording.paused = false;
      return { recordingId: recording.id };
    });
  }

  stopRecording(): Promise<ActionResult> {
    return this.inTurn(async () => {
      const recording = this.mustRecord();
      await this.call.carrier.control.stopRecording(recording.id);
      this.recording = undefined;
      return { recordingId: recording.id };
    });
  }

  /** True while the carrier records, paused or not: what is to be deleted has to be stopped first. */
  get isRecording(): boolean {
    return this.recording !== undefined;
  }

  startTranscription(order: TranscriptionOrder): Promise<ActionResult> {
    return this.inTurn(async () => {
      this.mustLive();
      if (this.call.privacy.on) throw this.refused('the call is private: nothing is transcribed');
      if (this.transcription) throw this.refused('the call is being transcribed already');
      const id = await this.call.carrier.control.startTranscription(order);
      this.transcription = { order, id, paused: false, held: false };
      return { transcriptionId: id };
    });
  }

  stopTranscription(): Promise<ActionResult> {
    return this.inTurn(async () => {
      this.mustNotBeOver();
      const { transcription } = this;
      if (!transcription) throw this.refused('the call is not being transcribed');
      if (!transcription.held) await this.call.carrier.control.stopTranscription(transcription.id);
      this.transcription = undefined;
      return { transcriptionId: transcription.id };
    });
  }

  /**
   * From now on nothing of what the caller says or keys in is to be seen, recorded or transcribed; or it is again. Words and keys are
   * masked at once; what the carrier cannot be made to pause is stopped. What the flow had paused itself stays so.
   * @returns { private, recording?: 'paused' | 'stopped' | 'resumed', transcription?: 'stopped' | 'started' }: what that has changed
   */
  setPrivate(on: boolean): Promise<ActionResult> {
    if (this.waiting < MAX_WAITING) this.wantsPrivate = on;
    if (on) this.makePrivate(true);
    return this.inTurn(async () => {
      this.mustNotBeOver();
      // Asked for the opposite meanwhile: that is next.
      if (this.wantsPrivate !== on) return { private: this.wantsPrivate };
      return { private: on, ...(await (on ? this.goPrivate() : this.goPublic())) };
    });
  }

  /** Sends key tones. */
  sendDigits(digits: string): Promise<ActionResult> {
    return this.inTurn(async () => {
      this.mustLive();
      if (!(await this.call.carrier.control.sendDigits(digits)) && !playTones(this.call, digits)) {
        throw this.refused('too much waits to be spoken: the keys were not sent');
      }
      return { digits };
    });
  }

  /** From now on these stand in `msg.call.parameters`, besides those that are there. */
  setValues(values: Readonly<Record<string, string>>): ActionResult {
    const parameters = { ...this.call.info.parameters, ...values };
    const bytes = Buffer.byteLength(JSON.stringify(parameters));
    if (Object.keys(parameters).length > MAX_PARAMETERS || bytes > MAX_PARAMETERS_BYTES) {
      throw this.refused(`a call may have ${MAX_PARAMETERS} values and ${MAX_PARAMETERS_BYTES / 1024} kB of them`);
    }
    this.call.info.parameters = parameters;
    this.call.carrier.farSide?.parameters(parameters);
    return { parameters: { ...parameters } };
  }

  private makePrivate(on: boolean): void {
    this.call.privacy.set(on);
    this.call.carrier.farSide?.private(on);
  }

  private async goPrivate(): Promise<ActionResult> {
    const { recording, transcription, call } = this;
    const { control } = call.carrier;
    const result: ActionResult = {};
    await all(
      async () => {
        if (!recording || recording.held || recording.paused) return;
        try {
          await control.pauseRecording(recording.id);
          recording.held = true;
          result.recording = 'paused';
        } catch {
          // What cannot be paused must not go on.
          await control.stopRecording(recording.id);
          this.recording = undefined;
          result.recording = 'stopped';
        }
      },
      async () => {
        if (!transcription || transcription.held) return;
        await control.stopTranscription(transcription.id);
        transcription.held = true;
        result.transcription = 'stopped';
      },
    );
    return result;
  }

  private async goPublic(): Promise<ActionResult> {
    const { recording, transcription, call } = this;
    const { control } = call.carrier;
    this.makePrivate(false);
    const result: ActionResult = {};
    await all(
      async () => {
        if (!recording?.held) return;
        if (!recording.paused) {
          await control.resumeRecording(recording.id);
          result.recording = 'resumed';
        }
        recording.held = false;
      },
      async () => {
        if (!transcription?.held) return;
        transcription.id = await control.startTranscription(transcription.order);
        transcription.held = false;
        result.transcription = 'started';
      },
    );
    return result;
  }

  private mustLive(): void {
    if (this.call.state !== 'live') {
      const why = {
        offered: 'it has not begun',
        away: 'the caller is with somebody else',
        ended: 'it has ended',
        live: '',
      };
      throw this.refused(`this cannot be done with the call now: ${why[this.call.state]}`);
    }
  }

  private mustNotBeOver(): void {
    if (this.call.state === 'ended') throw this.refused('the call has ended');
  }

  private mustRecord(): Running<RecordingOrder> {
    this.mustNotBeOver();
    if (!this.recording) throw this.refused('the call is not being recorded');
    return this.recording;
  }

  /** One after the other; what fails does not keep the next from being done. */
  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.waiting >= MAX_WAITING) {
      return Promise.reject(this.refused(`more than ${MAX_WAITING} things are to be done with the call at once`));
    }
    this.waiting++;
    const mine = this.last.then(work).finally(() => this.waiting--);
    this.last = mine.catch(() => undefined);
    return mine;
  }

  private refused(words: string): ProviderError {
    return new ProviderError('call-control', 'settings', `${words}.`, { advice: '' });
  }
}

/** Does all at the same time, and when all is done rejects with the first that failed. */
async function all(...works: (() => Promise<void>)[]): Promise<void> {
  const done = await Promise.allSettled(works.map((work) => work()));
  const failed = done.find((each) => each.status === 'rejected');
  if (failed) throw failed.reason;
}
