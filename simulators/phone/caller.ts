import { FRAME_BYTES, cough, speakWords } from '../audio';
import { SILENT_FRAME, STRETCH_GAP_MS, type Ear } from './ear';
import { DEFAULT_STEP_TIMEOUT_MS, isDigit, normalise, type CallerScript, type CallerStep } from './script';
import { TICK_MS } from './ticker';
import { beep } from './tones';

const KEY_MS = 100;

/** Something that the caller said, and when; ms since the call was answered. */
export interface SaidText {
  text: string;
  startedAt: number;
  /** End of the last word's sound. */
  endedAt: number;
}

/** From the end of the caller's speech to the first sound of an answer. */
export interface TurnLatency {
  said: string;
  endedAt: number;
  /** Undefined: no answer began. */
  firstSoundAt: number | undefined;
  latencyMs: number | undefined;
}

/** The caller spoke while the agent did. */
export interface Interruption {
  said: string;
  /** When the caller began. */
  atMs: number;
  /** How long the agent went on after that; undefined: it never did. */
  agentStoppedAfterMs: number | undefined;
}

/** What the caller can do to the phone besides speaking. */
export interface Phone {
  press(digit: string): void;
  hangUp(reason: string): void;
  saying(text: string, atMs: number): void;
  said(said: SaidText): void;
  failed(reason: string): void;
  /** The caller, who is an answering machine, has beeped to the end. */
  beeped(atMs: number): void;
}

interface Task {
  step: CallerStep;
  finished?: () => void;
  failed?: (reason: Error) => void;
}

interface Mouth {
  audio: Buffer;
  offset: number;
  speech: SaidText | undefined;
  isBeep?: boolean;
}

/**
 * A person on the phone who follows a script. It is a state machine that moves every 20 ms, after the ear has heard: no timers, so
 * that a hundred callers cost little.
 */
export class Caller {
  readonly said: SaidText[] = [];
  readonly turns: TurnLatency[] = [];
  readonly interruptions: Interruption[] = [];
  /** When the first beep ended, ms since the call was answered. */
  beepedAtMs: number | undefined;
  /** Why the script could not go on. */
  failure: string | undefined;

  private readonly tasks: Task[] = [];
  private stepNumber = 0;
  private stepBeganMs: number | undefined;
  private mouth: Mouth | undefined;
  private keys: { left: string; next: number } | undefined;
  /** Words before this index are old to `waitFor` and `waitForWords`. */
  private cursor = 0;
  /** Words before this index do not belong to the agent's current utterance. */
  private utteranceCursor = 0;
  /** Words before this index have been searched already. */
  private searched = 0;
  /** Has the agent spoken since the caller did? */
  private answered = false;
  private openTurn: TurnLatency | undefined;
  private openInterruption: Interruption | undefined;
  /** The interrupting step whose words are being said. */
  private speaking: CallerStep | undefined;
  private gone = false;

  constructor(
    script: CallerScript,
    private readonly ear: Ear,
    private readonly phone: Phone,
  ) {
    this.tasks = script.map((step) => ({ step }));
  }

  /** Adds steps to the script; resolves when they are done, rejects when the script fails or the call ends first. */
  perform(steps: CallerScript): Promise<void> {
    if (this.gone) return Promise.reject(new Error('The call is over'));
    if (steps.length === 0) return Promise.resolve();
    const done = new Promise<void>((finished, failed) => {
      const last = steps.length - 1;
      steps.forEach((step, i) => this.tasks.push(i === last ? { step, finished, failed } : { step, failed }));
    });
    // The report tells of a failure too: whoever does not wait for the steps must not be hit by it.
    done.catch(() => {});
    return done;
  }

  /** The agent has thrown away what it was saying: what is heard from now on is new. */
  cleared(): void {
    this.answered = false;
  }

  /** The next 20 ms of the caller's voice. The ear has heard the same 20 ms already. */
  tick(): Buffer {
    this.listen();
    this.advance();
    return this.nextFrame();
  }

