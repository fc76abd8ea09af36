import { asError } from '../call/errors';
import { registry } from '../call/heart';
import type { CallInfo } from '../call/message';
import { MASKED } from '../call/privacy';
import type { ExpectedReport, ReportKind, Reports } from '../call/carrier/reports';
import { readReport } from './reports';

/** What a desk lends its reports. */
export interface ReportHost {
  readonly reports: Reports;
  /** Id of the in-node. */
  readonly nodeId: string;
  tell(topic: string, payload: Record<string, unknown>, info: CallInfo): void;
  deleteRecording(id: string): Promise<void>;
  fail(error: Error, info: CallInfo): void;
  log(words: string): void;
}

/** Twilio's reports of recordings and transcriptions; they may come when the call is long over, or Node-RED has been started anew. */
export class ReportDesk {
  constructor(private readonly host: ReportHost) {}

  /**
   * Takes a report whose signature is right.
   * @param expected whose it is, by the address that it came to
   */
  take(kind: ReportKind, expected: ExpectedReport | undefined, params: Readonly<Record<string, string>>): void {
    const { host } = this;
    const report = readReport(kind, params);
    if (expected?.kind !== kind || !report) return host.log(`A ${kind} was reported that nobody awaits (any more).`);
    if (!host.reports.isNew(report.id, report.mark)) return;
    const payload: Record<string, unknown> = { ...report.payload, node: host.nodeId };
    const { call: info, doomed } = expected;
    if (kind === 'transcription') host.tell('call.transcription', this.masked(payload, info.id), info);
    else if (doomed && payload.status === 'completed') void this.discard(report.id, payload, info);
    else host.tell('call.recording', payload, info);
  }

  /** Words that the caller said in private stand nowhere. */
  private masked(payload: Record<string, unknown>, callId: string): Record<string, unknown> {
    if (payload.text === undefined || !registry.known(callId)?.isPrivate) return payload;
    return { ...payload, text: MASKED, raw: MASKED };
  }

  /** What is there now is deleted at once: so it was asked for while it was being recorded. */
  private async discard(id: string, payload: Record<string, unknown>, info: CallInfo): Promise<void> {
    const { host } = this;
    try {
      await host.deleteRecording(id);
    } catch (err) {
      host.fail(asError(err), info);
      return host.tell('call.recording', payload, info);
    }
    const { url: _url, format: _format, ...rest } = payload;
    // For what it says of the recording's place: that is no more.
    host.tell('call.recording', { ...rest, status: 'deleted', raw: MASKED }, info);
  }
}
