import { sayMs } from '../call/carrier/call';
import { asError } from '../call/errors';
import { speakBody } from './carrier-voice';
import type { TelnyxInSettings } from './in-settings';
import { isOver } from './rest';
import type { TelnyxRest } from './rest';
import type { TelnyxEvent } from './webhook';

/** So many callers at once are told that all is busy, or forwarded; more are rejected, which needs no memory. */
const MAX_LINES = 200;
/** How long answering and speaking may take besides the words, ms. */
const SPARE_MS = 15_000;
/** How long the other number may ring, ms. */
const FORWARD_MS = 120_000;

interface Line {
  kind: 'say' | 'forward';
  sessionId: string;
  text: string;
  spoken: boolean;
  timer: NodeJS.Timeout;
}

/** What a desk lends its busy lines. */
export interface BusyHost {
  readonly rest: TelnyxRest;
  readonly settings: TelnyxInSettings;
  fail(error: Error): void;
}

/** Calls that came when all lines were taken: rejected, told so, or forwarded, as set. No call of the registry's. */
export class BusyLines {
  private readonly lines = new Map<string, Line>();

  constructor(private readonly host: BusyHost) {}

  get size(): number {
    return this.lines.size;
  }

  /** Deals with a call that is offered. */
  take({ callControlId: id, sessionId }: TelnyxEvent): void {
    const { busy, busyText, forwardTo } = this.host.settings;
    if (this.lines.has(id)) return;
    if (busy === 'reject' || this.lines.size >= MAX_LINES) return this.reject(id);
    const giveUpMs = busy === 'say' ? sayMs(busyText) + SPARE_MS : FORWARD_MS;
    const timer = setTimeout(() => this.late(id), giveUpMs);
    this.lines.set(id, { kind: busy, sessionId, text: busyText, spoken: false, timer });
    if (busy === 'say') this.send(id, 'answer');
    else this.send(id, 'transfer', { to: forwardTo });
  }

  /** An event of a call that is not in the registry. */
  event({ type, callControlId: id, sessionId }: TelnyxEvent): void {
    const line = this.lines.get(id);
    if (type === 'call.hangup' || type === 'call.bridged') {
      if (line) return this.forget(id);
      if (type === 'call.hangup') this.otherLegEnded(sessionId);
    } else if (line?.kind !== 'say') return;
    else if (type === 'call.answered') this.speak(id, line);
    else if (type === 'call.speak.ended') this.hangUp(id);
  }

  private speak(id: string, line: Line): void {
    if (line.spoken) return;
    line.spoken = true;
    this.send(id, 'speak', speakBody(line.text, this.host.settings));
  }

  /** The number that a call was forwarded to did not take it: the call itself is still there. */
  private otherLegEnded(sessionId: string): void {
    if (sessionId === '') return;
    for (const [id, line] of this.lines) {
      if (line.kind !== 'forward' || line.sessionId !== sessionId) continue;
      this.forget(id);
      this.reject(id);
    }
  }

  private late(id: string): void {
    const line = this.lines.get(id);
    if (line?.kind === 'say') this.hangUp(id);
    else this.forget(id);
  }

  private hangUp(id: string): void {
    this.forget(id);
    this.send(id, 'hangup');
  }

  private reject(id: string): void {
    this.send(id, 'reject', { cause: 'USER_BUSY' });
  }

  private send(id: string, action: string, body?: Record<string, unknown>): void {
    this.host.rest.command(id, action, body).catch((err: unknown) => {
      const known = this.lines.has(id);
      this.forget(id);
      if (isOver(err)) return;
      this.host.fail(asError(err));
      // A caller who is neither told nor forwarded is not left in silence.
      if (known) this.host.rest.command(id, 'hangup').catch(() => undefined);
    });
  }

  private forget(id: string): void {
    clearTimeout(this.lines.get(id)?.timer);
    this.lines.delete(id);
  }
}
