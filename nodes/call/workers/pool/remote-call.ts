import type { CallLimits, CallState, CarriedCall } from '../../carried-call';
import type { Carrier } from '../../carrier';
import { asError } from '../../errors';
import { BYTES_PER_MS, FRAME_BYTES } from '../../mulaw';
import type { CallInfo, EndReason } from '../../message';
import { Privacy } from '../../privacy';
import { clips } from '../../tts/clips';
import type { CallNews, CallRef, Delivery } from '../protocol';

/** What a call tells before it has a worker waits, so many at most: a worker starts within a second, and the caller hears it ring. */
const MAX_WAITING = 1_000;
/** And so many frames of 20 ms of the caller's voice, 10 s; then the oldest goes. */
const MAX_FRAMES_WAITING = 500;
/** After the apology has been sent, so much longer is waited for it to be heard, ms. */
const HEARD_MS = 500;

/** The worker that a call lives in, as the call sees it. */
export interface CallHouse {
  send(news: CallNews | Delivery): void;
  frame(n: CallRef, audio: Buffer): void;
}

/** What a remote call tells its pool. */
export interface RemoteCallHost {
  /** It is over, here and at the carrier. Told once. */
  over(call: RemoteCall, reason: EndReason): void;
  fail(error: Error): void;
}

/** A call whose flow runs in a worker thread, as its carrier sees it: all that the carrier tells goes there. */
export class RemoteCall implements CarriedCall {
  state: CallState = 'offered';
  /** Kept as the worker keeps its own: what the carrier transcribes is masked here. */
  private readonly privacy = new Privacy(() => performance.now());
  private house: CallHouse | undefined;
  private waiting: (CallNews | Delivery)[] = [];
  private framesWaiting: Buffer[] = [];
  private ending: EndReason | undefined;
  private hangingUp: Promise<void> | undefined;
  private parting: Promise<void> | undefined;
  private clipKey = '';
  private lost = false;
  /** Media streams that there have been, and the one that the worker knows of. */
  private streams = 0;
  private known = 0;

  /**
   * @param n by which both threads know it
   * @param limits asked each time
   * @param apology by the carrier's voice, if the worker fails and there is no clip
   */
  constructor(
    readonly n: CallRef,
    readonly info: CallInfo,
    readonly carrier: Carrier,
    readonly ownerId: string,
    readonly limits: () => CallLimits,
    private readonly apology: () => string,
    private readonly host: RemoteCallHost,
  ) {}

  /** True where it has no worker yet. */
  get homeless(): boolean {
    return this.house === undefined;
  }

  get isPrivate(): boolean {
    return this.privacy.covers(undefined, performance.now());
  }

  /** True where its worker is gone, or was never there: only its end is still to come. */
  get isLost(): boolean {
    return this.lost;
  }

  /** It has a worker now. */
  moveIn(house: CallHouse): void {
    this.house = house;
    for (const news of this.waiting.splice(0)) house.send(news);
    for (const frame of this.framesWaiting.splice(0)) house.frame(this.n, frame);
  }

  /** Tells its worker, or keeps it until there is one: what happens to the call, and messages of the flow that name it. */
  tell(news: CallNews | Delivery): void {
    if (this.lost) return;
    if (this.house) this.house.send(news);
    else if (this.waiting.length < MAX_WAITING || news.t === 'end') this.waiting.push(news);
  }

  audio(payload: Buffer): void {
    if (this.lost) return;
    if (this.house) return this.house.frame(this.n, payload);
    this.framesWaiting.push(payload);
    if (this.framesWaiting.length > MAX_FRAMES_WAITING) this.framesWaiting.shift();
  }

  emit(topic: string, payload: unknown): void {
    this.tell({ t: 'emit', n: this.n, topic, payload });
  }

  digit(digit: string): void {
    this.tell({ t: 'digit', n: this.n, digit });
  }

  noteWords(): void {
    this.tell({ t: 'words', n: this.n });
  }

