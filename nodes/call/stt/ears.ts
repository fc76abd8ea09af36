/**
 * An ear that misses so many frames which another one hears, and hears nothing for so long, has lost the caller: the flow
 * leads his audio elsewhere. (Ears on a forked wire hear the same frames, a moment apart.)
 */
const MISSED_FRAMES = 5;
const MISSED_MS = 100;
/** Beyond so many ears that still have last words, the oldest must do without. */
const MAX_LEAVING = 8;

/** One stretch of listening by one node: from the first frame that reached it to its last word. */
export interface Ear {
  /** The caller's audio goes elsewhere now: say what was understood, within 2.5 s, and be done. */
  leave(): void;
  /** Say at once what there is. */
  hurry(): void;
}

/** An ear's place among those of its call. */
export class Place {
  /** It hears no more. */
  leaving = false;
  /** It has said its last word. */
  over = false;
  /** No other ear is open in the call. */
  alone = true;
  missed = 0;
  /** What it understood and must not be told yet: two and a half seconds of it at most, as others have that long. */
  held: (() => void)[] = [];

  /** @param heardAt ms on the call's clock */
  constructor(
    readonly ear: Ear,
    private readonly ears: Ears,
    public heardAt: number,
  ) {}

  /** A frame of the caller's audio came to this ear. Called fifty times a second. @param now ms on the call's clock */
  heard(now: number): void {
    this.missed = 0;
    this.heardAt = now;
    if (!this.alone) this.ears.noteMissed(this, now);
  }

  /** Tells what was understood: at once, or as soon as those that heard what was said before have told that. */
  tell(what: () => void): void {
    if (this.held.length > 0 || this.ears.mustWait(this)) this.held.push(what);
    else what();
  }

  /** It hears no more, and will say its last words. */
  leaves(): void {
    this.leaving = true;
    this.ears.bound();
  }

  /** It has said its last word. */
  done(): void {
    this.leaving = this.over = true;
    this.ears.settle();
  }
}

/**
 * Who listens to the caller of one call. Where a flow leads the audio from one STT node to another in mid-call, the first is
 * told to finish, and what the second understands is told behind that: the caller's words keep the order in which they were
 * said, and none of them waits for a silence that the first will never hear.
 */
export class Ears {
  private places: Place[] = [];
  private waiting: (() => void)[] = [];

  /** An ear begins to hear, after all others. @param now ms on the call's clock */
  open(ear: Ear, now: number): Place {
    const place = new Place(ear, this, now);
    this.keep([...this.places, place]);
    return place;
  }

  /** Runs when no ear of the call has anything more to say: at once if that is so. */
  whenDone(then: () => void): void {
    if (this.places.length === 0) then();
    else this.waiting.push(then);
  }

  /** Others that hear did not get the frame that this one got; or not yet. */
  noteMissed(place: Place, now: number): void {
    let others = 0;
    for (const other of this.places) if (other !== place && !other.leaving) others++;
    for (let i = 0; i < this.places.length && others > 0; i++) {
      const other = this.places[i];
      if (!other || other === place || other.leaving) continue;
      if (++other.missed >= MISSED_FRAMES * others && now - other.heardAt >= MISSED_MS) other.ear.leave();
    }
  }

  /** True while one that heard what was said before has last words to say. */
  mustWait(place: Place): boolean {
    for (const one of this.places) {
      if (one === place) return false;
      if (one.leaving && !one.over) return true;
    }
    return false;
  }

  bound(): void {
    const leaving = this.places.filter((place) => place.leaving && !place.over);
    if (leaving.length > MAX_LEAVING) leaving[0]?.ear.hurry();
  }

  /** Tells what need not wait any more; whoever has told all is forgotten. */
  settle(): void {
    for (const place of this.places) {
      if (place.held.length > 0) {
        const { held } = place;
        place.held = [];
        for (const tell of held) tell();
      }
      if (place.leaving && !place.over) break;
    }
    this.keep(this.places.filter((place) => !place.over || place.held.length > 0));
    if (this.places.length > 0) return;
    const { waiting } = this;
    this.waiting = [];
    for (const then of waiting) then();
  }
  private keep(places: Place[]): void {
    this.places = places;
    for (const place of places) place.alone = places.length === 1;
  }
}
