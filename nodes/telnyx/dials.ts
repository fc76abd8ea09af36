import { RecentKeys } from '../call/recent';
import { dialIdOf } from './dial-request';
import type { DialledCall } from './dialled-call';
import type { TelnyxEvent } from './webhook';

/** Dials that failed here, and of which Telnyx may still have made calls. */
const ABANDONED_REMEMBERED = 1_024;

/** The calls that one desk dials: found by our own id for as long as Telnyx has not named them. */
export class Dials {
  private readonly calls = new Map<string, DialledCall>();
  private readonly abandoned = new RecentKeys(ABANDONED_REMEMBERED);

  get size(): number {
    return this.calls.size;
  }

  add(call: DialledCall): void {
    this.calls.set(call.dialId, call);
  }

  /** It is over. If it has no name, nobody has heard from Telnyx whether there is such a call. */
  left(call: DialledCall): void {
    this.calls.delete(call.dialId);
    if (!call.isNamed) this.abandoned.add(call.dialId);
  }

  /** The call that an event is of, which nobody knows by its name yet. */
  unnamed({ payload }: TelnyxEvent): DialledCall | undefined {
    const call = this.calls.get(dialIdOf(payload) ?? '');
    return call?.isNamed === false ? call : undefined;
  }

  /** The call that a token was issued for, by our own id, if it has its name by now. */
  named(dialId: string): DialledCall | undefined {
    const call = this.calls.get(dialId);
    return call?.isNamed === true ? call : undefined;
  }

  /** True for a call of whose dial we know only that it failed: nobody is here to talk to whoever answers. */
  isAbandoned({ payload }: TelnyxEvent): boolean {
    const dialId = dialIdOf(payload);
    return dialId !== undefined && this.abandoned.has(dialId);
  }
}
