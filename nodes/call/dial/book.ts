import { randomUUID } from 'node:crypto';
import { RecentKeys } from '../recent';

/** Dials that failed here, and of which the carrier may still have made calls. */
const ABANDONED_REMEMBERED = 1_024;

/** A call that is being dialled, as its desk knows it. */
export interface DialledEntry {
  readonly dialId: string;
  readonly isNamed: boolean;
}

/** A new id, which a call goes by until its carrier has named it. */
export function newDialId(): string {
  return `dial-${randomUUID()}`;
}

/** Is this such an id? */
export function isDialId(text: string): boolean {
  return /^dial-[0-9a-f-]{36}$/.test(text);
}

/** The calls that one desk dials, by our own id. */
export class DialBook<Dialled extends DialledEntry> {
  private readonly calls = new Map<string, Dialled>();
  private readonly abandoned = new RecentKeys(ABANDONED_REMEMBERED);

  get size(): number {
    return this.calls.size;
  }

  add(call: Dialled): void {
    this.calls.set(call.dialId, call);
  }

  get(dialId: string | undefined): Dialled | undefined {
    return dialId === undefined ? undefined : this.calls.get(dialId);
  }

  /** It is over. If it has no name, nobody has heard from the carrier whether there is such a call. */
  left(call: Dialled): void {
    this.calls.delete(call.dialId);
    if (!call.isNamed) this.abandoned.add(call.dialId);
  }

  /** True for a call of whose dial we know only that it failed: nobody is here to talk to whoever answers. */
  isAbandoned(dialId: string): boolean {
    return this.abandoned.has(dialId);
  }
}
