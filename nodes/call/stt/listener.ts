import { ProviderError } from '../errors';
import { BYTES_PER_MS } from '../mulaw';
import { Apologies, WORD_MS } from './apology';
import { Backlog, placed } from './backlog';
import type { Hearing, SttConnectionEvents, SttProvider } from './connection';
import { inCallTime } from './hearing';
import { BEHIND, Link } from './link';
import { Outage } from './outage';
import { SILENT_FRAME, SilenceFiller } from './silence';
import { Turn } from './turn';
import type { TurnEvents } from './turn';
import { all, cut } from './unfinished';
import { everyTick } from '../ticker';

/** More than this not taken by the network: the connection is stuck, bytes. */
const MAX_IN_NETWORK = 4_000 * BYTES_PER_MS;
/** A connection must take audio within so long, ms. */
const OPEN_MS = 5_500;
/** A connection that has stood for so long has recovered, ms. */
const RECOVERED_MS = 3_000;
/** A changed setting waits for so much silence of the caller, ms. */
const PAUSE_MS = 500;
/** Last words are waited for so long after the end of the call, ms; with the tick, less than a second. */
const LAST_WORDS_MS = 850;

export type ListenerState = 'connecting' | 'live' | 'degraded' | 'failed';

export interface ListenerEvents extends TurnEvents {
  state(state: ListenerState): void;
  /** For Catch: once per outage, and once if what comes is not the provider's. */
  failed(error: ProviderError): void;
  /** The caller cannot be heard and should be told so. */
  deaf(): void;
}

export interface ListenerOptions<S> {
  provider: SttProvider<S>;
  /** Asked often; a new object after each Deploy. Plain data. */
  settings(): S;
  /** ms on the call's clock */
  now(): number;
  /** False while frames are held back elsewhere and will still come. */
  flowing(): boolean;
  /** Wraps every callback of sockets and timers: a throw is somebody's to report. */
  guard<A extends unknown[]>(callback: (...args: A) => void): (...args: A) => void;
  events: ListenerEvents;
}

/**
 * Listens to one caller by a provider of speech-to-text, from the first frame to the last word, over as many connections
 * as that takes: what a lost one had not understood is sent again to the next, at most 1.25 times as fast as it was said,
 * and the times of words stay those at which they were said.
 */
export class SttListener<S> {
  private readonly backlog = new Backlog();
  private readonly turn: Turn;
  private readonly stopTicking: () => void;
  private link: Link<S> | undefined;
  private outage: Outage | undefined;
  private settings: S;
  private readonly filler: SilenceFiller;
  private readonly apologies = new Apologies();
  private deafConnections = 0;
  /** Words up to this byte have been tried a second time. */
  private retriedUpTo = 0;
  private nonsenseTold = false;
  private over = false;
  private finishing: { done: () => void; deadline: number } | undefined;

  constructor(private readonly o: ListenerOptions<S>) {
    this.turn = new Turn(o.events, o.now());
    this.settings = o.settings();
    this.filler = new SilenceFiller(o.now());
    this.stopTicking = everyTick(o.guard(() => this.tick(this.o.now())));
    this.connect();
  }

  /** Bytes of the caller's audio that no connection could be sent in time. */
  get droppedBytes(): number {
    return this.backlog.droppedBytes;
  }

  /** A frame of the caller's audio that arrived at `atMs`. Called fifty times a second. @param now ms, as in the options */
  hear(audio: Uint8Array, atMs: number, now = this.o.now()): void {
    if (this.over || this.finishing || audio.length === 0) return;
    this.filler.heard(now);
    this.take(audio, atMs, now);
  }

  /**
   * No more audio comes: gets the last words, and closes.
   * @param done called once
   * @param withinMs by default less than a second
   */
  finish(done: () => void, withinMs = LAST_WORDS_MS): void {
    if (this.over || this.finishing) return done();
    this.finishing = { done, deadline: this.o.now() + withinMs };
    if (this.link?.open) this.lastWords(this.link);
    else if (!this.backlog.hasVoice(WORD_MS) || !(this.link || this.canReconnect)) this.complete();
  }

  /** Last words that are being waited for must come sooner. */
  hurry(withinMs = LAST_WORDS_MS): void {
    if (!this.finishing) return;
    this.finishing.deadline = Math.min(this.finishing.deadline, this.o.now() + withinMs);
  }

