import { ProviderError } from '../call/errors';
import { BYTES_PER_MS, FRAME_BYTES, SILENCE } from '../call/mulaw';
import { AudioLog } from './audio-log';
import { Link } from './link';
import { isRecord, join } from './listen';
import type { Hearing, ListenSettings, Reading } from './listen';
import { ListenSocket } from './listen-socket';
import { NovaReader } from './listen-v1';
import { FluxReader } from './listen-v2';
import { QUIET, VOICE, loudness } from './loudness';
import { Outage } from './outage';
import { everyTick } from './ticker';
import { Turn } from './turn';
import type { TurnEvents } from './turn';
import { all, cut } from './unfinished';

const FRAME = FRAME_BYTES;
/** So much that was not sent yet waits at most, and so much that was sent and not understood yet is kept; bytes. */
const MAX_WAITING = 10_000 * BYTES_PER_MS;
/** Silence is sent again only so long before a voice, bytes. */
const LEAD_IN = 300 * BYTES_PER_MS;
/** When so far behind, long silences are left out, bytes: from SKIP_AFTER of it on, up to SKIP_AHEAD before a voice. */
const BEHIND = 600 * BYTES_PER_MS;
const SKIP_AFTER = 1_500 * BYTES_PER_MS;
const SKIP_AHEAD = 200 * BYTES_PER_MS;
/** More than this not taken by the network: the connection is stuck, bytes. */
const MAX_IN_NETWORK = 4_000 * BYTES_PER_MS;

/** Without a frame for so long, audio does not flow, ms: v2 then needs silence at once, v1 only to end a turn. */
const GAP_MS = 300;
const GAP_IN_TURN_MS = 1_000;
const FILL_TURN_MS = 4_000;
/** After a Deploy, frames that waited come in a bunch: no silence before them, ms. */
const AFTER_HOLD_MS = 500;
/** A connection that has stood for so long has recovered, ms. */
const RECOVERED_MS = 3_000;
/** The caller has finished and gets no answer: so long after his voice he is told, ms (of 6 s until something must be heard). */
const CALLER_WAITS_MS = 4_000;
const MAX_APOLOGIES = 5;
/** Less voice than this is a click, more may be a word, ms. */
const VOICE_MS = 120;
/** Last words are waited for so long after the end of the call, ms; with the tick, less than a second. */
const LAST_WORDS_MS = 850;

export type ListenerState = 'connecting' | 'live' | 'degraded' | 'failed';

export interface ListenerEvents extends TurnEvents {
  state(state: ListenerState): void;
  /** For Catch: once per outage, and once if what comes is not Deepgram's. */
  failed(error: ProviderError): void;
  /** The caller cannot be heard and should be told so. */
  deaf(): void;
}

export interface ListenerOptions {
  /** Asked often; a new object after each Deploy. */
  settings(): ListenSettings;
  /** ms on the call's clock */
  now(): number;
  /** False while frames are held back elsewhere and will still come. */
  flowing(): boolean;
  /** Wraps every callback of sockets and timers: a throw is somebody's to report. */
  guard<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void;
  events: ListenerEvents;
}

/**
 * Listens to one caller by Deepgram, from the first frame to the last word, over as many sockets as that takes: what a
 * lost one had not understood is sent again to the next, at most 1.25 times as fast as it was said, and the times of
 * words stay those at which they were said.
 */
export class Listener {
  /** Bytes of the caller's audio that no socket could be sent in time. */
  droppedBytes = 0;
  private readonly log = new AudioLog(2 * MAX_WAITING);
  private readonly turn: Turn;
  private readonly stopTicking: () => void;
  private link: Link | undefined;
  private outage: Outage | undefined;
  private settings: ListenSettings;
  /** The next byte of the log to be sent. */
  private sent = 0;
  private maxWaiting = MAX_WAITING;
  /** Words of a lost socket, provisional ones, with their bytes in the log: kept if their audio does not last. */
  private rest: { text: string; start: number; end: number }[] = [];
  private heardAt: number;
  private filledUntil: number;
  private heldUntil = 0;
  /** The end of the last voice: byte of the log, and when it was said. */
  private voiceEnd = 0;
  private voiceAt = 0;
  private deafSockets = 0;
  private apologies = 0;
  private apologisedAt = -1;
  private nonsenseTold = false;
  private over = false;
  private finishing: { done: () => void; deadline: number } | undefined;

  constructor(private readonly o: ListenerOptions) {
    this.turn = new Turn(o.events);
    this.settings = o.settings();
    this.heardAt = this.filledUntil = o.now();
    this.stopTicking = everyTick(o.guard(() => this.tick(this.o.now())));
    this.connect();
  }

