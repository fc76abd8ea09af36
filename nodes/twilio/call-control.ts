import type { CarrierControl, RecordingOrder, TranscriptionOrder, TransferOrder } from '../call/carrier/control';
import type { ReportKind } from '../call/carrier/reports';
import { isOver } from './rest';
import type { RestForm } from './rest';

/** What it needs of its call. */
export interface ControlledCall {
  /** Has the caller put through, as `CarrierCall.putThrough` does. */
  transfer(order: TransferOrder): Promise<void>;
  /** Asks for something below the call at Twilio. @returns its sid */
  resource(below: string, form: RestForm): Promise<string>;
  /** Where reports of this kind go, for one recording or transcription. */
  reportUrl(kind: ReportKind): string;
}

/** What Twilio does with a call beyond talking (contracts/twilio.md, sections 9.3, 9.4 and 11). */
export class TwilioControl implements CarrierControl {
  constructor(private readonly call: ControlledCall) {}

  transfer(order: TransferOrder): Promise<void> {
    return this.call.transfer(order);
  }

  startRecording({ channels, track, trim, callbackUrl }: RecordingOrder): Promise<string> {
    return this.call.resource('Recordings', {
      RecordingChannels: channels,
      RecordingTrack: track,
      Trim: trim ? 'trim-silence' : 'do-not-trim',
      RecordingStatusCallback: callbackUrl || this.call.reportUrl('recording'),
      RecordingStatusCallbackMethod: 'POST',
      RecordingStatusCallbackEvent: 'in-progress completed absent',
    });
  }

  async pauseRecording(id: string): Promise<void> {
    // With silence in its place what comes after stays where it was in time.
    await this.change(id, { Status: 'paused', PauseBehavior: 'silence' });
  }

  async resumeRecording(id: string): Promise<void> {
    await this.change(id, { Status: 'in-progress' });
  }

  async stopRecording(id: string): Promise<void> {
    await untilOver(this.change(id, { Status: 'stopped' }));
  }

  startTranscription({ engine, model, language, track }: TranscriptionOrder): Promise<string> {
    return this.call.resource('Transcriptions', {
      Track: track === 'both' ? 'both_tracks' : `${track}_track`,
      StatusCallbackUrl: this.call.reportUrl('transcription'),
      StatusCallbackMethod: 'POST',
      ...(engine !== '' && { TranscriptionEngine: engine }),
      ...(model !== '' && { SpeechModel: model }),
      ...(language !== '' && { LanguageCode: language }),
    });
  }

  async stopTranscription(id: string): Promise<void> {
    await untilOver(this.call.resource(`Transcriptions/${encodeURIComponent(id)}`, { Status: 'stopped' }));
  }

  /** Twilio sends keys only where TwiML plays them, which ends the stream: so they are played as audio. */
  sendDigits(): Promise<boolean> {
    return Promise.resolve(false);
  }

  private async change(id: string, form: RestForm): Promise<void> {
    await this.call.resource(`Recordings/${encodeURIComponent(id || 'Twilio.CURRENT')}`, form);
  }
}

/** What is over already need not be stopped. */
async function untilOver(work: Promise<unknown>): Promise<void> {
  try {
    await work;
  } catch (err) {
    if (!isOver(err)) throw err;
  }
}
