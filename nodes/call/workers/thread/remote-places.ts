import type { Place, SharedPlaces } from '../../tts/shared-places';
import type { MainLine } from '../main-line';

/** Of this thread: by them the main thread knows the places that it has given out here. */
let last = 0;

/** In a worker thread: the places of one account, given out by the main thread to all workers. */
export class RemotePlaces implements SharedPlaces {
  /** As the main thread told it last. */
  private free = 0;

  /** @param key of the provider's account */
  constructor(
    private readonly key: string,
    private readonly line: MainLine,
  ) {}

  take(limit: number, granted: () => void): Place {
    const place = new RemotePlace(++last, this.line);
    this.line.ask('place', place.id, this.key, limit, false).then(
      (free) => {
        this.free = Number(free);
        if (place.released) return;
        place.held = true;
        granted();
      },
      // The main thread gives places or nothing: it is going down.
      () => undefined,
    );
    return place;
  }

  /** By what was free when the last place was given: where that has changed meanwhile there is one too many for a moment. */
  tryTake(limit: number): Place | undefined {
    if (this.free <= 0) return undefined;
    this.free--;
    const place = new RemotePlace(++last, this.line);
    place.held = true;
    this.line.ask('place', place.id, this.key, limit, true).catch(() => undefined);
    return place;
  }
}

class RemotePlace implements Place {
  held = false;
  released = false;

  constructor(
    readonly id: number,
    private readonly line: MainLine,
  ) {}

  release(): void {
    if (this.released) return;
    this.released = true;
    this.held = false;
    this.line.ask('place-release', this.id).catch(() => undefined);
  }
}