  /** The call is over: steps not done never will be. */
  end(): void {
    if (this.gone) return;
    this.gone = true;
    this.mouth = undefined;
    const [current, ...rest] = this.tasks.splice(0);
    // Putting the receiver down is done by the end of the call, not prevented by it.
    if (current && 'hangUp' in current.step) current.finished?.();
    for (const { step, failed } of current ? [current, ...rest] : []) {
      failed?.(new Error(this.failure ?? `The call ended before: ${JSON.stringify(step)}`));
    }
  }

  /** What was said, and how it was answered; copies. */
  report(): { said: SaidText[]; turns: TurnLatency[]; interruptions: Interruption[]; failure: string | undefined } {
    return {
      said: [...this.said],
      turns: this.turns.map((turn) => ({ ...turn })),
      interruptions: this.interruptions.map((each) => ({ ...each })),
      failure: this.failure,
    };
  }

  private get tickBeganMs(): number {
    return this.ear.nowMs - TICK_MS;
  }

  /** The pause between two words is part of speech. */
  private get agentIsSpeaking(): boolean {
    return this.ear.soundEndedMs >= 0 && this.ear.nowMs - this.ear.soundEndedMs < STRETCH_GAP_MS;
  }

  private listen(): void {
    if (this.ear.voiced) {
      if (!this.mouth?.speech) this.answered = true;
      const turn = this.openTurn;
      if (turn && this.ear.soundBeganMs >= turn.endedAt) {
        turn.firstSoundAt = this.ear.soundBeganMs;
        turn.latencyMs = turn.firstSoundAt - turn.endedAt;
        this.openTurn = undefined;
      }
    }
    const interruption = this.openInterruption;
    if (interruption && !this.agentIsSpeaking) {
      interruption.agentStoppedAfterMs = Math.max(0, this.ear.soundEndedMs - interruption.atMs);
      this.openInterruption = undefined;
    }
  }

  private advance(): void {
    for (let task = this.tasks[0]; task && !this.gone; task = this.tasks[0]) {
      if (this.stepBeganMs === undefined) {
        this.stepBeganMs = this.tickBeganMs;
        this.stepNumber++;
        this.begin(task.step);
        if (this.gone) return;
      }
      if (!this.isDone(task.step)) return this.checkTimeout(task.step);
      this.stepBeganMs = undefined;
      this.tasks.shift();
      task.finished?.();
    }
  }

  private begin(step: CallerStep): void {
    this.searched = this.cursor;
    if ('interruptAfterWords' in step) return;
    if ('say' in step) this.speak(step.say, step.msPerWord);
    else if ('cough' in step) this.mouth = { audio: wholeFrames(cough(step.cough)), offset: 0, speech: undefined };
    else if ('beep' in step)
      this.mouth = { audio: wholeFrames(beep(step.beep)), offset: 0, speech: undefined, isBeep: true };
    else if ('press' in step) this.keys = { left: step.press, next: this.tickBeganMs };
    else if ('hangUp' in step) this.phone.hangUp('the caller hung up');
  }

  private isDone(step: CallerStep): boolean {
    if ('interruptAfterWords' in step) return this.interrupted(step);
    if ('say' in step || 'cough' in step || 'beep' in step) return this.mouth === undefined;
    if ('press' in step) return this.pressed();
    if ('pause' in step) return this.tickBeganMs - (this.stepBeganMs ?? 0) >= step.pause;
    if ('waitForWords' in step) {
      if (this.ear.wordCount - this.cursor < step.waitForWords) return false;
      this.cursor += step.waitForWords;
      return true;
    }
    if ('waitFor' in step) return this.found(step.waitFor);
    if ('waitForSilence' in step) {
      if (!this.answered || this.ear.nowMs - this.ear.soundEndedMs < step.waitForSilence) return false;
      // That utterance is over: the next such step listens to the next one.
      this.answered = false;
      this.cursor = this.utteranceCursor = this.ear.wordCount;
      return true;
    }
    return true;
  }

