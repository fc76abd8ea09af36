import type { ToMain } from './protocol';

/** How what runs in a worker thread reaches the main thread. */
export interface MainLine {
  send(item: ToMain): void;
  /** A piece of the agent's voice, for the carrier. */
  frame(n: number, audio: Buffer, mark: string): void;
  /**
   * Asks the main thread for something, by the name of one of its services (services.ts).
   * @throws by rejection what it threw there
   */
  ask(what: string, ...args: unknown[]): Promise<unknown>;
}

let line: MainLine | undefined;

/** The line to the main thread; undefined where this is the main thread. */
export function mainLine(): MainLine | undefined {
  return line;
}

/** Told once, before the flows start in a worker thread. */
export function connectMain(to: MainLine): void {
  line = to;
}
