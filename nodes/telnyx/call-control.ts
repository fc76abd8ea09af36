import type { CarrierControl, RecordingOrder, TranscriptionOrder, TransferOrder } from '../call/carrier/control';
import type { ReportKind } from '../call/carrier/reports';
import { reportState } from './report-state';
import { isOver } from './rest';

/** How long a key's tone is, ms: Telnyx's own default (contracts/telnyx.md, section 3.2). */
const KEY_MS = 250;
/** Telnyx sends so many keys at once. */
const KEYS_AT_ONCE = 512;

/** What it needs of its call. */
export interface ControlledCall {
  transfer(order: TransferOrder): Promise<void>;
  command(action: string, body?: Readonly<Record<string, unknown>>): Promise<void>;
  /** Expects reports. @returns a token that stands for them */
  expect(kind: ReportKind): string;
}

/** What Telnyx does with a call beyond talking (contracts/telnyx.md, section 3.2). It names recordings only when they are saved. */
export class TelnyxControl implements CarrierControl {
  /** Whose words are being transcribed, where it is one side: most engines do not say. */
  onlyTrack: 'inbound' | 'outbound' | undefined;
  private state = '';
  private recorded = false;

  constructor(private readonly call: ControlledCall) {}

  transfer(order: TransferOrder): Promise<void> {
    return this.call.transfer(order);
  }

  async startRecording({ channels, track, trim, callbackUrl }: RecordingOrder): Promise<string> {
    await this.call.command('record_start', {
      format: 'wav',
      channels: channels === 'mono' ? 'single' : 'dual',
      recording_track: track,
      ...(trim && { trim: 'trim-silence' }),
      client_state: this.reportState('recording', callbackUrl),
    });
    return '';
  }

  pauseRecording(): Promise<void> {
    return this.call.command('record_pause');
  }

  resumeRecording(): Promise<void> {
    return this.call.command('record_resume');
  }

  stopRecording(): Promise<void> {
    return untilOver(this.call.command('record_stop'));
  }

  async startTranscription({ engine, model, language, track }: TranscriptionOrder): Promise<string> {
    const settings = engineSettings(engine, model, language);
    await this.call.command('transcription_start', {
      transcription_tracks: track,
      client_state: this.reportState('transcription', ''),
      ...(engine !== '' && { transcription_engine: engine }),
      ...(settings && { transcription_engine_config: settings }),
    });
    this.onlyTrack = track === 'both' ? undefined : track;
    return '';
  }

  stopTranscription(): Promise<void> {
    return untilOver(this.call.command('transcription_stop'));
  }

  async sendDigits(digits: string): Promise<boolean> {
    for (let at = 0; at < digits.length; at += KEYS_AT_ONCE) {
      const keys = digits.slice(at, at + KEYS_AT_ONCE);
      await this.call.command('send_dtmf', { digits: keys, duration_millis: KEY_MS });
    }
    return true;
  }

  /**
   * A `client_state` that comes back with each report. Each brings the state that was set last, of whichever kind: so that of a
   * recording stays, which is the report that may come when all else is forgotten.
   * @param callbackUrl where the report goes in place of the flow, if anywhere
   */
  private reportState(kind: ReportKind, callbackUrl: string): string {
    if (kind === 'recording' || !this.recorded) {
      this.state = reportState({ token: this.call.expect(kind), callbackUrl });
    }
    this.recorded ||= kind === 'recording';
    return this.state;
  }
}

/** These are the engine that is taken when none is named: it has a name of its own for the model. */
const FIRST_ENGINE = ['', 'Google', 'A'];

/** The settings of an engine: its name stands among them once more; where models are chosen as `.../nova-3`, that is the model's. */
function engineSettings(engine: string, model: string, language: string): Record<string, string> | undefined {
  if (model === '' && language === '') return undefined;
  const name = /\/nova-\d/.test(model) ? model : engine;
  return {
    ...(engine !== '' && { transcription_engine: name }),
    ...(model !== '' && { [FIRST_ENGINE.includes(engine) ? 'model' : 'transcription_model']: model }),
    ...(language !== '' && { language }),
  };
}

/** What is over with its call need not be stopped. */
async function untilOver(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (err) {
    if (!isOver(err)) throw err;
  }
}
