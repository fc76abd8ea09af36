/** Telnyx's signed webhooks: is it Telnyx's, and what does it say? (contracts/telnyx.md, sections 2 and 3.1) */
import { createPublicKey, verify } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { asObject, readObject } from '../call/carrier/media-socket';

/** How far the time of a webhook may be off, s. */
const WINDOW_S = 300;
/** What stands before the 32 bytes of an ed25519 key in the form that Node.js reads (SPKI, RFC 8410). */
const SPKI_HEAD = Buffer.from('302a300506032b6570032100', 'hex');
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** What names a call: printable, and not without end. */
export const CALL_CONTROL_ID = /^[\x21-\x7e]{1,256}$/;

/** The one event that names its call by leg and session only. */
const NAMELESS = 'call.recording.saved';

/** `missing` is answered with 400, the others with 403; `old` is signed right, but not of now. */
export type Verdict = 'right' | 'missing' | 'wrong' | 'old';

/** A request as it came, before anything of it is believed. */
export interface SignedRequest {
  headers: Readonly<Record<string, string | string[] | undefined>>;
  rawBody: Buffer;
}

/** An event of a call, as the envelope tells it. */
export interface TelnyxEvent {
  /** Of this event: the same when it is sent again. */
  id: string;
  /** `call.initiated`, ... */
  type: string;
  /** Empty where it is not told: of a recording that is saved. */
  callControlId: string;
  /** The same for all legs of one conversation; empty if it was not told. */
  sessionId: string;
  payload: Record<string, unknown>;
  /** The whole body. */
  raw: Record<string, unknown>;
}

/**
 * Reads a public key as the portal shows it: base64 of 32 raw bytes, or of the 44 bytes of an SPKI.
 * @returns undefined for what is no ed25519 key
 */
export function readPublicKey(text: string): KeyObject | undefined {
  const base64 = text.replace(/-----[A-Z ]+-----|\s/g, '');
  if (!/^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) return undefined;
  const bytes = Buffer.from(base64, 'base64');
  const der = bytes.length === KEY_BYTES ? Buffer.concat([SPKI_HEAD, bytes]) : bytes;
  if (der.length !== SPKI_HEAD.length + KEY_BYTES || !der.subarray(0, SPKI_HEAD.length).equals(SPKI_HEAD)) {
    return undefined;
  }
  try {
    return createPublicKey({ key: der, format: 'der', type: 'spki' });
  } catch {
    return undefined;
  }
}

/** Checks a webhook: the signature of `timestamp|raw body`, and then the time. @param now ms since the epoch */
export function checkWebhook(key: KeyObject, { headers, rawBody }: SignedRequest, now = Date.now()): Verdict {
  const signature = headers['telnyx-signature-ed25519'];
  const timestamp = headers['telnyx-timestamp'];
  if (typeof signature !== 'string' || signature === '' || typeof timestamp !== 'string' || timestamp === '') {
    return 'missing';
  }
  const bytes = Buffer.from(signature, 'base64');
  if (bytes.length !== SIGNATURE_BYTES || !/^\d{1,12}$/.test(timestamp)) return 'wrong';
  if (!verify(null, Buffer.concat([Buffer.from(`${timestamp}|`), rawBody]), key, bytes)) return 'wrong';
  return Math.abs(now / 1_000 - Number(timestamp)) <= WINDOW_S ? 'right' : 'old';
}

/** Reads the envelope of a webhook whose signature is right; undefined for what is no event of a call. */
export function readEvent(rawBody: Buffer): TelnyxEvent | undefined {
  const raw = readObject(rawBody.toString('utf8'));
  const data = asObject(raw?.data);
  const payload = asObject(data?.payload);
  if (!raw || !data || !payload) return undefined;
  const { id, event_type: type } = data;
  const { call_session_id: sessionId } = payload;
  if (typeof id !== 'string' || id === '' || typeof type !== 'string') return undefined;
  const callControlId = payload.call_control_id ?? (type === NAMELESS ? '' : undefined);
  if (typeof callControlId !== 'string') return undefined;
  if (!CALL_CONTROL_ID.test(callControlId) && !(type === NAMELESS && callControlId === '')) return undefined;
  return { id, type, callControlId, sessionId: typeof sessionId === 'string' ? sessionId : '', payload, raw };
}

/** A field of an event's payload as text; empty where it is none. */
export function textOf(payload: Readonly<Record<string, unknown>>, field: string): string {
  const value = payload[field];
  return typeof value === 'string' ? value : '';
}
