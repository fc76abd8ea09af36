import { QUIET, VOICE, loudness } from './loudness';
import { BYTES_PER_MS, FRAME_BYTES } from '../mulaw';
import type { Backlog } from './backlog';
import type { SttConnection } from './connection';
import { Pacer } from './pacer';
import { StreamMap } from './stream-map';
import type { Turn } from './turn';

/** So much voice must have been sent that an answer is due, ms. */
const VOICE_MS = 120;
/** Without any answer to voice for so long a connection counts as lost, ms. */
const DEAF_MS = 3_500;
const MAX_DEAF_MS = 8_000;
const KEEP_ALIVE_MS = 4_000;
/** When so far behind, long silences are left out, bytes: from SKIP_AFTER of it on, up to SKIP_AHEAD before a voice. */
export const BEHIND = 600 * BYTES_PER_MS;
const SKIP_AFTER = 1_500 * BYTES_PER_MS;
const SKIP_AHEAD = 200 * BYTES_PER_MS;

/** One connection, and what has been sent and answered on it. Times are ms of the call's clock. */
export class Link<S> {
  connection!: SttConnection;
  map = new StreamMap(0);
  open = false;
  openedAt = 0;
  /** When voice was last sent. */
  voiceSentAt = 0;
  private pacer = new Pacer(0);
  /** Silence sent since the last sound, bytes. */
  private quietBytes = 0;
  private usefulAt = 0;
  private sentAt = 0;
  private sentUnanswered = 0;
  private voiceUnanswered = 0;
  private voiceUnansweredAt = 0;

  constructor(
    readonly settings: S,
    readonly madeAt: number,
    private readonly backlog: Backlog,
  ) {}

  /** Audio may be sent: from where the backlog stands. */
  begin(now: number): void {
    this.open = true;
    this.openedAt = this.usefulAt = this.sentAt = now;
    this.map = new StreamMap(this.backlog.sent);
    this.pacer = new Pacer(now);
  }

  /** A frame that was just appended to the backlog. The usual case: it goes on as it came. */
  pass(audio: Uint8Array, level: number, now: number, turn: Turn): void {
    const { backlog, pacer, connection } = this;
    pacer.tick(now);
    const upToDate = backlog.waiting === audio.length && !connection.alwaysFlowing;
    if (upToDate && pacer.spend(audio.length)) {
      this.put(audio, now, level);
      backlog.sent = backlog.log.end;
    } else this.pump(now, turn.speaking);
  }

  /** Sends what waits, as fast as is allowed. @param speaking true in the midst of a turn: then no silence is left out */
  pump(now: number, speaking: boolean): void {
    const { backlog } = this;
    const { pieceBytes, alwaysFlowing } = this.connection;
    this.pacer.tick(now);
    for (;;) {
      const { waiting } = backlog;
      const size = alwaysFlowing ? pieceBytes : Math.min(pieceBytes, waiting);
      if (size === 0 || waiting < size) {
        backlog.caughtUp();
        return;
      }
      if (!speaking && this.skipSilence(waiting)) continue;
      if (!this.pacer.spend(size)) return;
      this.put(backlog.log.read(backlog.sent, size), now);
      backlog.sent += size;
    }
  }

  /** All that waits, at once, and the request for the last words. */
  flush(now: number): void {
    const { backlog } = this;
    const { pieceBytes } = this.connection;
    while (backlog.waiting > 0) {
      const size = Math.min(pieceBytes, backlog.waiting);
      this.put(backlog.log.read(backlog.sent, size), now);
      backlog.sent += size;
    }
    this.connection.farewell();
  }

  /** A message came that makes sense. */
  answered(now: number): void {
    this.usefulAt = now;
    this.sentUnanswered = 0;
    this.voiceUnanswered = 0;
  }

  /** True if voice has been sent since the last answer. */
  get owesAnswer(): boolean {
    return this.voiceUnanswered >= VOICE_MS * BYTES_PER_MS;
  }

  /** Open, but deaf: voice was sent and nothing came back. @param failures how many connections were so before this one */
  isDeaf(now: number, failures: number): boolean {
    if (!this.connection.answersAll) return false;
    const patience = Math.min(DEAF_MS * 2 ** failures, MAX_DEAF_MS);
    return this.owesAnswer && now - this.voiceUnansweredAt >= patience;
  }

  /** In the midst of a turn nothing comes any more, though audio is sent. */
  isStuck(now: number): boolean {
    const { patienceMs, answersAll } = this.connection;
    if (!answersAll) return false;
    return now - this.usefulAt >= patienceMs && this.sentUnanswered >= patienceMs * 0.8 * BYTES_PER_MS;
  }

  /** Keeps the connection open where no audio flows. */
  keepAlive(now: number): void {
    if (this.connection.alwaysFlowing || now - this.sentAt < KEEP_ALIVE_MS) return;
    this.connection.keepAlive();
    this.sentAt = now;
  }

  /** Behind real time, long silences are left out, else the next turn would be answered late as well. */
  private skipSilence(waiting: number): boolean {
    if (waiting < BEHIND || this.quietBytes < SKIP_AFTER || !this.backlog.quietAhead(SKIP_AHEAD)) return false;
    this.backlog.sent += FRAME_BYTES;
    this.map.jump(this.backlog.sent);
    return true;
  }

  /** @param level how loud it is, where that is known already */
  private put(audio: Uint8Array, now: number, level = loudness(audio)): void {
    this.connection.send(audio, level, now);
    this.map.sent += audio.length;
    this.sentAt = now;
    this.sentUnanswered += audio.length;
    this.quietBytes = level < QUIET ? this.quietBytes + audio.length : 0;
    if (level < VOICE) return;
    if (this.voiceUnanswered === 0) this.voiceUnansweredAt = now;
    this.voiceUnanswered += audio.length;
    this.voiceSentAt = now;
  }
}
