import { BYTES_PER_MS, FRAME_BYTES, hearWords } from '../simulators/audio';
import type { Call } from '../simulators/twilio';
import { ENDPOINTING_MS } from './job';
import { INTERIM_MS, nameIn, replyName } from './work';

const FRAME_MS = FRAME_BYTES / BYTES_PER_MS;

/** One turn of a caller, at the phone company's socket. Times of `performance.now()`. */
export interface Turn {
  name: string;
  /** Number of the first frame of speech, in the stream. */
  firstFrame: number;
  /** Number of the last frame with voice in it; undefined while the caller speaks. */
  lastFrame: number | undefined;
  /** The first `clear` that came while the caller spoke. */
  clearedAt: number | undefined;
  /** When the first audio of the reply to this turn came. */
  answeredAt: number | undefined;
}

/**
 * Looks at one call from the phone company's socket: when each frame of the caller's went out, when the first audio of each
 * reply and each clear came in. The caller's own report is no use here: its clock moves in steps of 20 ms.
 */
export class CallMeter {
  readonly turns: Turn[] = [];
  /** When each frame went out. */
  readonly sent: number[] = [];
  /** Pieces of audio that came in. */
  pieces = 0;
  /** When the first piece of audio came after `watch`. */
  private heardAt: number | undefined;
  private watching = false;
  /** The turn whose reply is waited for. */
  private open: Turn | undefined;

  constructor(call: Call) {
    call.on('frame-sent', () => this.sent.push(performance.now()));
    call.on('saying', (text) => {
      const turn: Turn = {
        name: nameIn(text) ?? text,
        firstFrame: this.sent.length,
        lastFrame: undefined,
        clearedAt: undefined,
        answeredAt: undefined,
      };
      this.turns.push(turn);
      this.open = undefined;
    });
    call.on('said', ({ startedAt, endedAt }) => {
      const turn = this.turns.at(-1);
      if (!turn) return;
      turn.lastFrame = turn.firstFrame + (endedAt - startedAt) / FRAME_MS - 1;
      this.open = turn;
    });
    call.on('audio-received', (audio) => {
      this.pieces++;
      if (this.watching) this.heardAt ??= performance.now();
      const turn = this.open;
      if (!turn) return;
      // The rest of another reply is no answer.
      if (hearWords(audio).split(' ')[0] !== replyName(turn.name)) return;
      turn.answeredAt = performance.now();
      this.open = undefined;
    });
    call.on('clear', () => {
      const turn = this.turns.at(-1);
      if (turn?.lastFrame === undefined && turn) turn.clearedAt ??= performance.now();
    });
  }

  /** From now on: when is something heard again? */
  watch(): void {
    this.watching = true;
  }

  /** When the first audio came after `watch`; NaN if none did. */
  get heardAgainAt(): number {
    return this.heardAt ?? NaN;
  }

  /** When the caller began to speak. */
  beganAt(turn: Turn): number {
    return this.sent[turn.firstFrame] ?? NaN;
  }

  /** When the last sound of the caller's turn went out; NaN while the caller speaks. */
  endedAt(turn: Turn): number {
    return this.sent[turn.lastFrame ?? NaN] ?? NaN;
  }

  /** When the frame went out with which the STT has heard enough silence to end the turn: it counts audio, not time. */
  turnEndKnownAt(turn: Turn): number {
    return this.sent[(turn.lastFrame ?? NaN) + ENDPOINTING_MS / FRAME_MS] ?? NaN;
  }

  /** When the frame went out with which the STT tells the turn's first word: the first on its grid after the word's beginning. */
  firstWordKnownAt(turn: Turn): number {
    const grid = INTERIM_MS / FRAME_MS;
    return this.sent[Math.ceil((turn.firstFrame + 1) / grid) * grid - 1] ?? NaN;
  }
}
