import { textOf } from './webhook';

const HEAD = 'report-';

/** What a report brings back of what we gave Telnyx to keep. */
export interface ReportState {
  /** Of `Reports.expect`; empty where it brings none of ours. */
  token: string;
  /** Where the report is to be sent on to, in place of the flow; empty: nowhere. */
  callbackUrl: string;
}

/** What goes out as `client_state`, and comes back with each report. */
export function reportState({ token, callbackUrl }: ReportState): string {
  return Buffer.from(`${HEAD}${token} ${callbackUrl}`.trimEnd()).toString('base64');
}

export function readReportState(payload: Readonly<Record<string, unknown>>): ReportState {
  const text = Buffer.from(textOf(payload, 'client_state'), 'base64').toString('utf8');
  const [token = '', callbackUrl = ''] = text.startsWith(HEAD) ? text.slice(HEAD.length).split(' ') : [];
  return { token, callbackUrl };
}
