/** /v1/listen (Nova): segments, interim results, endpointing, UtteranceEnd (contracts/deepgram.md 1). */
import { createHash } from 'node:crypto';
import { ListenStream, bare, confidence, seconds, type StreamContext, type TimedWord } from './stream';
import type { NovaSettings } from './parameters';

/** How results are paced, in ms of audio. */
export interface NovaPace {
  /** Between interim results. */
  interimMs: number;
  /** A segment this long is made final at the next pause between words. */
  segmentMs: number;
}

/** Voice that comes back sooner than this is the same speech for SpeechStarted. */
const SPEECH_GAP_MS = 200;
const NET_0001 =
  'NET-0001: Deepgram did not receive audio data or a text message within the timeout window. See https://dpgr.am/net0001';

export class NovaStream extends ListenStream {
  private segmentStartMs = 0;
  private segmentWord = 0;
  private interimWords = 0;
  private interimHeardMs = 0;
  private interimTick = 0;
  private voiceEndMs = -Infinity;
  private voiced = false;
  /** Voice was heard since the last speech_final. */
  private open = false;
  private wordsAtUtteranceEnd = 0;
  private closing = false;

  constructor(
    context: StreamContext,
    private settings: NovaSettings,
    private readonly pace: NovaPace,
  ) {
    super(context);
  }

  protected heard(blockMs: number, silent: boolean): void {
    if (this.closing) return;
    if (this.settings.encoding === undefined) {
      // Without encoding Deepgram looks for a container such as WAV; raw audio has none.
      this.finish(1008, 'DATA-0000: The payload cannot be decoded as audio. See https://dpgr.am/data0000');
      return;
    }
    if (silent) this.hearSilence();
    else this.hearVoice(blockMs);
    this.utteranceEnd();
  }

  private hearVoice(blockMs: number): void {
    if (!this.voiced && this.settings.vadEvents) {
      this.send({ type: 'SpeechStarted', channel: [0, 1], timestamp: seconds(this.clockMs - blockMs) });
    }
    this.voiced = true;
    this.open = true;
    this.voiceEndMs = this.clockMs;
    if (this.segmentIsFull && !this.insideWord) this.result({ final: true });
    else this.interim();
  }

  private hearSilence(): void {
    const { endpointing } = this.settings;
    const silentMs = this.clockMs - this.voiceEndMs;
    if (silentMs >= Math.max(SPEECH_GAP_MS, endpointing === false ? 0 : endpointing)) this.voiced = false;
    if (this.open && endpointing !== false && silentMs >= endpointing) {
      this.open = false;
      this.result({ final: true, speechFinal: true });
    } else if (this.segmentIsFull) {
      this.result({ final: true });
    } else {
      this.interim();
    }
  }

  private get segmentIsFull(): boolean {
    return this.clockMs - this.segmentStartMs >= this.pace.segmentMs;
  }

  private get insideWord(): boolean {
    const word = this.lastWord;
    return (
      word !== undefined &&
      word.fromMs + word.heardMs < word.totalMs &&
      this.clockMs - this.lastWordEndMs < SPEECH_GAP_MS
    );
  }

  /** On a grid of the audio clock, when words have come or grown since the last one. */
  private interim(): void {
    const tick = Math.floor(this.clockMs / this.pace.interimMs);
    if (tick === this.interimTick) return;
    this.interimTick = tick;
    const count = this.decoder.words.length;
    if (!this.settings.interimResults || count === this.segmentWord) return;
    const heardMs = this.lastWord?.heardMs ?? 0;
    if (count === this.interimWords && heardMs === this.interimHeardMs) return;
    this.interimWords = count;
    this.interimHeardMs = heardMs;
    this.result({ final: false });
  }

  /** The gap between words, whatever noise fills it: what UtteranceEnd is for. */
  private utteranceEnd(): void {
    const { utteranceEndMs } = this.settings;
    if (utteranceEndMs === undefined || this.decoder.words.length === this.wordsAtUtteranceEnd) return;
    if (this.clockMs - this.lastWordEndMs < utteranceEndMs) return;
    this.wordsAtUtteranceEnd = this.decoder.words.length;
    if (this.segmentWord < this.decoder.words.length) this.result({ final: true });
    this.send({ type: 'UtteranceEnd', channel: [0, 1], last_word_end: seconds(this.lastWordEndMs) });
  }

