import { ProviderError } from './errors';
import type { Timing } from './message';
import { BYTES_PER_MS } from './mulaw';
import type { PlaybackRecord, PlaybackTopic } from './playback';

/** Utterances that wait to be heard and answer a turn: as many as can be open; the oldest goes where one was never closed. */
const MAX_UNANSWERED = 100;
/** Names under which errors are counted; further ones count as `other`. */
const MAX_PROVIDERS = 16;

/** How long something took, over the call: ms, whole. Without any, mean and max are 0. */
export interface Spread {
  count: number;
  mean: number;
  max: number;
}

/** What a call came to: `payload.metrics` of `call.ended`. Plain numbers, counted up to that moment. */
export interface CallMetricsReport {
  /** Turns to which the caller heard an answer: each counts once, by whoever it is answered. */
  turns: number;
  /** Times that the caller cut short what was being said. */
  repliesCut: number;
  /** Utterances of which the caller heard something: replies, greetings, notices and so on. */
  utterances: number;
  /** What the caller heard of them, ms. */
  heardMs: number;
  /** The caller's audio that came in, ms. */
  callerAudioMs: number;
  /** From the end of the caller's speech (where that is not known, from the transcript) to the first audio of the answer. */
  responseMs: Spread;
  /** From the transcript to the model's first token. */
  modelMs: Spread;
  /** Of the model, as far as it told. */
  tokens: { input: number; output: number };
  /** Characters given to text-to-speech. */
  speechCharacters: number;
  /** Times that speech-to-text was connected again after a loss. */
  sttReconnects: number;
  /** Requests to model and text-to-speech that failed and were made again. */
  retries: number;
  /** Errors that went to Catch, by provider. */
  errors: Record<string, number>;
}

/** How long things took: nothing is kept of each. */
class Tally {
  private count = 0;
  private sum = 0;
  private max = 0;

  add(ms: number): void {
    if (!Number.isFinite(ms)) return;
    const took = Math.max(0, ms);
    this.count++;
    this.sum += took;
    this.max = Math.max(this.max, took);
  }

  get spread(): Spread {
    const { count, sum, max } = this;
    return { count, mean: count === 0 ? 0 : Math.round(sum / count), max: Math.round(max) };
  }
}

/** Counts what happens in one call. Does not grow with it. */
export class CallMetrics {
  private readonly response = new Tally();
  private readonly model = new Tally();
  private readonly tokens = { input: 0, output: 0 };
  private readonly errors = new Map<string, number>();
  private repliesCut = 0;
  private utterances = 0;
  private heardMs = 0;
  private characters = 0;
  private sttReconnects = 0;
  private retries = 0;
  /** By utterance: since when the caller waits for it, ms on the call's clock. */
  private readonly answers = new Map<string, number>();
  /** The latest moment since which a caller has waited whose answer was heard. */
  private answeredSince = -Infinity;

  /** The first audio of an utterance has come to be played. @param timing as it stands on the message */
  answering(id: string, timing: Timing): void {
    const since = timing.speechEndedAt ?? timing.transcriptAt;
    if (since === undefined || since <= this.answeredSince) return;
    this.answers.set(id, since);
    if (this.answers.size > MAX_UNANSWERED) this.answers.delete(this.answers.keys().next().value ?? '');
  }

  /** What became of an utterance. @param now ms on the call's clock */
  playback(topic: PlaybackTopic, { id, heardMs, reason }: PlaybackRecord, now: number): void {
    if (topic === 'playback.started') {
      const since = this.answers.get(id);
      // A turn may be answered in several utterances: the first ends the waiting.
      if (since !== undefined && since > this.answeredSince) {
        this.answeredSince = since;
        this.response.add(now - since);
      }
    } else {
      if (heardMs > 0) this.utterances++;
      this.heardMs += heardMs;
      if (reason === 'caller' && heardMs > 0) this.repliesCut++;
    }
    this.answers.delete(id);
  }

  /** A turn of an agent's is over. */
  turn({ transcriptAt, firstTokenAt }: Timing, usage?: { inputTokens: number; outputTokens: number }): void {
    if (transcriptAt !== undefined && firstTokenAt !== undefined) this.model.add(firstTokenAt - transcriptAt);
    this.tokens.input += countOf(usage?.inputTokens);
    this.tokens.output += countOf(usage?.outputTokens);
  }

  /** Text was given to text-to-speech. */
  spoken(characters: number): void {
    this.characters += characters;
  }

  /** A request failed and is made again. */
  retry(): void {
    this.retries++;
  }

  /** Speech-to-text listens again. */
  reconnected(): void {
    this.sttReconnects++;
  }

  /** An error went to Catch. */
  failed(err: unknown): void {
    const name = err instanceof ProviderError ? err.provider : 'other';
    const known = this.errors.has(name) || this.errors.size < MAX_PROVIDERS ? name : 'other';
    this.errors.set(known, (this.errors.get(known) ?? 0) + 1);
  }

  /** As it stands now; a copy. @param callerBytes of the caller's audio */
  report(callerBytes = 0): CallMetricsReport {
    const { repliesCut, utterances, heardMs, sttReconnects, retries, characters } = this;
    const responseMs = this.response.spread;
    return {
      turns: responseMs.count,
      repliesCut,
      utterances,
      heardMs,
      callerAudioMs: Math.round(callerBytes / BYTES_PER_MS),
      responseMs,
      modelMs: this.model.spread,
      tokens: { ...this.tokens },
      speechCharacters: characters,
      sttReconnects,
      retries,
      errors: Object.fromEntries(this.errors),
    };
  }
}

/** What a provider told: a count, or nothing. */
function countOf(told: number | undefined): number {
  return told !== undefined && Number.isFinite(told) && told > 0 ? told : 0;
}
