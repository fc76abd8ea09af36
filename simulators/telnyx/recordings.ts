import { isSilent } from '../audio';
import type { LineTap } from '../phone/call';
import { Tape, type TapeTrack } from '../phone/tape';
import { TICK_MS } from '../phone/ticker';
import type { Archive, Recorded } from './archive';
import { errors } from './errors';
import { number, text, type Body } from './fields';
import { newId } from './ids';

/** Length of the beep of `play_beep`, ms. */
export const RECORDING_BEEP_MS = 200;
/** The header of an MP3 file (an empty ID3 tag) and nothing behind it: the simulator makes WAV files only. */
const EMPTY_MP3 = Buffer.from('ID3\x04\0\0\0\0\0\0', 'latin1');

interface Running {
  id: string;
  format: Recorded['format'];
  channels: Recorded['channels'];
  initiatedBy: Recorded['initiatedBy'];
  trim: boolean;
  maxMs: number;
  timeoutMs: number;
  startedAt: Date;
  tape: Tape;
  /** Since somebody last spoke, ms; undefined: nobody has yet. */
  silentMs: number | undefined;
  paused: boolean;
  untap(): void;
}

/** What the recordings of a call need of it. */
export interface RecordingHost {
  /** Why recordings fail: `call.recording.error` comes in place of the recording. */
  readonly failure: string | undefined;
  /** Is `recording_id` to be left out of the webhook? It stands in the documented samples and not in the published types. */
  readonly withoutId: boolean;
  readonly archive: Archive;
  call(): Recorded['call'];
  /** Listens to both sides of the line. */
  tap(tap: LineTap): () => void;
  beep(ms: number): void;
  /** Sends a webhook. `call.recording.saved` names the call by leg and session, and has no `call_control_id`. */
  tell(event: string, payload: Body): void;
}

/**
 * The recordings of one call: `record_start` to `record_stop`, or to the end; one at a time. What is kept is what went over the
 * line, the caller's side on channel A, and all else on channel B. A paused stretch is left out.
 */
export class Recordings {
  private current: Running | undefined;

  constructor(private readonly host: RecordingHost) {}

  /**
   * @param body checked: of `record_start`, or (its fields begin with `record_`) of an answer or a dial
   * @param id of the recording, where it has been told already
   */
  start(body: Body, id = newId()): void {
    if (this.current) throw errors.unable('The call is being recorded already.');
    const own = text(body, 'record') === undefined;
    const field = (name: string): string | undefined => text(body, own ? name : `record_${name}`);
    const seconds = (name: string): number => 1000 * (number(body, own ? name : `record_${name}`) || Infinity);
    const track = trackOf(own ? text(body, 'recording_track') : text(body, 'record_track'));
    const running: Running = {
      id,
      format: field('format') === 'wav' ? 'wav' : 'mp3',
      // A single track is mono, whatever was asked for.
      channels: track === 'both' && field('channels') !== 'single' ? 'dual' : 'single',
      initiatedBy: own ? 'StartCallRecordingAPI' : 'OutboundAPI',
      trim: field('trim') === 'trim-silence',
      maxMs: seconds('max_length'),
      timeoutMs: seconds('timeout_secs'),
      startedAt: new Date(),
      tape: new Tape(track),
      silentMs: undefined,
      paused: false,
      untap: this.host.tap((toPhone, fromPhone) => this.hear(running, toPhone, fromPhone)),
    };
    this.current = running;
    if (body['play_beep'] === true) this.host.beep(RECORDING_BEEP_MS);
  }

  pause(id: string | undefined): void {
    const running = this.running(id);
    running.paused = true;
    running.tape.pause('skip');
  }

  resume(id: string | undefined): void {
    const running = this.running(id);
    running.paused = false;
    running.tape.resume();
  }

  stop(id: string | undefined): void {
    this.running(id);
    this.end();
  }

  /** What is being recorded is saved. */
  end(): void {
    const { current, host } = this;
    if (!current) return;
    this.current = undefined;
    current.untap();
    const { call_control_id: callControlId, ...call } = host.call();
    if (host.failure !== undefined) {
      const { from: _from, to: _to, ...ids } = call;
      return host.tell('call.recording.error', { call_control_id: callControlId, ...ids, reason: host.failure });
    }
    if (current.trim) current.tape.trim();
    const { id, format, channels, startedAt, tape, initiatedBy } = current;
    const endedAt = new Date();
    const bytes = format === 'wav' ? tape.wav(channels === 'dual' ? 2 : 1) : EMPTY_MP3;
    const recorded = { id, format, channels, startedAt, endedAt, ms: tape.ms, bytes, initiatedBy, call: host.call() };
    host.tell('call.recording.saved', {
      ...(host.withoutId ? {} : { recording_id: id }),
      ...call,
      channels,
      format,
      recording_started_at: startedAt.toISOString(),
      recording_ended_at: endedAt.toISOString(),
      recording_urls: { [format]: host.archive.save(recorded) },
      public_recording_urls: {},
    });
  }

  private running(id: string | undefined): Running {
    const { current } = this;
    if (!current || (id !== undefined && id !== current.id)) throw errors.unable('The call is not being recorded.');
    return current;
  }

  private hear(running: Running, toPhone: Buffer | undefined, fromPhone: Buffer): void {
    if (running !== this.current) return;
    running.tape.hear(toPhone, fromPhone);
    if (running.paused) return;
    const speaking = !isSilent(fromPhone) || (toPhone !== undefined && !isSilent(toPhone));
    if (speaking) running.silentMs = 0;
    else if (running.silentMs !== undefined) running.silentMs += TICK_MS;
    if (running.tape.ms >= running.maxMs || (running.silentMs ?? 0) >= running.timeoutMs) this.end();
  }
}

function trackOf(track: string | undefined): TapeTrack {
  return track === 'inbound' || track === 'outbound' ? track : 'both';
}