  streamOpened(): void {
    if (this.state === 'offered' || this.state === 'away') this.state = 'live';
    this.tell({ t: 'stream', n: this.n, open: true, nth: ++this.streams });
    if (this.lost) this.farewell().catch((err: unknown) => this.host.fail(asError(err)));
  }

  streamLost(): void {
    this.tell({ t: 'stream', n: this.n, open: false, nth: this.streams });
  }

  echo(mark: string): void {
    this.tell({ t: 'echo', n: this.n, mark });
  }

  leave(to: string): void {
    if (this.state !== 'live') return;
    this.state = 'away';
    this.tell({ t: 'leave', n: this.n, to });
  }

  named(id: string): void {
    this.info.id = id;
    this.tell({ t: 'named', n: this.n, id });
  }

  /** It goes on in the flow that it began on. */
  disowned(): void {
    // A Deploy is for new calls only.
  }

  async hangUp(reason: EndReason, goodbye?: string): Promise<void> {
    if (this.state === 'ended') return;
    this.ending ??= reason;
    this.hangingUp ??= this.carrier.hangUp(goodbye, reason).finally(() => this.end(this.ending ?? reason));
    await this.hangingUp;
  }

  end(reason: EndReason): void {
    if (this.state === 'ended') return;
    const why = this.ending ?? reason;
    // Before the state changes, so that the worker is told while the call still lives.
    this.tell({ t: 'end', n: this.n, reason: why });
    this.state = 'ended';
    this.info.endedAt = Date.now();
    this.carrier.dispose();
    this.host.over(this, why);
  }

  /** What the worker has for the caller; nothing that was meant for a stream that is gone. */
  play(audio: Buffer, mark: string): void {
    if (this.isHeard) this.carrier.play(audio, mark === '' ? undefined : mark);
  }

  mark(name: string): void {
    if (this.isHeard) this.carrier.mark(name);
  }

  clear(): void {
    if (this.isHeard) this.carrier.clear();
  }

  streamKnown(nth: number): void {
    this.known = nth;
  }

  private get isHeard(): boolean {
    return !this.lost && this.state !== 'ended' && this.known === this.streams;
  }

  setPrivate(on: boolean): void {
    this.privacy.set(on);
  }

  /** What the caller hears if the worker fails: in the agent's voice. @param key of a clip that the main thread has */
  apologyIs(key: string): void {
    this.clipKey = key;
  }

  /**
   * Its worker is gone, and with it all that it knew, or there is none for it: the caller hears the apology, and the call is ended. One
   * who cannot hear us yet, or talks with somebody else, hears it when the stream is open.
   */
  async loseHouse(): Promise<void> {
    if (this.lost || this.state === 'ended') return;
    this.lost = true;
    this.house = undefined;
    this.waiting = [];
    this.framesWaiting = [];
    const isRinging = this.state === 'offered' && this.info.direction === 'outbound';
    if (this.state === 'live' || isRinging || this.hangingUp) await this.farewell();
  }

  private farewell(): Promise<void> {
    this.parting ??= (async () => {
      try {
        await this.hangUp('worker-failed', this.hangingUp ? undefined : await this.apologise());
      } catch (err) {
        this.host.fail(asError(err));
        this.end('worker-failed');
      }
    })();
    return this.parting;
  }

  /** @returns what the carrier's voice still has to say */
  private async apologise(): Promise<string | undefined> {
    if (this.state !== 'live') return undefined;
    const { carrier } = this;
    const audio = clips.get(this.clipKey)?.audio;
    if (!audio || !carrier.connected) return this.apology();
    carrier.clear();
    carrier.play(padded(audio));
    await new Promise((resolve) => setTimeout(resolve, audio.length / BYTES_PER_MS + HEARD_MS));
    // The clip is of a talk that goes on: these words end it.
    return this.limits().goodbye;
  }
}

/** To whole frames, with silence. */
function padded(audio: Buffer): Buffer {
  const rest = audio.length % FRAME_BYTES;
  return rest === 0 ? audio : Buffer.concat([audio, Buffer.alloc(FRAME_BYTES - rest, 0xff)]);
}
