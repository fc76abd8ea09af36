import { inspect } from 'node:util';
import { isError, toPlainError } from '../plain-error';
import type { PlainError } from '../plain-error';

/** Node-RED's levels, as its handlers get them. */
const ERROR = 20;

/** An entry of Node-RED's log. */
export interface LogEntry {
  level: number;
  /** The node that told it; the runtime's own lines have none. */
  id?: string;
  type?: string;
  name?: string;
  msg?: unknown;
  [more: string]: unknown;
}

/** An error in the log of a worker: `line` is what Node-RED shows of it. */
export interface LoggedError {
  error: PlainError;
  line: string;
}

/** The log of a worker thread's runtime: lines go to the main thread, which has the handlers. */
export class ThreadLog {
  /** What nodes reported as errors while the flow started. */
  readonly problems: string[] = [];
  private state: 'starting' | 'running' | 'stopping' = 'starting';

  constructor(private readonly tell: (entry: Record<string, unknown>) => void) {}

  running(): void {
    this.state = 'running';
  }

  stopping(): void {
    this.state = 'stopping';
  }

  readonly handle = (entry: LogEntry): void => {
    const { level, id, type, name } = entry;
    // That a runtime starts and stops is told once, by the one that the user sees.
    if (id === undefined && level > ERROR && this.state !== 'running') return;
    if (id !== undefined && level <= ERROR && this.state === 'starting') {
      // In plain words, for people: the log has the rest.
      const words = isError(entry.msg) ? entry.msg.message : lineOf(entry.msg);
      this.problems.push(`${type ?? 'node'} ${name ?? id}: ${words}`);
    }
    this.tell({ ...entry, msg: plain(entry.msg) });
  };
}

/** What can be cloned. */
function plain(msg: unknown): unknown {
  if (isError(msg)) return { error: toPlainError(msg), line: lineOf(msg) } satisfies LoggedError;
  if (typeof msg !== 'object' && typeof msg !== 'function') return msg;
  try {
    return structuredClone(msg);
  } catch {
    return inspect(msg, { depth: 3 });
  }
}

/** As the console shows it: our own errors say themselves in one line. */
function lineOf(msg: unknown): string {
  if (typeof msg === 'object' && msg !== null && !isError(msg)) return inspect(msg, { depth: 3 });
  return `${msg as string}`;
}
