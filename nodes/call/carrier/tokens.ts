import { randomBytes } from 'node:crypto';

/** How long a token may wait for its media socket, ms (CALLS, section 5). */
const VALID_MS = 15_000;
/** Tokens of one call that may be out at once: webhooks are repeated, but not that often. */
const MAX_PER_CALL = 8;

/**
 * One-time tokens: 128 random bits, bound to a call, valid 15 s unless said otherwise, and gone when used. What a media socket
 * shows in its path.
 */
export class Tokens {
  private readonly tokens = new Map<string, { callId: string; expiresAt: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /**
   * A fresh token for a call, 32 hexadecimal digits.
   * @param validMs longer than usual where the socket comes only when somebody has answered the phone
   */
  issue(callId: string, validMs = VALID_MS): string {
    this.forgetExpired();
    const ofCall = [...this.tokens].filter(([, each]) => each.callId === callId);
    for (const [old] of ofCall.slice(0, Math.max(0, ofCall.length - MAX_PER_CALL + 1))) this.tokens.delete(old);
    const token = randomBytes(16).toString('hex');
    this.tokens.set(token, { callId, expiresAt: this.now() + validMs });
    return token;
  }

  /** The call that a token is for, without using it up. */
  peek(token: string): string | undefined {
    return this.tokens.get(token)?.callId;
  }

  /** Uses a token up. @returns the call that it was issued for; undefined for one that is wrong, used or late. */
  consume(token: string): string | undefined {
    const found = this.tokens.get(token);
    this.tokens.delete(token);
    this.forgetExpired();
    return found && found.expiresAt >= this.now() ? found.callId : undefined;
  }

  /** The call has ended: no socket of it may open any more. */
  revoke(callId: string): void {
    for (const [token, each] of this.tokens) if (each.callId === callId) this.tokens.delete(token);
  }

  get size(): number {
    return this.tokens.size;
  }

  private forgetExpired(): void {
    const now = this.now();
    for (const [token, { expiresAt }] of this.tokens) {
      if (expiresAt < now) this.tokens.delete(token);
    }
  }
}
