import { Tape, type TapeTrack } from '../phone/tape';
import type { LineTap } from '../phone/call';
import { newSid, rfc2822 } from './ids';
import { invalid, isHttpUrl, notEligible, oneOf, type Field } from './parameters';
import { notFound } from './rest-error';
import type { FormFields } from './signatures';

const EVENTS = ['in-progress', 'completed', 'absent'] as const;
type RecordingEvent = (typeof EVENTS)[number];

/** How a recording came to be, in Twilio's words. */
export type RecordingSource = 'StartCallRecordingAPI' | 'OutboundAPI';

/** What is asked for, checked. */
export interface RecordingRequest {
  channels: 1 | 2;
  track: TapeTrack;
  trim: boolean;
  source: RecordingSource;
  callback: { url: string; method: 'GET' | 'POST'; events: RecordingEvent[] } | undefined;
}

/**
 * Reads the parameters of a recording (contracts/twilio.md section 9.3). Throws a RestError for a value that Twilio does not know.
 * @param trim what is done to silence at the ends where nothing is said of it
 */
export function recordingRequest(field: Field, source: RecordingSource, trim = 'do-not-trim'): RecordingRequest {
  const url = field('RecordingStatusCallback');
  if (url !== undefined && !isHttpUrl(url)) throw invalid('RecordingStatusCallback', url, 21609);
  const events = (field('RecordingStatusCallbackEvent') ?? 'completed').split(/[\s,]+/).filter(Boolean);
  return {
    channels: oneOf(field, 'RecordingChannels', ['mono', 'dual'], 'mono') === 'dual' ? 2 : 1,
    track: oneOf(field, 'RecordingTrack', ['inbound', 'outbound', 'both'], 'both'),
    trim: oneOf(field, 'Trim', ['trim-silence', 'do-not-trim'], trim) === 'trim-silence',
    source,
    callback:
      url === undefined
        ? undefined
        : {
            url,
            method: oneOf(field, 'RecordingStatusCallbackMethod', ['GET', 'POST'], 'POST'),
            events: events.map((event) => {
              const known = EVENTS.find((each) => each === event);
              if (!known) throw invalid('RecordingStatusCallbackEvent', event);
              return known;
            }),
          },
  };
}

/** One recording, as the REST API knows it. */
export class Recording {
  readonly sid = newSid('RE');
  readonly startedAt = new Date();
  readonly tape: Tape;
  status: 'in-progress' | 'paused' | 'stopped' | 'processing' | 'completed' | 'absent' = 'in-progress';
  updatedAt = this.startedAt;

  constructor(
    readonly callSid: string,
    readonly request: RecordingRequest,
  ) {
    this.tape = new Tape(request.track);
  }

  get isRunning(): boolean {
    return this.status === 'in-progress' || this.status === 'paused';
  }

  /** Whole seconds, as Twilio counts them. */
  get seconds(): number {
    return Math.round(this.tape.ms / 1000);
  }
}

/** What the recordings of a call need of it. */
export interface RecordingHost {
  readonly callSid: string;
  /** Is somebody on the line, who can be recorded? */
  isLive(): boolean;
  /** Where recordings can be fetched: the account's address at the REST API. */
  accountUrl(): string;
  /** How long Twilio takes to make the file, in ms. */
  readonly readyAfterMs: number;
  /** The file cannot be made. */
  readonly isAbsent: boolean;
  tap(tap: LineTap): () => void;
  callback(url: string, method: 'GET' | 'POST', fields: FormFields): void;
  /** Resolves after `ms`, or when the phone company closes down. */
  pause(ms: number): Promise<void>;
}

/** The recordings of one call: one at a time. One that runs at the end of the call is completed then. */
export class Recordings {
  private readonly all = new Map<string, Recording>();
  private readonly making = new Set<Promise<void>>();
  private untap = (): void => {};

  constructor(private readonly host: RecordingHost) {}

  get list(): Recording[] {
    return [...this.all.values()];
  }

  find(sid: string): Recording | undefined {
    return this.all.get(sid);
  }

  start(request: RecordingRequest): Recording {
    const { callSid } = this.host;
    if (!this.host.isLive() || this.running) throw notEligible('Requested resource is not eligible for recording');
    const recording = new Recording(callSid, request);
    this.all.set(recording.sid, recording);
    this.untap = this.host.tap(recording.tape.hear);
    this.tell(recording, 'in-progress');
    return recording;
  }

  /** Changes a recording by its sid or `Twilio.CURRENT`. */
  update(sid: string, field: Field): Recording {
    const recording = sid === 'Twilio.CURRENT' ? this.running : this.all.get(sid);
    if (!recording) throw notFound(`/Calls/${this.host.callSid}/Recordings/${sid}.json`);
    const status = oneOf(field, 'Status', ['in-progress', 'paused', 'stopped']);
    const behaviour = oneOf(field, 'PauseBehavior', ['skip', 'silence'], 'silence');
    if (!recording.isRunning) throw notEligible(`The recording is ${recording.status} and cannot be changed`);
    recording.updatedAt = new Date();
    if (status === 'stopped') this.finish(recording);
    else {
      recording.status = status;
      if (status === 'paused') recording.tape.pause(behaviour);
      else recording.tape.resume();
    }
    return recording;
  }

  delete(sid: string): void {
    const recording = this.all.get(sid);
    if (!recording) throw notFound(`/Recordings/${sid}.json`);
    if (recording.isRunning) throw notEligible('A recording that is in progress cannot be deleted');
    this.all.delete(sid);
  }

  /** The call is over. */
  end(): void {
    if (this.running) this.finish(this.running);
  }

  /** Resolves when all files are made, and told. */
  async settled(): Promise<void> {
    await Promise.all(this.making);
  }

  private get running(): Recording | undefined {
    return this.list.find((each) => each.isRunning);
  }

  private finish(recording: Recording): void {
    this.untap();
    recording.status = this.host.readyAfterMs > 0 ? 'processing' : 'stopped';
    const made = this.make(recording).finally(() => this.making.delete(made));
    this.making.add(made);
  }

  private async make(recording: Recording): Promise<void> {
    if (recording.request.trim) recording.tape.trim();
    await this.host.pause(this.host.readyAfterMs);
    recording.updatedAt = new Date();
    recording.status = this.host.isAbsent || recording.tape.ms === 0 ? 'absent' : 'completed';
    this.tell(recording, recording.status);
  }

  private tell(recording: Recording, event: RecordingEvent): void {
    const { callback, channels, source, track } = recording.request;
    if (!callback?.events.includes(event)) return;
    const fields: FormFields = {
      RecordingSid: recording.sid,
      RecordingUrl: `${this.host.accountUrl()}/Recordings/${recording.sid}`,
      RecordingStatus: event,
      RecordingChannels: String(channels),
      RecordingStartTime: rfc2822(recording.startedAt),
      RecordingSource: source,
      RecordingTrack: track,
    };
    if (event === 'completed') fields['RecordingDuration'] = String(recording.seconds);
    // 16101: too short to be made.
    if (event === 'absent') fields['ErrorCode'] = '16101';
    this.host.callback(callback.url, callback.method, fields);
  }
}
