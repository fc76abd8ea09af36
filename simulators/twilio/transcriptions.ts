import type { LineTap } from '../phone/call';
import { TrackWords } from '../phone/track-words';
import { newSid } from './ids';
import { flag, invalid, isHttpUrl, notEligible, oneOf, type Field } from './parameters';
import { RestError, notFound } from './rest-error';
import type { FormFields } from './signatures';

const TRACKS = ['inbound_track', 'outbound_track', 'both_tracks'] as const;
/** Models by engine; the first is the engine's own choice. */
const MODELS: Record<string, RegExp> = {
  google:
    /^(telephony|telephony_short|long|short|latest_long|latest_short|medical_(conversation|dictation)|chirp(_[23])?(_telephony)?)$/,
  deepgram: /^(nova-[23](-[a-z]+)?|base|enhanced)$/,
};

/** What is asked for, checked (contracts/twilio.md section 9.4). */
export interface TranscriptionRequest {
  name: string | undefined;
  track: (typeof TRACKS)[number];
  callback: { url: string; method: 'GET' | 'POST' } | undefined;
  partials: boolean;
  language: string;
  engine: 'google' | 'deepgram';
  /** The engine's own settings, as the callbacks tell them. */
  provider: Record<string, string>;
}

/** Reads the parameters. Throws a RestError: 32650 for an engine, model or language that there is not. */
export function transcriptionRequest(field: Field): TranscriptionRequest {
  const url = field('StatusCallbackUrl');
  if (url !== undefined && !isHttpUrl(url)) throw invalid('StatusCallbackUrl', url, 21609);
  const engine = field('TranscriptionEngine') ?? 'google';
  const model = field('SpeechModel') ?? (engine === 'deepgram' ? 'nova-2' : 'telephony');
  const language = field('LanguageCode') ?? 'en-US';
  if (!MODELS[engine]?.test(model) || !/^([a-z]{2,3}(-[A-Za-z0-9]{2,8})*|multi)$/.test(language)) {
    throw new RestError(
      400,
      32650,
      `Real-time Transcriptions: invalid configuration: engine "${engine}", model "${model}", language "${language}"`,
    );
  }
  const provider: Record<string, string> = {
    profanityFilter: String(flag(field, 'ProfanityFilter', true)),
    speechModel: model,
    enableAutomaticPunctuation: String(flag(field, 'EnableAutomaticPunctuation', true)),
  };
  const hints = field('Hints');
  if (hints !== undefined) provider['hints'] = hints;
  return {
    name: field('Name'),
    track: oneOf(field, 'Track', TRACKS, 'both_tracks'),
    callback:
      url === undefined ? undefined : { url, method: oneOf(field, 'StatusCallbackMethod', ['GET', 'POST'], 'POST') },
    partials: flag(field, 'PartialResults', false),
    language,
    engine: engine === 'deepgram' ? 'deepgram' : 'google',
    provider,
  };
}

/** One transcription, as the REST API knows it. */
export class Transcription {
  readonly sid = newSid('GT');
  status: 'in-progress' | 'stopped' = 'in-progress';
  updatedAt = new Date();
  sequence = 0;
  stop = (): void => {};

  constructor(readonly request: TranscriptionRequest) {}

  get name(): string {
    return this.request.name ?? this.sid;
  }
}

/** A failure on command: the engine gives up as soon as it is started. */
export interface TranscriptionFault {
  code: string;
  message: string;
  /** The documentation has two pairs of names for the fields. */
  names?: 'TranscriptionError' | 'Error';
}

/** What the transcriptions of a call need of it. */
export interface TranscriptionHost {
  readonly callSid: string;
  isLive(): boolean;
  readonly fault: TranscriptionFault | undefined;
  tap(tap: LineTap): () => void;
  callback(url: string, method: 'GET' | 'POST', fields: FormFields): void;
}

/** The carrier's own speech-to-text on one call: the words come from the bytes of the line, each side by itself. */
export class Transcriptions {
  private readonly all = new Map<string, Transcription>();

  constructor(private readonly host: TranscriptionHost) {}

  start(request: TranscriptionRequest): Transcription {
    if (!this.host.isLive()) throw notEligible('The call is not in progress and cannot be transcribed');
    const { name } = request;
    if (name !== undefined && this.running(name)) throw invalid('Name', name);
    const transcription = new Transcription(request);
    this.all.set(transcription.sid, transcription);
    this.tell(transcription, 'transcription-started', {
      Track: request.track,
      LanguageCode: request.language,
      TranscriptionEngine: request.engine,
      ProviderConfiguration: JSON.stringify(request.provider),
      PartialResults: String(request.partials),
    });
    const { fault } = this.host;
    if (fault) this.fail(transcription, fault);
    else this.listen(transcription);
    return transcription;
  }

  /** Stops a transcription by its sid or its name. */
  update(id: string, field: Field): Transcription {
    const transcription = this.running(id) ?? this.all.get(id);
    if (!transcription) throw notFound(`/Calls/${this.host.callSid}/Transcriptions/${id}.json`);
    oneOf(field, 'Status', ['stopped']);
    if (transcription.status === 'stopped') throw notEligible('The transcription is stopped already');
    this.finish(transcription);
    return transcription;
  }

  /** The call is over. */
  end(): void {
    for (const each of this.all.values()) if (each.status === 'in-progress') this.finish(each);
  }

  private running(id: string): Transcription | undefined {
    return [...this.all.values()].find(
      (each) => each.status === 'in-progress' && (each.sid === id || each.name === id),
    );
  }

  private listen(transcription: Transcription): void {
    const { track } = transcription.request;
    const inbound = track === 'outbound_track' ? undefined : this.ear(transcription, 'inbound_track');
    const outbound = track === 'inbound_track' ? undefined : this.ear(transcription, 'outbound_track');
    const untap = this.host.tap((toPhone, fromPhone) => {
      inbound?.hear(fromPhone);
      outbound?.hear(toPhone);
    });
    transcription.stop = () => {
      untap();
      inbound?.finish();
      outbound?.finish();
    };
  }

  private ear(transcription: Transcription, track: string): TrackWords {
    const { partials, engine, language } = transcription.request;
    const tell = (transcript: string, final: boolean): void => {
      this.tell(transcription, 'transcription-content', {
        Track: track,
        LanguageCode: language,
        TranscriptionData: JSON.stringify({ transcript, ...(final ? { confidence: 0.9712 } : {}) }),
        Final: String(final),
        ...(!final && engine === 'google' ? { Stability: '0.9' } : {}),
      });
    };
    return new TrackWords({
      partial: (text) => partials && tell(text, false),
      final: (text) => tell(text, true),
    });
  }

  private fail(
    transcription: Transcription,
    { code, message, names = 'TranscriptionError' }: TranscriptionFault,
  ): void {
    transcription.status = 'stopped';
    const fields: FormFields =
      names === 'Error'
        ? { ErrorCode: code, ErrorMessage: message }
        : { TranscriptionErrorCode: code, TranscriptionError: message };
    this.tell(transcription, 'transcription-error', fields);
  }

  private finish(transcription: Transcription): void {
    transcription.stop();
    transcription.status = 'stopped';
    transcription.updatedAt = new Date();
    this.tell(transcription, 'transcription-stopped', {});
  }

  private tell(transcription: Transcription, event: string, fields: FormFields): void {
    const { callback } = transcription.request;
    if (!callback) return;
    this.host.callback(callback.url, callback.method, {
      TranscriptionEvent: event,
      TranscriptionSid: transcription.sid,
      ...fields,
      SequenceId: String(++transcription.sequence),
      Timestamp: new Date().toISOString(),
    });
  }
}