  private result(o: { final: boolean; speechFinal?: boolean; fromFinalize?: boolean }): void {
    const words = this.wordsFrom(this.segmentWord);
    const transcript = words.map((word) => word.text).join(' ');
    this.send({
      type: 'Results',
      channel_index: [0, 1],
      duration: seconds(this.clockMs - this.segmentStartMs),
      start: seconds(this.segmentStartMs),
      is_final: o.final,
      speech_final: o.speechFinal ?? false,
      channel: {
        alternatives: [
          { transcript, confidence: words.length === 0 ? 0 : 0.98, words: words.map((word) => this.wordOf(word)) },
        ],
      },
      metadata: {
        request_id: this.connection.requestId,
        model_info: { name: `general-${this.settings.model}`, version: '2026-06-11.0', arch: this.settings.model },
        model_uuid: '7d0b1a1e-51c4-4f4f-8c67-1d9fd0f4a2b3',
      },
      from_finalize: o.fromFinalize ?? false,
    });
    if (!o.final) return;
    if (transcript !== '') this.connection.transcripts.push(transcript);
    this.segmentStartMs = this.clockMs;
    this.segmentWord = this.decoder.words.length;
  }

  private wordOf({ text, startMs, endMs }: TimedWord): Record<string, unknown> {
    const word = { word: bare(text), start: seconds(startMs), end: seconds(endMs), confidence: confidence(text) };
    return this.settings.punctuated ? { ...word, punctuated_word: text } : word;
  }

  protected command(message: Record<string, unknown>, text: string): void {
    switch (message['type']) {
      case 'KeepAlive':
        // A KeepAlive keeps a stream alive, not a socket on which no audio was ever sent.
        if (this.clockMs > 0) this.touch();
        return;
      case 'Finalize':
        this.touch();
        if (this.clockMs > this.segmentStartMs) {
          this.open = false;
          this.result({ final: true, fromFinalize: true });
        }
        return;
      case 'CloseStream':
        this.audioEnded();
        return;
      case 'Configure':
        this.touch();
        this.configure(message);
        return;
      default:
        this.unparsable(text);
    }
  }

  private configure(message: Record<string, unknown>): void {
    const { type: _type, keyterms, features, ...rest } = message;
    const [unknown] = Object.keys(rest);
    const refuse = (code: string, description: string): void =>
      this.send({ type: 'Error', variant: 'InvalidConfigureMessage', description, message: description, code });
    if (unknown !== undefined) return refuse('UnsupportedField', `\`${unknown}\` cannot be configured.`);
    if (keyterms !== undefined && !isStrings(keyterms)) return refuse('InvalidKeyterms', '`keyterms` must be strings.');
    if (keyterms !== undefined && !this.settings.model.startsWith('nova-3')) {
      return refuse('KeytermsNotSupported', '`keyterms` are not available for this model.');
    }
    if (keyterms !== undefined) this.settings = { ...this.settings, keyterms };
    this.send({
      type: 'ConfigureSuccess',
      request_id: this.connection.requestId,
      keyterms: this.settings.keyterms,
      features,
    });
  }

  protected unparsable(text: string): void {
    this.send({
      type: 'Error',
      variant: 'UnparsableClientMessage',
      description: `Could not read the message ${text.slice(0, 80)}`,
      message: 'Unparsable client message',
      code: 'UNPARSABLE_CLIENT_MESSAGE',
    });
    this.finish(1008, 'DATA-0000: The client message could not be read.');
  }

  protected audioEnded(): void {
    if (this.closing) return;
    this.closing = true;
    if (this.clockMs > this.segmentStartMs) this.result({ final: true });
    this.send({
      type: 'Metadata',
      transaction_key: 'deprecated',
      request_id: this.connection.requestId,
      sha256: createHash('sha256').update(this.connection.requestId).digest('hex'),
      created: new Date(this.connection.startedAt).toISOString(),
      duration: seconds(this.clockMs),
      channels: 1,
    });
    this.finish(1000);
  }

  protected idle(): void {
    this.finish(1011, NET_0001);
  }
}

function isStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === 'string');
}
