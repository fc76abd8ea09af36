/**
 * Counts turns of the event loop, while somebody wants to know. Node-RED delivers each message by `setImmediate`: a message
 * that was sent before has reached the next node when a turn has passed, however long the turn was.
 */
let turns = 0;
let wanted = 0;
let counting = false;

/** Counts at least so many turns from now on. @returns the number of the present turn */
export function countTurns(atLeast: number): number {
  wanted = Math.max(wanted, atLeast);
  if (!counting) {
    counting = true;
    setImmediate(step);
  }
  return turns;
}

/** The number of the present turn: true only while turns are being counted. */
export function presentTurn(): number {
  return turns;
}

/** Resolves when so many turns have passed: what was on the wires has arrived. */
export async function gone(turns: number): Promise<void> {
  for (let left = turns; left > 0; left--) await new Promise((resolve) => setImmediate(resolve));
}

function step(): void {
  turns++;
  if (--wanted > 0) setImmediate(step);
  else counting = false;
}
