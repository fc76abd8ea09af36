import { randomBytes } from 'node:crypto';

/** The two-letter kinds of Twilio's identifiers that the simulator hands out. */
export type SidPrefix = 'AC' | 'CA' | 'MZ' | 'SK' | 'PN' | 'RE' | 'GT' | 'CF';

/** A new identifier: the prefix and 32 hex digits, as everywhere in Twilio's API. */
export function newSid(prefix: SidPrefix): string {
  return prefix + randomBytes(16).toString('hex');
}

/** A date as the 2010-04-01 API writes it: RFC 2822, always in UTC ("Sun, 22 Nov 2026 09:20:11 +0000"). */
export function rfc2822(date: Date): string {
  return date.toUTCString().replace('GMT', '+0000');
}
