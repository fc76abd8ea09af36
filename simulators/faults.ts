/**
 * Faults on command, as plain data, so that a test can send them to a simulator in another process.
 *
 * Each simulator asks its `faults` at three moments: when somebody connects (an HTTP request, a WebSocket upgrade), when
 * a client message arrives, and before it sends something in a stream. What a fault looks like on the wire is the
 * simulator's affair, since each provider fails in its own way.
 */

/** The moments at which a fault can strike. */
export type FaultMoment = 'connect' | 'message' | 'mid-stream';

/**
 * - `refuse`: the TCP connection is reset before an answer.
 * - `status`: an HTTP status in place of a handshake or an answer; at a WebSocket message, the provider's error event.
 * - `stall-before-first-byte`: accepted, and then nothing is ever sent (with `when: 'connect'`, not even the handshake).
 * - `stall-after-first-byte`: the stream falls silent in the middle, and stays open.
 * - `close-mid-stream`: the stream ends in the middle: a WebSocket close with `code`, else a reset.
 * - `garbage`: something that cannot be parsed is sent, then the stream goes on.
 * - `wrong-json`: valid JSON of an unknown shape is sent, then the stream goes on.
 */
export type FaultKind =
  | 'refuse'
  | 'status'
  | 'stall-before-first-byte'
  | 'stall-after-first-byte'
  | 'close-mid-stream'
  | 'garbage'
  | 'wrong-json';

export interface Fault {
  kind: FaultKind;
  /** Default: `connect` for refuse and status, `message` for stall-before-first-byte, else `mid-stream`. */
  when?: FaultMoment;
  /** How often it strikes; default 1. JSON has no Infinity, hence 'always'. */
  times?: number | 'always';
  /** It strikes from the n-th output (mid-stream, default 1) or client message (message, default 0) of a stream on. */
  after?: number;
  /** Only where this API key is used. */
  matchKey?: string;
  /** Only where this model is used; at the handshake of Cartesia it is not known yet. */
  matchModel?: string;
  /** Only where this regular expression finds something in what the client asks for (prompt, transcript, path). */
  matchText?: string;
  /** HTTP status for `status`. */
  status?: number;
  /** Body for `status`, by default the provider's own for that status; for `garbage` of OpenAI's text APIs what is sent, a byte a character. */
  body?: unknown;
  /** Provider error code for `status`, for example 'insufficient_quota' in place of 'rate_limit_exceeded'. */
  errorCode?: string;
  /** Answer header in ms for `status` 429 and 503. */
  retryAfterMs?: number;
  /** WebSocket close code of `close-mid-stream`; without it the connection is reset. OpenAI's text APIs end their body in good order with any. */
  code?: number;
  /** WebSocket close reason of `close-mid-stream`. */
  reason?: string;
}

/** Whom a fault would strike. */
export interface FaultTarget {
  key?: string | undefined;
  model?: string | undefined;
  text?: string | undefined;
  /** Outputs already sent, or client messages already received, in this stream. */
  count?: number;
}

interface Planned {
  fault: Fault;
  when: FaultMoment;
  left: number;
  text: RegExp | undefined;
}

/** The faults planned for one simulator. */
export class Faults {
  private planned: Planned[] = [];
  /** How many faults have struck so far. */
  struck = 0;

  add(...faults: Fault[]): void {
    for (const fault of faults) {
      this.planned.push({
        fault,
        when: fault.when ?? defaultMoment(fault.kind),
        left: fault.times === 'always' || fault.times === null ? Infinity : (fault.times ?? 1),
        text: fault.matchText === undefined ? undefined : new RegExp(fault.matchText, 'iu'),
      });
    }
  }

  clear(): void {
    this.planned = [];
  }

  /** Is any fault planned? For those who would prepare something costly to ask. */
  get any(): boolean {
    return this.planned.length > 0;
  }

  /** Faults that have not struck as often as planned. */
  get pending(): Fault[] {
    return this.planned.map((planned) => planned.fault);
  }

  /** The fault that strikes now, if any; it is counted down. Called for every frame, hence cheap when nothing is planned. */
  take(when: FaultMoment, target: FaultTarget): Fault | undefined {
    if (this.planned.length === 0) return undefined;
    const found = this.planned.find((planned) => planned.when === when && planned.left > 0 && strikes(planned, target));
    if (found === undefined) return undefined;
    found.left -= 1;
    if (found.left <= 0) this.planned = this.planned.filter((planned) => planned !== found);
    this.struck += 1;
    return found.fault;
  }
}

function strikes({ fault, when, text }: Planned, target: FaultTarget): boolean {
  if (fault.matchKey !== undefined && fault.matchKey !== target.key) return false;
  if (fault.matchModel !== undefined && fault.matchModel !== target.model) return false;
  if (text !== undefined && !text.test(target.text ?? '')) return false;
  return (target.count ?? 0) >= (fault.after ?? (when === 'mid-stream' ? 1 : 0));
}

function defaultMoment(kind: FaultKind): FaultMoment {
  if (kind === 'refuse' || kind === 'status') return 'connect';
  return kind === 'stall-before-first-byte' ? 'message' : 'mid-stream';
}
