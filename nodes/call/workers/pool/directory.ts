/** Of how many calls that are over it is known where they lived: for reports that come later. */
const ENDED_REMEMBERED = 10_000;

/** Which call lives in which worker, and where those that are over have lived. */
export class Directory<Call extends { readonly info: { readonly id: string } }, House> {
  private readonly houses = new Map<Call, House>();
  /** By call id, the oldest first. */
  private readonly before = new Map<string, House>();

  /** How many calls live in any worker. */
  get size(): number {
    return this.houses.size;
  }

  entered(call: Call, house: House): void {
    this.houses.set(call, house);
  }

  /** The call is over. */
  left(call: Call): void {
    const house = this.houses.get(call);
    if (house === undefined) return;
    this.houses.delete(call);
    const { id } = call.info;
    this.before.set(id, house);
    if (this.before.size > ENDED_REMEMBERED) this.before.delete(this.before.keys().next().value ?? '');
  }

  houseOf(call: Call): House | undefined {
    return this.houses.get(call);
  }

  /** Where a call lived that is over; undefined where that is long ago. */
  lastHouseOf(callId: string): House | undefined {
    return this.before.get(callId);
  }

  /** Nothing is remembered of a house that is no more. */
  gone(house: House): void {
    for (const [id, where] of this.before) if (where === house) this.before.delete(id);
  }
}
