import { randomBytes, randomUUID } from 'node:crypto';

/** A new `call_control_id`: `v3:` and base64url, so that whoever does not URL-encode it is found out. */
export function newCallControlId(): string {
  return `v3:${randomBytes(33).toString('base64url')}`;
}

/** A new id of anything else: a UUID. */
export function newId(): string {
  return randomUUID();
}

/** The time as webhooks write it: ISO 8601 with microseconds. */
export function microseconds(date = new Date()): string {
  return date.toISOString().replace('Z', '000Z');
}

/** `+` and E.164, or a SIP address: what Telnyx can call. */
export function isCallable(address: string): boolean {
  return /^\+[1-9]\d{6,14}$/.test(address) || /^sips?:\S+$/.test(address);
}
