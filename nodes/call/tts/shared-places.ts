/** A place at a provider that allows only so many at once: held, or waited for. */
export interface Place {
  /** Gives it back, or stops waiting. Safe to call again. */
  release(): void;
  readonly held: boolean;
}

/** Gives out places. */
export interface SharedPlaces {
  /**
   * Takes a place as soon as one is free; `granted` is called then.
   * @param limit how many there are; a Deploy may have changed it since the last time
   */
  take(limit: number, granted: () => void): Place;
  /** Takes a place only if one is free and nobody waits. */
  tryTake(limit: number): Place | undefined;
}
