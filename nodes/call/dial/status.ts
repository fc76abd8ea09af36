import type { EndReason } from '../message';

/** What `call.status` tells of a call that we dial. */
export type DialStatus = 'ringing' | 'answered' | 'busy' | 'no-answer' | 'rejected' | 'canceled' | 'failed';

/** The status of a call that ended before anybody answered. */
export function statusOfEnd(reason: EndReason): DialStatus {
  switch (reason) {
    case 'busy':
    case 'no-answer':
    case 'rejected':
      return reason;
    case 'carrier-failed':
    case 'stream-failed':
      return 'failed';
    default:
      // Whatever made us give it up, it was we.
      return 'canceled';
  }
}

const RANK: Record<DialStatus, number> = {
  ringing: 1,
  answered: 2,
  busy: 3,
  'no-answer': 3,
  rejected: 3,
  canceled: 3,
  failed: 3,
};

/** The statuses of one call, each told once, and none after a later one: webhooks come in any order. */
export class DialProgress {
  private rank = 0;

  /** True where it is news. */
  advance(status: DialStatus): boolean {
    // Who has answered cannot be busy.
    if (RANK[status] <= this.rank || (this.rank === RANK.answered && RANK[status] > RANK.answered)) return false;
    this.rank = RANK[status];
    return true;
  }
}
