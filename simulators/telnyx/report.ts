import type { CallReport as CommonReport } from '../phone/report';
import type { DeliveredWebhook } from './webhooks';

/** One command of the application on a call. */
export interface CommandReport {
  name: string;
  body: Readonly<Record<string, unknown>>;
  /** HTTP status of the answer. */
  status: number;
  /** A repeat of a `command_id` within 60 s, which was ignored. */
  ignored: boolean;
  atMs: number;
}

/** All that can be said of a call at Telnyx: what can be of any, what the application was told, and what it commanded. */
export interface CallReport extends CommonReport {
  webhooks: DeliveredWebhook[];
  commands: CommandReport[];
  /** Digits that the application sent to the caller. */
  dtmfSent: string[];
  hangupCause: string | undefined;
}
