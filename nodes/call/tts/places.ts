import type { Place, SharedPlaces } from './shared-places';
import { mainLine } from '../workers/main-line';
import { RemotePlaces } from '../workers/thread/remote-places';

interface Waiter {
  limit: number;
  granted: () => void;
}

/** The places that a provider's plan allows at once, for one account in this process: first come, first served. */
export class Places implements SharedPlaces {
  private taken = 0;
  private readonly waiters: Waiter[] = [];

  get active(): number {
    return this.taken;
  }

  /** How many more could be taken now. */
  free(limit: number): number {
    return this.waiters.length > 0 ? 0 : Math.max(0, limit - this.taken);
  }

  get waiting(): number {
    return this.waiters.length;
  }

  /** Granted at once if there is one now. */
  take(limit: number, granted: () => void): Place {
    const place = new OnePlace(this);
    const waiter: Waiter = {
      limit,
      granted: () => {
        place.held = true;
        granted();
      },
    };
    place.waiter = waiter;
    this.waiters.push(waiter);
    this.serve();
    return place;
  }

  tryTake(limit: number): Place | undefined {
    if (this.waiters.length > 0 || this.taken >= limit) return undefined;
    return this.take(limit, () => undefined);
  }

  /** For `Place.release`. */
  giveBack(waiter: Waiter, held: boolean): void {
    if (held) this.taken--;
    else {
      const index = this.waiters.indexOf(waiter);
      if (index >= 0) this.waiters.splice(index, 1);
    }
    this.serve();
  }

  private serve(): void {
    for (let next = this.waiters[0]; next && this.taken < next.limit; next = this.waiters[0]) {
      this.waiters.shift();
      this.taken++;
      next.granted();
    }
  }
}

class OnePlace implements Place {
  held = false;
  waiter: Waiter | undefined;

  constructor(private readonly places: Places) {}

  release(): void {
    const { waiter, held } = this;
    if (!waiter) return;
    this.waiter = undefined;
    this.held = false;
    this.places.giveBack(waiter, held);
  }
}

const all = new Map<string, Places>();
const remote = new Map<string, RemotePlaces>();

/** The places of one provider's account, for the whole process: where this is a worker thread the main thread gives them out. */
export function placesOf(provider: string, accountId: string): SharedPlaces {
  const key = `${provider}:${accountId}`;
  const line = mainLine();
  return line ? made(remote, key, () => new RemotePlaces(key, line)) : made(all, key, () => new Places());
}

/** In the main thread: what `placesOf` goes by in a worker. */
export function placesByKey(key: string): Places {
  return made(all, key, () => new Places());
}

function made<T>(among: Map<string, T>, key: string, make: () => T): T {
  let found = among.get(key);
  if (found === undefined) among.set(key, (found = make()));
  return found;
}

/** For tests: places held and waited for, of all accounts. Both are 0 when nothing is being spoken. */
export function countPlaces(): { active: number; waiting: number } {
  let active = 0;
  let waiting = 0;
  for (const places of all.values()) {
    active += places.active;
    waiting += places.waiting;
  }
  return { active, waiting };
}
