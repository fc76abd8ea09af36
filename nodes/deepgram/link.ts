import { BYTES_PER_MS } from '../call/mulaw';
import type { ListenSettings, Reader } from './listen';
import type { ListenSocket } from './listen-socket';
import { QUIET, VOICE, loudness } from './loudness';
import { Pacer } from './pacer';
import { StreamMap } from './stream-map';

/** So much voice must have been sent that an answer is due, ms. */
const VOICE_MS = 120;
/** Without any answer to voice for so long a socket counts as lost, ms. */
const DEAF_MS = 3_500;
const MAX_DEAF_MS = 8_000;
const KEEP_ALIVE_MS = 4_000;

/** One socket with its reader, and what has been sent and answered on it. Times are ms of the call's clock. */
export class Link {
  socket!: ListenSocket;
  reader!: Reader;
  map = new StreamMap(0);
  pacer = new Pacer(0);
  open = false;
  openedAt = 0;
  /** When voice was last sent. */
  voiceSentAt = 0;
  /** Silence sent since the last sound, bytes. */
  quietBytes = 0;
  private usefulAt = 0;
  private sentAt = 0;
  private sentUnanswered = 0;
  private voiceUnanswered = 0;
  private voiceUnansweredAt = 0;

  constructor(readonly settings: ListenSettings) {}

  /** The handshake is done. @param pos the first byte to be sent */
  begin(now: number, pos: number): void {
    this.open = true;
    this.openedAt = this.usefulAt = this.sentAt = now;
    this.map = new StreamMap(pos);
    this.pacer = new Pacer(now);
  }

  /** @param level how loud it is, where that is known already */
  put(audio: Uint8Array, now: number, level = loudness(audio)): void {
    this.socket.send(audio);
    this.map.sent += audio.length;
    this.sentAt = now;
    this.sentUnanswered += audio.length;
    this.quietBytes = level < QUIET ? this.quietBytes + audio.length : 0;
    if (level < VOICE) return;
    if (this.voiceUnanswered === 0) this.voiceUnansweredAt = now;
    this.voiceUnanswered += audio.length;
    this.voiceSentAt = now;
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

  /** Open, but deaf: voice was sent and nothing came back. @param failures how many sockets were so before this one */
  isDeaf(now: number, failures: number): boolean {
    const patience = Math.min(DEAF_MS * 2 ** failures, MAX_DEAF_MS);
    return this.owesAnswer && now - this.voiceUnansweredAt >= patience;
  }

  /** In the midst of a turn nothing comes any more, though audio is sent. */
  isStuck(now: number): boolean {
    const { patienceMs } = this.reader;
    return now - this.usefulAt >= patienceMs && this.sentUnanswered >= patienceMs * 0.8 * BYTES_PER_MS;
  }

  /** Keeps the socket open where no audio flows. */
  keepAlive(now: number): void {
    if (this.reader.keepAlive === undefined || now - this.sentAt < KEEP_ALIVE_MS) return;
    this.socket.send(this.reader.keepAlive);
    this.sentAt = now;
  }

  /** Asks for the last words. */
  farewell(): void {
    for (const text of this.reader.farewell) this.socket.send(text);
  }
}
