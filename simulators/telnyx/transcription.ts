import { isObject } from '../loopback';
import type { LineTap } from '../phone/call';
import { TrackWords } from '../phone/track-words';
import { errors } from './errors';
import { text, type Body } from './fields';

/** Engines by their names, and the old letters of the first two (public SDK: TranscriptionStartRequest). */
export const ENGINES = [
  ...['Google', 'Telnyx', 'Deepgram', 'Azure', 'xAI', 'AssemblyAI', 'Speechmatics', 'Soniox'],
  ...['Parakeet', 'Humain', 'Reson8', 'A', 'B'],
];
/** Only Telnyx's own engine says whose words they are. */
const TELLS_TRACK = ['Telnyx', 'B'];
/** Settings of these, where there are any, do not go without the one named. */
const NEEDED: Record<string, string> = { Azure: 'region', Deepgram: 'transcription_model' };

type Track = 'inbound' | 'outbound';

/**
 * The carrier's own speech-to-text on one call: `transcription_start` to `transcription_stop`. The track `inbound` is the leg that
 * asked for it, `outbound` is whoever speaks to it. Words come from the bytes of the line.
 */
export class Transcription {
  private readonly ears = new Map<Track, TrackWords>();
  private untap: (() => void) | undefined;

  /**
   * @param tell sends the webhook `call.transcription` with such `transcription_data`
   * @param tap listens to both sides of the line
   */
  constructor(
    private readonly tell: (data: Body) => void,
    private readonly tap: (tap: LineTap) => () => void,
  ) {}

  start(body: Body): void {
    if (this.untap) throw errors.transcribing('Call transcription can not be started more than once.');
    const engine = text(body, 'transcription_engine') ?? 'Google';
    const settings = configOf(body, engine);
    const tracks = text(body, 'transcription_tracks') ?? 'inbound';
    for (const track of ['inbound', 'outbound'] as const) {
      if (tracks === track || tracks === 'both') this.ears.set(track, this.ear(track, engine, settings));
    }
    this.untap = this.tap((toPhone, fromPhone) => {
      this.ears.get('inbound')?.hear(fromPhone);
      this.ears.get('outbound')?.hear(toPhone);
    });
  }

  stop(): void {
    if (!this.untap) throw errors.unable('The call is not being transcribed.');
    this.end();
  }

  /** What has been said up to now is final. */
  end(): void {
    this.untap?.();
    this.untap = undefined;
    for (const ear of this.ears.values()) ear.finish();
    this.ears.clear();
  }

  private ear(track: Track, engine: string, settings: Body): TrackWords {
    const about = TELLS_TRACK.includes(engine) ? { transcription_track: track } : {};
    const interim = settings['interim_results'] === true;
    return new TrackWords({
      partial: (transcript) => {
        if (interim) this.tell({ transcript, confidence: 0.6, is_final: false, ...about });
      },
      final: (transcript) => this.tell({ transcript, confidence: 0.94, is_final: true, ...about }),
    });
  }
}

/** The engine's own settings; throws a TelnyxError where one is missing that it needs, or they are another engine's. */
function configOf(body: Body, engine: string): Body {
  const pointer = '/transcription_engine_config';
  const config = body['transcription_engine_config'];
  if (!isObject(config)) return {};
  const named = config['transcription_engine'];
  const right = engine === 'Deepgram' ? /^deepgram\/nova-[23]$/ : new RegExp(`^${engine}$`);
  if (named !== undefined && !(typeof named === 'string' && right.test(named)))
    throw errors.invalid(`The settings are of another engine than ${engine}.`, pointer);
  const needed = NEEDED[engine];
  if (needed !== undefined && typeof config[needed] !== 'string')
    throw errors.missing(`The '${needed}' parameter is required and cannot be blank.`, `${pointer}/${needed}`);
  const model = config['transcription_model'];
  if (engine === 'Deepgram' && typeof model === 'string' && !right.test(model))
    throw errors.notOneOf(
      'The value must be one of: deepgram/nova-2, deepgram/nova-3.',
      `${pointer}/transcription_model`,
    );
  return config;
}
