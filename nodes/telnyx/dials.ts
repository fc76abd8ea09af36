import { DialBook } from '../call/dial/book';
import { dialIdOf } from './dial-request';
import type { DialledCall } from './dialled-call';
import type { TelnyxEvent } from './webhook';

/** The calls that one desk dials: found by our own id for as long as Telnyx has not named them. */
export class Dials extends DialBook<DialledCall> {
  /** The call that an event is of, which nobody knows by its name yet. */
  unnamed({ payload }: TelnyxEvent): DialledCall | undefined {
    const call = this.get(dialIdOf(payload));
    return call?.isNamed === false ? call : undefined;
  }

  /** The call that a token was issued for, by our own id, if it has its name by now. */
  named(dialId: string): DialledCall | undefined {
    const call = this.get(dialId);
    return call?.isNamed === true ? call : undefined;
  }

  /** True for an event of a call of whose dial we know only that it failed. */
  isOfAbandoned({ payload }: TelnyxEvent): boolean {
    const dialId = dialIdOf(payload);
    return dialId !== undefined && this.isAbandoned(dialId);
  }
}