  /** Gone at once. */
  close(): void {
    if (this.over) return;
    this.over = true;
    this.stopTicking();
    this.link?.connection.terminate();
    this.link = undefined;
  }

  /** True if the next attempt comes before the last words must be out. */
  private get canReconnect(): boolean {
    return (this.outage?.nextAt ?? Infinity) < (this.finishing?.deadline ?? 0);
  }

  private connect(): void {
    this.settings = this.o.settings();
    const link = new Link(this.settings, this.o.now(), this.backlog);
    this.link = link;
    this.o.events.state(this.outage ? 'degraded' : 'connecting');
    link.connection = this.o.provider.connect(this.settings, this.hearing(link), this.connectionEvents(link));
  }

  private connectionEvents(link: Link<S>): SttConnectionEvents {
    const { events, provider } = this.o;
    const guard = <A extends unknown[]>(callback: (...args: A) => void): ((...args: A) => void) =>
      this.o.guard(callback);
    const current = (): boolean => this.link === link && !this.over;
    return {
      guard,
      opened: guard(() => current() && this.opened(link)),
      answered: () => {
        link.answered(this.o.now());
        if (this.finishing && current() && link.connection.finished) this.complete();
      },
      nonsense: (sample) => {
        if (this.nonsenseTold || !current()) return;
        this.nonsenseTold = true;
        // What it says may be the caller's words, and an error's may stand in a log.
        const what = sample === undefined ? 'a binary one' : `${sample.length} characters`;
        events.failed(new ProviderError(provider.name, 'protocol', `a message that is not understood (${what})`));
      },
      trouble: (error) => current() && events.failed(error),
      lost: guard((error: ProviderError) => current() && this.lost(link, error)),
    };
  }

  private opened(link: Link<S>): void {
    this.backlog.begin(this.turn);
    link.begin(this.o.now());
    this.o.events.state('live');
    if (this.finishing) this.lastWords(link);
    else link.pump(this.o.now(), this.turn.speaking);
  }

  private hearing(link: Link<S>): Hearing {
    const failed = (error: ProviderError, endMs: number): void => this.notUnderstood(link, error, endMs);
    return inCallTime({ turn: this.turn, backlog: this.backlog, map: () => link.map, now: () => this.o.now(), failed });
  }

  /** Words that the provider gave up: heard once more on a new connection, and if that fails too, the caller is told. */
  private notUnderstood(link: Link<S>, error: ProviderError, endMs: number): void {
    const end = link.map.posAt(endMs);
    if (!error.retryable || end > this.retriedUpTo) {
      this.retriedUpTo = end;
      return this.lost(link, error);
    }
    this.o.events.failed(error);
    this.turn.end('', this.backlog.voiceAt);
    this.apologise(this.o.now());
    this.o.events.state('live');
  }