  /** A frame of the caller's audio that arrived at `atMs`. Called fifty times a second. */
  hear(audio: Uint8Array, atMs: number): void {
    if (this.over || this.finishing || audio.length === 0) return;
    const now = this.o.now();
    this.heardAt = now;
    this.take(audio, atMs, now);
  }

  /** The call has ended: gets the last words, in at most a second, and closes. @param done called once */
  finish(done: () => void): void {
    if (this.over || this.finishing) return done();
    this.finishing = { done, deadline: this.o.now() + LAST_WORDS_MS };
    if (this.link?.open) this.flush(this.link);
    else if (!this.link || !this.hasVoice(VOICE_MS)) this.complete();
  }

  /** Gone at once. */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.stopTicking();
    this.link?.socket.terminate();
    this.link = undefined;
  }

  private connect(): void {
    this.settings = this.o.settings();
    const link = new Link(this.settings);
    const current = (): boolean => this.link === link && !this.over;
    const guard = <A extends unknown[]>(callback: (...args: A) => void): ((...args: A) => void) =>
      this.o.guard(callback);
    const hearing = this.hearing(link);
    link.reader = this.settings.flux ? new FluxReader(hearing) : new NovaReader(this.settings, hearing);
    const { url, headers, apiKey } = this.settings;
    const all = apiKey === '' ? headers : { authorization: `Token ${apiKey}`, ...headers };
    this.link = link;
    this.o.events.state(this.outage ? 'degraded' : 'connecting');
    link.socket = new ListenSocket(url, all, {
      opened: guard(() => current() && this.opened(link)),
      message: guard((text: string | undefined) => current() && this.message(link, text)),
      lost: guard((error: ProviderError) => current() && this.lost(link, error)),
    });
  }

  private opened(link: Link): void {
    this.sent = this.replayFrom();
    link.begin(this.o.now(), this.sent);
    this.o.events.state('live');
    if (this.finishing) this.flush(link);
    else this.pump(link, this.o.now());
  }

  /** Where the new socket begins: at what the last one had not understood, without the silence before it. */
  private replayFrom(): number {
    const { log } = this;
    let from = log.start;
    // Audio that no longer exists cannot be understood again: of its words the provisional form is better than none.
    for (const word of this.rest) {
      if (word.start >= from) break;
      this.turn.keep(word.text, log.clockAt(word.end));
      from = Math.min(Math.max(from, word.end), log.end);
    }
    this.rest = [];
    let voice = from;
    while (voice < log.end && loudness(log.read(voice, Math.min(FRAME, log.end - voice))) < QUIET) voice += FRAME;
    return Math.max(from, Math.min(voice, log.end) - LEAD_IN);
  }

  private message(link: Link, text: string | undefined): void {
    const reading = this.read(link, text);
    if (reading === 'useful') {
      link.answered(this.o.now());
    } else if (reading === 'wrong') {
      if (this.nonsenseTold) return;
      this.nonsenseTold = true;
      const sample = (text ?? '(binary)').slice(0, 80);
      this.o.events.failed(new ProviderError('deepgram', 'protocol', `a message that is not understood: ${sample}`));
    } else if (reading !== 'unknown') {
      this.lost(link, reading);
    }
  }

  private read(link: Link, text: string | undefined): Reading {
    let message: unknown;
    try {
      message = JSON.parse(text ?? '');
    } catch {
      return 'wrong';
    }
    return isRecord(message) ? link.reader.read(message) : 'wrong';
  }

  /** What a reader hears, in the times of the call; from a socket that was given up, nothing. */
  private hearing(link: Link): Hearing {
    const clock = (ms: number | undefined): number | undefined =>
      ms === undefined ? undefined : Math.min(this.log.clockAt(link.map.posAt(ms)), this.o.now());
    const { turn } = this;
    return {
      speech: (startMs) => turn.started(clock(startMs) ?? this.o.now()),
      partial: (text, startMs) => turn.partial(text, clock(startMs) ?? this.o.now()),
      eager: (text, endMs) => turn.eager(text, clock(endMs) ?? this.voiceAt),
      resumed: (text) => turn.resumed(text),
      end: (text, endMs) =>
        turn.end(text, clock(endMs) ?? (turn.kept === '' || text !== '' ? this.voiceAt : undefined)),
      settled: (upToMs) => this.log.trim(Math.min(link.map.posAt(upToMs), this.sent)),
    };
  }

  private lost(link: Link, error: ProviderError): void {
    link.socket.terminate();
    if (this.finishing) return this.complete();
    if (link.open) this.salvage(link);
    this.link = undefined;
    const now = this.o.now();
    this.outage ??= new Outage(now);
    if (this.outage.failed(error, now)) this.o.events.failed(error);
    this.o.events.state(this.outage.isLong(now) ? 'failed' : 'degraded');
    if (this.outage.nextAt <= now) this.connect();
    this.tellCaller(now);
  }

  /** Keeps what a socket had understood for good, and the audio of the rest. */
  private salvage(link: Link): void {
    const { map } = link;
    const { text, fromMs, endMs, rest } = cut(link.reader.unfinished());
    this.turn.keep(text, this.log.clockAt(map.posAt(endMs ?? fromMs)));
    this.log.trim(Math.min(map.posAt(fromMs), this.sent));
    this.rest = rest.map((word) => ({
      text: word.text,
      start: map.posAt(word.startMs),
      end: map.posAt(word.endMs),
    }));
    this.sent = this.log.start;
    this.maxWaiting = MAX_WAITING + this.log.end - this.sent;
  }

  private take(audio: Uint8Array, atMs: number, now: number): void {
    const { log, link } = this;
    const upToDate = this.sent === log.end;
    log.append(audio, atMs);
    const level = loudness(audio);
    if (level >= VOICE) {
      this.voiceEnd = log.end;
      this.voiceAt = atMs;
    }
    this.bound();
    if (!link?.open) return;
    link.pacer.tick(now);
    // The usual case: the frame goes on as it came.
    if (upToDate && link.reader.keepAlive !== undefined && link.pacer.spend(audio.length)) {
      link.put(audio, now, level);
      this.sent = log.end;
    } else this.pump(link, now);
  }

  /** Every queue has a limit: the oldest goes first, and is counted. */
  private bound(): void {
    const { log } = this;
    const next = Math.max(this.sent, log.start, log.end - this.maxWaiting);
    if (next > this.sent) {
      if (!this.outage?.hopeless) this.droppedBytes += next - this.sent;
      this.sent = next;
      this.link?.map.jump(next);
      if (!this.link?.open) log.trim(next);
    }
    if (this.sent - log.start > MAX_WAITING) log.trim(this.sent - MAX_WAITING);
  }

  /** Sends what waits, as fast as is allowed. */
  private pump(link: Link, now: number): void {
    const { log } = this;
    const { pieceBytes, keepAlive } = link.reader;
    link.pacer.tick(now);
    for (;;) {
      const waiting = log.end - this.sent;
      const size = keepAlive === undefined ? pieceBytes : Math.min(pieceBytes, waiting);
      if (size === 0 || waiting < size) {
        this.maxWaiting = MAX_WAITING;
        return;
      }
      if (this.skipSilence(link, waiting)) continue;
      if (!link.pacer.spend(size)) return;
      link.put(log.read(this.sent, size), now);
      this.sent += size;
    }
  }

  /** Behind real time, long silences are left out, else the next turn would be answered late as well. */
  private skipSilence(link: Link, waiting: number): boolean {
    if (waiting < BEHIND || this.turn.speaking || link.quietBytes < SKIP_AFTER) return false;
    for (let at = 0; at <= SKIP_AHEAD; at += FRAME) {
      if (loudness(this.log.read(this.sent + at, FRAME)) >= QUIET) return false;
    }
    this.sent += FRAME;
    link.map.jump(this.sent);
    return true;
  }

  private tick(now: number): void {
    if (this.finishing) {
      if (now >= this.finishing.deadline) this.complete();
      return;
    }
    this.followSettings(now);
    const { link, outage } = this;
    if (link?.open) {
      this.fillGap(link, now);
      this.pump(link, now);
      link.keepAlive(now);
      this.watch(link, now);
    } else if (!link && outage && now >= outage.nextAt) this.connect();
    this.endKept(now);
    this.tellCaller(now);
  }

  /** A Deploy changed what the socket was opened with: a new one as soon as the caller is not speaking. */
  private followSettings(now: number): void {
    const settings = this.o.settings();
    if (settings === this.settings) return;
    const { link } = this;
    if (JSON.stringify(settings) === JSON.stringify(this.settings)) {
      this.settings = settings;
      return;
    }
    if (link?.open) {
      if (this.turn.speaking || this.turn.hasWords || link.owesAnswer || now - this.voiceAt < 500) return;
      this.salvage(link);
      link.farewell();
    }
    link?.socket.close();
    if (this.outage) this.outage = undefined;
    this.deafSockets = 0;
    this.connect();
  }

  /** Where no audio comes (hold, transfer), silence takes its place: always for v2, for v1 only until a turn has ended. */
  private fillGap(link: Link, now: number): void {
    if (!this.o.flowing()) this.heldUntil = now + AFTER_HOLD_MS;
    const gap = now - this.heardAt;
    const inTurn = gap >= GAP_IN_TURN_MS && gap < FILL_TURN_MS && (this.turn.speaking || this.turn.hasWords);
    const needed = link.reader.keepAlive === undefined ? gap >= GAP_MS : inTurn;
    // A KeepAlive alone does not keep a socket open on which no audio ever came.
    const first = link.map.sent === 0 && now - link.openedAt >= 2_000;
    if (now < this.heldUntil || !(needed || first)) {
      this.filledUntil = now;
      return;
    }
    const frames = needed ? Math.min(Math.floor((now - this.filledUntil) / 20), 50) : 1;
    for (let i = 0; i < frames; i++) {
      this.filledUntil += 20;
      this.take(SILENT_FRAME, now, now);
    }
  }

  /** A socket that is open and says nothing, or takes nothing, is lost. */
  private watch(link: Link, now: number): void {
    if (link.socket.waiting > MAX_IN_NETWORK) {
      return this.lost(link, timeout('takes no more audio'));
    }
    if (link.isDeaf(now, this.deafSockets)) {
      this.deafSockets++;
      return this.lost(link, timeout('does not answer to what the caller says'));
    }
    if (this.turn.speaking && !link.owesAnswer && link.isStuck(now)) {
      // All that was said is understood; only the word that the turn is over did not come.
      this.turn.end(all(link.reader.unfinished()), this.voiceAt);
      this.log.trim(this.sent);
      link.open = false;
      return this.lost(link, timeout('fell silent in the midst of a turn'));
    }
    // Noise that no protocol takes back.
    if (this.turn.speaking && !this.turn.hasWords && now - this.voiceAt > 2_000 && this.log.end - this.sent < BEHIND) {
      this.turn.end('', this.voiceAt);
    }
    if (this.outage && now - link.openedAt >= RECOVERED_MS && !link.owesAnswer && !this.turn.speaking) {
      this.outage = undefined;
      this.deafSockets = 0;
    }
  }

  /** Words of a lost socket after which the caller said no more: nobody else will say that the turn is over. */
  private endKept(now: number): void {
    if (this.turn.kept === '') return;
    const { link } = this;
    if (link?.open) {
      const { quietMs } = link.reader;
      const quietSince = Math.max(this.voiceAt, link.voiceSentAt, link.openedAt);
      const more = all(link.reader.unfinished()) !== '';
      if (!more && this.log.end - this.sent < BEHIND && now - quietSince > quietMs + 600) this.turn.end('', undefined);
    } else if (now - this.voiceAt > 3_000 && !this.hasVoice(100)) {
      this.turn.end(this.restText(), undefined);
    }
  }

  private restText(): string {
    const text = join(...this.rest.map((word) => word.text));
    this.rest = [];
    return text;
  }

  /** The caller must not wait for an answer to what nobody heard. */
  private tellCaller(now: number): void {
    const { outage, link } = this;
    if (link?.open && !outage) return;
    if (this.apologies >= MAX_APOLOGIES) return;
    const waits = now - this.voiceAt >= CALLER_WAITS_MS && this.voiceAt > this.apologisedAt && this.hasVoice(VOICE_MS);
    const long = outage?.isLong(now) === true && this.apologisedAt < outage.since && !link?.open;
    if (!waits && !long) return;
    this.apologisedAt = now;
    this.apologies++;
    this.o.events.state('failed');
    this.o.events.deaf();
  }

  /** True if what was not understood yet holds so many ms of voice. */
  private hasVoice(ms: number): boolean {
    if (this.voiceEnd <= this.log.start) return false;
    let voiced = 0;
    for (let pos = this.log.start; pos + FRAME <= this.voiceEnd && voiced < ms; pos += FRAME) {
      if (loudness(this.log.read(pos, FRAME)) >= VOICE) voiced += 20;
    }
    return voiced >= ms;
  }

  /** All that waits, at once, and the request for the last words. */
  private flush(link: Link): void {
    const now = this.o.now();
    const { pieceBytes } = link.reader;
    while (this.sent < this.log.end) {
      const size = Math.min(pieceBytes, this.log.end - this.sent);
      link.put(this.log.read(this.sent, size), now);
      this.sent += size;
    }
    link.farewell();
  }

  private complete(): void {
    const { link, finishing } = this;
    if (this.over || !finishing) return;
    this.turn.end(link?.open ? all(link.reader.unfinished()) : this.restText(), this.voiceAt);
    link?.socket.close();
    this.link = undefined;
    this.close();
    finishing.done();
  }
}

const SILENT_FRAME = Buffer.alloc(FRAME, SILENCE);

function timeout(what: string): ProviderError {
  return new ProviderError('deepgram', 'timeout', `the connection ${what}`);
}
