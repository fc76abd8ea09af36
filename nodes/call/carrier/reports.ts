import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { copyCall, isRecord } from '../message';
import type { CallInfo } from '../message';
import { RecentKeys } from '../recent';

/** What a report is of. */
export type ReportKind = 'recording' | 'transcription';

/** How long reports are awaited, and how many at most: settings of the in-node. */
export interface ReportLimits {
  reportsMs: number;
  maxReports: number;
}

/** A report that is expected: whose it is. */
export interface ExpectedReport {
  kind: ReportKind;
  call: CallInfo;
  /** What is recorded is to be deleted as soon as the carrier has it. */
  doomed: boolean;
}

interface Awaited {
  kind: ReportKind;
  /** The call's own: its end and what a flow has set since are known by it. */
  call: CallInfo;
  until: number;
  doomed: boolean;
}

/** Longer than this a URL gets unsafe: then the call's parameters stay behind, bytes. */
const MAX_SEALED_BYTES = 1_200;
/** Reports that are known again when they come twice: id and status. */
const SEEN_REMEMBERED = 10_000;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * The reports that a carrier still owes: of recordings and transcriptions, which come when the call is long over, or Node-RED has
 * been started anew. What is needed to understand one travels with it, sealed, in the URL or state that the carrier gives back;
 * here stands only how many are awaited, and until when.
 */
export class Reports {
  private readonly awaited = new Map<string, Awaited>();
  private readonly seen = new RecentKeys(SEEN_REMEMBERED);
  /** Stands in what is sealed from now on: what was sealed before a restart cannot stand among the awaited. */
  private readonly epoch = randomBytes(6).toString('base64url');

  /**
   * @param secrets of the account: the first seals, the others were valid before and are tried too; asked anew each time
   * @param limits as deployed now
   */
  constructor(
    private readonly secrets: () => readonly string[],
    private readonly limits: () => ReportLimits,
  ) {}

  /** How many are awaited. */
  get size(): number {
    return this.awaited.size;
  }

  /** Expects reports of one recording or transcription. @returns a token for a URL's path: letters, digits, - and _ */
  expect(kind: ReportKind, call: CallInfo): string {
    const { reportsMs, maxReports } = this.limits();
    const now = Date.now();
    for (const [id, { until }] of this.awaited) {
      // In the order of time, but for limits that a Deploy has changed: the oldest goes where there is no room.
      if (until > now && this.awaited.size < maxReports) break;
      this.awaited.delete(id);
    }
    const id = randomBytes(9).toString('base64url');
    this.awaited.set(id, { kind, call, until: now + reportsMs, doomed: false });
    const facts = { v: 1, b: this.epoch, e: id, n: now, k: kind, i: call.id, c: call.carrier, d: call.direction, f: call.from, t: call.to, s: call.startedAt }; // prettier-ignore
    const whole = JSON.stringify({ ...facts, p: call.parameters });
    return this.seal(Buffer.byteLength(whole) <= MAX_SEALED_BYTES ? whole : JSON.stringify(facts));
  }

  /** Whose report it is; undefined for a token that is none of ours, is too old, or had to make room. */
  find(token: string): ExpectedReport | undefined {
    const facts = this.open(token);
    if (!facts) return undefined;
    const { b: epoch, e: id, n: issuedAt, k: kind } = facts;
    if (typeof id !== 'string' || typeof issuedAt !== 'number' || (kind !== 'recording' && kind !== 'transcription')) {
      return undefined;
    }
    const awaited = this.awaited.get(id);
    const now = Date.now();
    const until = awaited?.until ?? issuedAt + this.limits().reportsMs;
    if (now > until || (!awaited && epoch === this.epoch)) return undefined;
    const call = awaited ? copyCall(awaited.call) : callOf(facts);
    return call && { kind, call, doomed: awaited?.doomed ?? false };
  }

  /** False for a report that came before: carriers send them twice. @param status what tells it from the next of the same record */
  isNew(recordId: string, status: string): boolean {
    return this.seen.add(`${recordId} ${status}`);
  }

  /** What is being recorded of this call is to be deleted when the carrier has it. @returns how many recordings that are */
  doom(callId: string): number {
    let doomed = 0;
    for (const awaited of this.awaited.values()) {
      if (awaited.call.id !== callId || awaited.kind !== 'recording') continue;
      awaited.doomed = true;
      doomed++;
    }
    return doomed;
  }

  private seal(text: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', keyOf(this.secrets()[0] ?? ''), nonce);
    const sealed = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()]);
    return Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  private open(token: string): Record<string, unknown> | undefined {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length <= NONCE_BYTES + TAG_BYTES) return undefined;
    for (const secret of this.secrets()) {
      if (secret === '') continue;
      try {
        const decipher = createDecipheriv('aes-256-gcm', keyOf(secret), bytes.subarray(0, NONCE_BYTES));
        decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES));
        const text = Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]);
        const value: unknown = JSON.parse(text.toString('utf8'));
        return isRecord(value) ? value : undefined;
      } catch {
        // Sealed by another secret, or not by us.
      }
    }
    return undefined;
  }
}

function keyOf(secret: string): Buffer {
  return createHash('sha256').update(`voice-agent reports\n${secret}`).digest();
}

/** The call as it was when the report was ordered. */
function callOf(facts: Record<string, unknown>): CallInfo | undefined {
  const { i: id, c: carrier, d: direction, f: from, t: to, s: startedAt, p: parameters } = facts;
  if (typeof id !== 'string' || typeof carrier !== 'string' || typeof startedAt !== 'number') return undefined;
  return {
    id,
    carrier,
    direction: direction === 'outbound' ? 'outbound' : 'inbound',
    from: typeof from === 'string' ? from : '',
    to: typeof to === 'string' ? to : '',
    startedAt,
    parameters: isRecord(parameters) ? (parameters as Record<string, string>) : {},
    media: { encoding: 'mulaw', sampleRate: 8000 },
  };
}