  private lost(link: Link<S>, error: ProviderError): void {
    link.connection.terminate();
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

  /** Keeps what a connection had understood for good, and the audio of the rest. */
  private salvage({ map, connection }: Link<S>): void {
    const { text, fromMs, endMs, rest } = cut(connection.unfinished());
    this.turn.keep(text, this.backlog.log.clockAt(map.posAt(endMs ?? fromMs)));
    this.turn.again();
    this.backlog.rewind(map.posAt(fromMs), placed(rest, map));
  }

  private take(audio: Uint8Array, atMs: number, now: number): void {
    const { backlog, link } = this;
    const level = backlog.append(audio, atMs);
    const open = link?.open === true;
    backlog.bound(open ? link.map : undefined, this.outage?.hopeless === true);
    if (open) link.pass(audio, level, now, this.turn);
  }

  private tick(now: number): void {
    if (this.finishing) {
      if (now >= this.finishing.deadline) this.complete();
      else if (!this.link && this.outage && now >= this.outage.nextAt) this.connect();
      return;
    }
    this.renew(now);
    const { link, outage } = this;
    if (link?.open) {
      this.fillGap(link, now);
      link.pump(now, this.turn.speaking);
      link.keepAlive(now);
      this.watch(link, now);
    } else if (link && now - link.madeAt >= OPEN_MS) {
      this.lost(link, this.timeout('was not made ready'));
    } else if (!link && outage && now >= outage.nextAt) this.connect();
    this.endKept(now);
    this.tellCaller(now);
  }

  /** A Deploy changed what the connection was opened with, or its time is over: a new one as soon as the caller is silent. */
  private renew(now: number): void {
    const { link } = this;
    const settings = this.o.settings();
    const changed = settings !== this.settings && JSON.stringify(settings) !== JSON.stringify(this.settings);
    if (!changed) {
      this.settings = settings;
      if (!link?.open || now - link.openedAt < link.connection.lifetimeMs) return;
    }
    if (link?.open) {
      if (this.turn.speaking || this.turn.hasWords || link.owesAnswer || link.connection.pending) return;
      if (now - this.backlog.voiceAt < PAUSE_MS) return;
      this.salvage(link);
      link.connection.farewell();
    }
    link?.connection.close();
    if (this.outage) this.outage = undefined;
    this.deafConnections = 0;
    this.connect();
  }

  /** Where no audio comes (hold, transfer), silence takes its place. */
  private fillGap(link: Link<S>, now: number): void {
    const unfinished = this.turn.speaking || this.turn.hasWords || link.connection.pending;
    const frames = this.filler.due(link, now, this.o.flowing(), unfinished);
    for (let i = 0; i < frames; i++) this.take(SILENT_FRAME, now, now);
  }

  /** A connection that is open and says nothing, or takes nothing, is lost. */
  private watch(link: Link<S>, now: number): void {
    const { turn, backlog } = this;
    const { connection } = link;
    if (connection.waiting > MAX_IN_NETWORK) return this.lost(link, this.timeout('takes no more audio'));
    if (link.isDeaf(now, this.deafConnections)) {
      this.deafConnections++;
      return this.lost(link, this.timeout('does not answer to what the caller says'));
    }
    const overdue = connection.answersAll ? undefined : connection.overdue(now);
    if (overdue !== undefined) return this.lost(link, this.timeout(overdue));
    if (turn.speaking && !link.owesAnswer && link.isStuck(now)) {
      // All that was said is understood; only the word that the turn is over did not come.
      turn.end(all(connection.unfinished()), backlog.voiceAt);
      backlog.settle(backlog.sent);
      link.open = false;
      return this.lost(link, this.timeout('fell silent in the midst of a turn'));
    }
    // Noise that no protocol takes back.
    const noise = turn.speaking && !turn.hasWords && !connection.pending;
    if (noise && now - backlog.voiceAt > 2_000 && backlog.waiting < BEHIND) turn.end('', backlog.voiceAt);
    if (this.outage && now - link.openedAt >= RECOVERED_MS && !link.owesAnswer && !turn.speaking) {
      this.outage = undefined;
      this.deafConnections = 0;
      this.o.events.state('live');
    }
  }

  /** Words of a lost connection after which the caller said no more: nobody else will say that the turn is over. */
  private endKept(now: number): void {
    if (this.turn.kept === '') return;
    const { link, backlog } = this;
    if (link?.open) {
      const { quietMs } = link.connection;
      const quietSince = Math.max(backlog.voiceAt, link.voiceSentAt, link.openedAt);
      const more = link.connection.pending || all(link.connection.unfinished()) !== '';
      if (!more && backlog.waiting < BEHIND && now - quietSince > quietMs + 600) this.turn.end('', undefined);
    } else if (now - backlog.voiceAt > 3_000 && !backlog.hasVoice(100)) {
      this.turn.end(backlog.takeRest(), undefined);
    }
  }

  /** The caller must not wait for an answer to what nobody heard. */
  private tellCaller(now: number): void {
    if (this.apologies.isDue(now, this.outage, this.link?.open === true, this.backlog)) this.apologise(now);
  }

  private apologise(now: number): void {
    if (!this.apologies.make(now)) return;
    this.o.events.state('failed');
    this.o.events.deaf();
  }

  private lastWords(link: Link<S>): void {
    link.flush(this.o.now());
    if (link.connection.finished) this.complete();
  }

  private complete(): void {
    const { link, finishing, backlog } = this;
    if (this.over || !finishing) return;
    this.turn.finish(link?.open ? all(link.connection.unfinished()) : backlog.takeRest(), backlog.voiceAt);
    link?.connection.close();
    this.link = undefined;
    this.close();
    finishing.done();
  }

  private timeout(what: string): ProviderError {
    return new ProviderError(this.o.provider.name, 'timeout', `the connection ${what}`);
  }
}
