import { ProviderError } from '../call/errors';
import type { Conversation } from './conversation';
import type { ReplyEnd, ReplyListener } from './model-reply';
import { Speakable } from './speakable';
import { Chunker } from './spoken-text';
import type { Chunking } from './spoken-text';
import type { UtteranceWriter } from './utterance';

/** What becomes of a reply that is being spoken. */
export interface SpokenReplyHost {
  firstToken(): void;
  /** All of it has been written; it may be empty, and then there is an `error`. */
  written(end: ReplyEnd, error: ProviderError | undefined): void;
  failed(error: ProviderError): void;
  strange(error: ProviderError): void;
  retrying(error: ProviderError): void;
  /** The utterance was given up elsewhere: the model may stop. */
  givenUp(): void;
}

/** Turns what a model writes into pieces of speech, as it comes. */
export class SpokenReply implements ReplyListener {
  private speakable = new Speakable();
  private chunker: Chunker;
  /** Text of the model that the conversation does not know yet: its entry opens with the first piece. */
  private unnoted = '';
  private hasText = false;
  private toldStrange = false;

  constructor(
    private readonly writer: UtteranceWriter,
    private readonly conversation: Conversation,
    private readonly chunking: Chunking,
    private readonly host: SpokenReplyHost,
  ) {
    this.chunker = new Chunker(chunking);
  }

  get begun(): boolean {
    return this.writer.opened;
  }

  text(text: string): void {
    if (!this.hasText) {
      this.hasText = true;
      this.host.firstToken();
    }
    this.unnoted += text;
    for (const piece of this.chunker.push(this.speakable.push(text))) {
      if (!this.writer.write(piece, false)) {
        this.host.givenUp();
        return;
      }
    }
    this.note();
  }

  end(end: ReplyEnd): void {
    const pieces = this.chunker.push(this.speakable.flush());
    const rest = this.chunker.flush();
    const last = rest === '' ? (pieces.pop() ?? '') : rest;
    for (const piece of pieces) this.writer.write(piece, false);
    this.writer.write(last, true);
    this.note();
    this.host.written(end, this.whatIsWrong(end));
  }

  failed(error: ProviderError): void {
    if (this.writer.opened) {
      this.writer.write(this.chunker.flushBroken(), true);
      this.note();
    }
    this.host.failed(error);
  }

  strange(error: ProviderError): void {
    if (this.toldStrange) return;
    this.toldStrange = true;
    this.host.strange(error);
  }

  retry(error: ProviderError): boolean {
    if (this.writer.opened) return false;
    this.speakable = new Speakable();
    this.chunker = new Chunker(this.chunking);
    this.unnoted = '';
    this.host.retrying(error);
    return true;
  }

  private whatIsWrong(end: ReplyEnd): ProviderError | undefined {
    if (end.finish === 'content-filter') {
      return new ProviderError('openai', 'bad-request', "the provider's content filter stopped the reply", {
        advice: ' - look at what the instructions and the caller ask for.',
      });
    }
    if (this.writer.opened) return undefined;
    return end.finish === 'length'
      ? new ProviderError('openai', 'bad-request', 'the reply was over before its first word', {
          advice: ' - raise "Longest reply": models that reason count their thoughts too.',
        })
      : new ProviderError('openai', 'protocol', 'the reply has no words in it', {
          advice: ' - look at what the instructions ask for: nothing came, or nothing that can be spoken.',
        });
  }

  private note(): void {
    if (!this.writer.opened || this.unnoted === '') return;
    this.conversation.write(this.writer.id, this.unnoted);
    this.unnoted = '';
  }
}
