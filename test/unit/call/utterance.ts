/** What the tests of all TTS share: what came of an utterance, to the word. */
import assert from 'node:assert/strict';
import { once, EventEmitter } from 'node:events';
import type { ProviderError } from '../../../nodes/call/errors';
import type { Word } from '../../../nodes/call/message';
import type { Synthesis, SynthesisListener } from '../../../nodes/call/tts/session';
import { hearWords, WordDecoder } from '../../../simulators/audio';

/** Everything that came of one utterance. */
export class Utterance extends EventEmitter implements SynthesisListener {
  chunks: Buffer[] = [];
  words: Word[] = [];
  troubles: ProviderError[] = [];
  error: ProviderError | undefined;
  isDone = false;
  synthesis!: Synthesis;

  audio(chunk: Buffer, words: Word[]): void {
    assert.ok(!this.isDone && !this.error, 'nothing comes after the end');
    this.chunks.push(chunk);
    this.words.push(...words);
    this.emit('audio');
  }

  done(): void {
    assert.ok(!this.isDone && !this.error, 'one end');
    this.isDone = true;
    this.emit('end');
  }

  trouble(err: ProviderError): void {
    this.troubles.push(err);
    this.emit('trouble');
  }

  failed(err: ProviderError): void {
    assert.ok(!this.isDone && !this.error, 'one end');
    this.error = err;
    this.emit('end');
  }

  say(...pieces: string[]): this {
    for (const piece of pieces) this.synthesis.say(piece);
    return this;
  }

  async end(): Promise<this> {
    this.synthesis.end();
    if (!this.isDone && !this.error) await once(this, 'end');
    return this;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks);
  }

  /** What a caller would hear. */
  get heard(): string {
    return hearWords(this.bytes);
  }

  get audioMs(): number {
    return this.bytes.length / 8;
  }

  get timed(): string {
    return this.words.map((word) => word.text).join(' ');
  }

  /** Every word's times say where it is in the audio, within so many ms. */
  assertTimesAreTrue(withinMs = 0): void {
    const decoder = new WordDecoder();
    decoder.push(this.bytes);
    const { words } = decoder;
    assert.equal(this.timed, words.map((word) => word.text).join(' '));
    this.words.forEach(({ text, startMs }, i) => {
      const at = words[i]?.offsetMs ?? NaN;
      assert.ok(Math.abs(startMs - at) <= withinMs + 0.5, `${text} at ${at}, not ${startMs}`);
    });
  }
}

/** Waits for something that is bound to become true; fails with words if it does not. */
export async function until(what: string, condition: () => boolean, ms = 3000): Promise<void> {
  const by = Date.now() + ms;
  while (!condition()) {
    if (Date.now() > by) assert.fail(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