  private interrupted(step: Extract<CallerStep, { interruptAfterWords: number }>): boolean {
    if (this.speaking === step) return this.mouth === undefined;
    if (this.ear.wordCount - this.utteranceCursor < step.interruptAfterWords) return false;
    this.speaking = step;
    this.speak(step.say, step.msPerWord);
    return this.mouth === undefined;
  }

  private checkTimeout(step: CallerStep): void {
    const isWaiting = 'timeoutMs' in step || 'waitFor' in step || 'waitForWords' in step || 'waitForSilence' in step;
    if (!(isWaiting || 'interruptAfterWords' in step) || this.mouth) return;
    const timeoutMs = ('timeoutMs' in step ? step.timeoutMs : undefined) ?? DEFAULT_STEP_TIMEOUT_MS;
    if (this.tickBeganMs - (this.stepBeganMs ?? 0) < timeoutMs) return;
    const heard = this.ear
      .words(this.utteranceCursor)
      .map((word) => word.text)
      .join(' ');
    this.failure = `Step ${this.stepNumber} ${JSON.stringify(step)} was not met within ${timeoutMs} ms; heard since: "${heard}"`;
    this.phone.failed(this.failure);
    this.phone.hangUp('the script failed');
  }

  private found(phrase: string): boolean {
    const count = this.ear.wordCount;
    if (count === this.searched) return false;
    const wanted = phrase.split(/\s+/).map(normalise).filter(Boolean);
    for (let from = this.cursor; from + wanted.length <= count; from++) {
      if (wanted.every((word, i) => word === normalise(this.ear.textAt(from + i)))) {
        this.cursor = from + wanted.length;
        return true;
      }
    }
    this.searched = count;
    return false;
  }

  private pressed(): boolean {
    const keys = this.keys;
    if (!keys) return true;
    if (this.tickBeganMs < keys.next) return false;
    const digit = keys.left[0];
    if (digit === undefined) {
      this.keys = undefined;
      return true;
    }
    keys.left = keys.left.slice(1);
    keys.next = this.tickBeganMs + KEY_MS;
    if (isDigit(digit)) this.phone.press(digit);
    return false;
  }

  private speak(text: string, msPerWord: number | undefined): void {
    const { audio, words } = speakWords(text, { msPerWord });
    const startedAt = this.tickBeganMs;
    const speech = { text, startedAt, endedAt: startedAt + (words.at(-1)?.endMs ?? 0) };
    if (audio.length === 0) return;
    this.mouth = { audio, offset: 0, speech };
    this.phone.saying(text, startedAt);
    if (this.agentIsSpeaking) {
      this.openInterruption = { said: text, atMs: startedAt, agentStoppedAfterMs: undefined };
      this.interruptions.push(this.openInterruption);
    }
  }

  private nextFrame(): Buffer {
    const mouth = this.mouth;
    if (!mouth || this.gone) return SILENT_FRAME;
    const frame = mouth.audio.subarray(mouth.offset, mouth.offset + FRAME_BYTES);
    mouth.offset += FRAME_BYTES;
    if (mouth.offset >= mouth.audio.length) {
      this.mouth = undefined;
      if (mouth.speech) this.spoken(mouth.speech);
      else if (mouth.isBeep) this.beeped();
    }
    return frame;
  }

  private beeped(): void {
    this.beepedAtMs ??= this.ear.nowMs;
    this.phone.beeped(this.ear.nowMs);
  }

  private spoken(speech: SaidText): void {
    this.said.push(speech);
    this.answered = false;
    this.cursor = this.utteranceCursor = this.ear.wordCount;
    this.openTurn = { said: speech.text, endedAt: speech.endedAt, firstSoundAt: undefined, latencyMs: undefined };
    this.turns.push(this.openTurn);
    this.phone.said(speech);
  }
}

function wholeFrames(audio: Buffer): Buffer {
  const missing = (FRAME_BYTES - (audio.length % FRAME_BYTES)) % FRAME_BYTES;
  return missing === 0 ? audio : Buffer.concat([audio, Buffer.alloc(missing, 0xff)]);
}
