import { openCall } from '../../carrier/open-call';
import type { OpenedCall } from '../../carrier/open-call';
import type { InSettings } from '../../carrier/in-settings';
import { asError } from '../../errors';
import { registry } from '../../heart';
import { slotOf } from '../../lifecycle';
import type { EndReason } from '../../message';
import type { NodeSlot } from '../../node-slot';
import type { Call } from '../../call';
import { eachFrame } from '../frames';
import type { MainLine } from '../main-line';
import { fromPlainError } from '../plain-error';
import type { CallNews, CallRef } from '../protocol';
import { RemoteCarrier } from './remote-carrier';

interface Resident {
  opened: OpenedCall;
  call: Call;
  carrier: RemoteCarrier;
}

/** The calls of a worker thread: what the main thread tells of them goes to the call that it concerns. */
export class Residents {
  private readonly calls = new Map<CallRef, Resident>();

  constructor(private readonly line: MainLine) {}

  get size(): number {
    return this.calls.size;
  }

  /** Frames of the callers' voices. */
  frames(packed: Uint8Array): void {
    eachFrame(packed, this.frame);
  }

  private readonly frame = (n: CallRef, audio: Buffer): void => {
    const opened = this.calls.get(n)?.opened;
    try {
      opened?.hearer.audio(audio);
    } catch (err) {
      // The frames behind it are those of other calls.
      opened?.fail(asError(err));
    }
  };

  /** Of a call that has ended here nothing is to be done: both sides end it, whoever is first. */
  take(news: CallNews): void {
    if (news.t === 'open') return this.open(news);
    const resident = this.calls.get(news.n);
    if (!resident) return;
    const { call, carrier, opened } = resident;
    switch (news.t) {
      case 'emit':
        return call.emit(news.topic, news.payload);
      case 'digit':
        return call.digit(news.digit);
      case 'words':
        return call.noteWords();
      case 'stream':
        carrier.connected = news.open;
        if (!news.open) return call.streamLost();
        this.line.send({ t: 'stream-known', n: news.n, nth: news.nth });
        return call.streamOpened();
      case 'echo':
        return call.echo(news.mark);
      case 'leave':
        return call.leave(news.to);
      case 'end':
        return call.end(news.reason);
      case 'named':
        return registry.rename(call, news.id);
      case 'call-failed':
        return opened.fail(fromPlainError(news.error));
    }
  }

  private open({ n, info, ownerId, answer }: Extract<CallNews, { t: 'open' }>): void {
    const slot = slotOf(ownerId) as NodeSlot<InSettings> | undefined;
    const over = (reason: EndReason): void => this.line.send({ t: 'over', n, reason });
    // The flow of this worker does not know the node: as where it was deleted.
    if (!slot?.instance) return over('flow-removed');
    const carrier = new RemoteCarrier(n, info.carrier, this.line);
    let opened: OpenedCall;
    try {
      opened = openCall(slot, info, carrier, () => undefined, answer);
    } catch (err) {
      slot.fail(asError(err), info);
      // Nobody is left waiting in silence.
      return over('flow-removed');
    }
    const call = registry.get(info.id);
    if (!call) return over('flow-removed');
    this.calls.set(n, { opened, call, carrier });
    call.tap(({ topic, payload }) => {
      if (topic !== 'call.ended') return;
      this.calls.delete(n);
      over((payload as { reason: EndReason }).reason);
    });
  }
}
