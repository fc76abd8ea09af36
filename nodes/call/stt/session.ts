import type { Call } from '../call';
import { gate } from '../heart';
import { isCallerAudio } from '../message';
import type { VoiceMessage } from '../message';
import type { NodeSlot } from '../node-slot';
import { Session } from '../session';
import type { Verdict } from '../session';
import type { SttProvider } from './connection';
import { SttEar } from './ear';
import type { ListenerState } from './listener';
import { showState } from './status';

/**
 * What a node of speech-to-text keeps for one call: an ear while the caller's audio comes its way (none, and no connection,
 * where a flow leads it to another node), ears that have last words to say, and `call.ended` until all of the call's have
 * said them.
 */
export class SttSession<S> extends Session<S> {
  /** The one that hears, if any; the last of all that have not said their last word. */
  private ear: SttEar<S> | undefined;
  private readonly ears = new Set<SttEar<S>>();
  private ended: VoiceMessage | undefined;
  private ending = false;
  private oddAudioTold = false;
  /** The caller is not heard at present. */
  private down = false;

  constructor(
    call: Call,
    slot: NodeSlot<S>,
    private readonly provider: SttProvider<S>,
  ) {
    super(call, slot);
    this.onDispose(
      call.tap(({ topic }) => {
        if (topic === 'call.away') this.rest();
      }),
    );
  }

  receive(msg: VoiceMessage): Verdict {
    if (isCallerAudio(msg)) {
      this.hear(msg);
      return 'taken';
    }
    // For the first words' sake; where a flow leads the audio elsewhere, it closes after a tenth of a second.
    if (msg.topic === 'call.started' || msg.topic === 'call.resumed') this.listen();
    if (msg.topic !== 'call.ended') return 'pass';
    this.finish();
    this.ended = msg;
    this.call.ears.whenDone(() => this.releaseEnded());
    return 'taken';
  }

  override callEnded(): void {
    this.finish();
  }

  protected release(): void {
    for (const ear of this.ears) ear.close();
    this.ears.clear();
    this.releaseEnded();
    showState(this.slot, this);
  }

  private hear(msg: VoiceMessage): void {
    const { payload } = msg;
    if (!Buffer.isBuffer(payload)) {
      if (this.oddAudioTold) return;
      this.oddAudioTold = true;
      throw new Error(
        "The caller's audio must be a Buffer (mu-law, 8 kHz): a node before this one changed msg.payload.",
      );
    }
    const ear = this.listen();
    const atMs = msg.event?.atMs;
    const now = this.call.now();
    ear?.hear(payload, typeof atMs === 'number' && Number.isFinite(atMs) ? atMs : now, now, msg);
  }

  /** The ear that hears the caller now; none where the caller is with somebody else, or has gone. */
  private listen(): SttEar<S> | undefined {
    if (this.ending || this.call.state === 'away') return undefined;
    if (!this.ear || this.ear.leaving) this.ear = this.open();
    return this.ear;
  }

  /** The caller is with somebody else: says what was understood, and keeps no connection, which would cost money. */
  private rest(): void {
    for (const ear of [...this.ears]) ear.finish();
  }

  private open(): SttEar<S> {
    const { call, provider } = this;
    const ear = new SttEar<S>({
      call,
      provider,
      settings: () => this.settings,
      flowing: () => gate.isOpen,
      guard: (callback) => this.guard(callback),
      send: (topic, payload, more) => this.sendNew(topic, payload, more),
      fail: (error) => this.fail(error),
      state: (state) => this.state(state),
      done: (done) => this.done(done),
    });
    this.ears.add(ear);
    return ear;
  }

  private done(ear: SttEar<S>): void {
    this.ears.delete(ear);
    if (this.ear !== ear) return;
    this.ear = undefined;
    showState(this.slot, this);
  }

  private finish(): void {
    if (this.ending) return;
    this.ending = true;
    for (const ear of [...this.ears]) ear.finish();
  }

  private releaseEnded(): void {
    const { ended } = this;
    this.ended = undefined;
    if (ended) this.send(0, ended);
  }

  private state(state: ListenerState): void {
    showState(this.slot, this, state);
    const { name: provider } = this.provider;
    if (state === 'live') {
      if (this.down) this.call.metrics.reconnected();
      this.log(this.down ? 'info' : 'debug', this.down ? 'stt.reconnected' : 'stt.connected', { provider });
      this.down = false;
    } else if (state !== 'connecting' && !this.down) {
      this.down = true;
      this.log('warn', 'stt.lost', { provider, what: 'the caller is not understood now; what is said is kept' });
    }
  }
}
