import type { CarriedCall } from '../call/carried-call';
import { asError } from '../call/errors';
import { registry } from '../call/heart';
import { asObject } from '../call/carrier/media-socket';
import type { CallInfo } from '../call/message';
import { MASKED } from '../call/privacy';
import type { Reports } from '../call/carrier/reports';
import type { TelnyxRecordings } from './recordings';
import { readReportState } from './report-state';
import { sendOn } from './sent-on';
import { TelnyxCall } from './telnyx-call';
import { textOf } from './webhook';
import type { SignedRequest, TelnyxEvent } from './webhook';

const REPORTS = ['call.recording.saved', 'call.recording.error', 'call.transcription'];

/** Is it a report, which may come when its call is long over? */
export function isReport({ type }: TelnyxEvent): boolean {
  return REPORTS.includes(type);
}

/** What a desk lends its reports. */
export interface ReportHost {
  readonly reports: Reports;
  readonly recordings: TelnyxRecordings;
  /** Id of the in-node. */
  readonly nodeId: string;
  /** The live call that an event is of, where it can be told without its state. */
  liveCall(event: TelnyxEvent): CallInfo | undefined;
  tell(topic: string, payload: Record<string, unknown>, info: CallInfo): void;
  fail(error: Error): void;
  log(words: string): void;
}

/** Telnyx's reports of recordings and transcriptions: whose they are, in our field names (contracts/telnyx.md, section 3.1). */
export class TelnyxReports {
  constructor(private readonly host: ReportHost) {}

  /** @param request as it came */
  event(event: TelnyxEvent, request: SignedRequest): void {
    const { host } = this;
    const { type, payload } = event;
    const { token, callbackUrl } = readReportState(payload);
    const found = host.reports.find(token);
    const info = found?.call ?? host.liveCall(event);
    if (!info) return host.log(`A ${type} came of a call that nobody knows, or that nobody expects any more.`);
    if (type === 'call.transcription') return this.transcription(event, info);
    if (found?.doomed && type === 'call.recording.saved') return void this.discard(event, info);
    if (callbackUrl !== '') return void sendOn(request, callbackUrl).catch((err: unknown) => host.fail(asError(err)));
    this.recording(event, info, { status: type === 'call.recording.error' ? 'failed' : 'completed' });
  }

  /** What is saved is deleted at once: so it was asked for while it was being recorded. */
  private async discard(event: TelnyxEvent, info: CallInfo): Promise<void> {
    const { host } = this;
    try {
      const id = await host.recordings.idOf(event.payload);
      await host.recordings.delete(id);
      this.recording(event, info, { status: 'deleted', recordingId: id });
    } catch (err) {
      host.fail(asError(err));
      this.recording(event, info, { status: 'completed' });
    }
  }

  private recording(
    { id: eventId, payload, raw }: TelnyxEvent,
    info: CallInfo,
    { status, recordingId = textOf(payload, 'recording_id') }: { status: string; recordingId?: string },
  ): void {
    const { host } = this;
    if (!host.reports.isNew(recordingId || eventId, status)) return;
    const [format, url] = Object.entries(asObject(payload.recording_urls) ?? {}).find(([, each]) => each) ?? [];
    const durationMs = timeOf(payload, 'recording_ended_at') - timeOf(payload, 'recording_started_at');
    const channels = textOf(payload, 'channels');
    const reason = textOf(payload, 'reason');
    host.tell(
      'call.recording',
      {
        recordingId,
        status,
        ...(durationMs >= 0 && { durationMs }),
        ...(channels !== '' && { channels: channels === 'dual' ? 2 : 1 }),
        ...(status === 'completed' && typeof url === 'string' && { url, format }),
        ...(reason !== '' && { error: reason }),
        // For what it says of the recording's place: that is no more.
        raw: status === 'deleted' ? MASKED : raw,
        node: host.nodeId,
      },
      info,
    );
  }

  private transcription({ payload, raw }: TelnyxEvent, info: CallInfo): void {
    const { host } = this;
    const data = asObject(payload.transcription_data) ?? {};
    const call = registry.known(info.id);
    const hidden = call?.isPrivate ?? false;
    const track = data.transcription_track ?? onlyTrack(call);
    host.tell(
      'call.transcription',
      {
        transcriptionId: '',
        status: data.is_final === false ? 'partial' : 'final',
        text: hidden ? MASKED : textOf(data, 'transcript'),
        ...((track === 'inbound' || track === 'outbound') && { track }),
        ...(typeof data.confidence === 'number' && { confidence: data.confidence }),
        node: host.nodeId,
        raw: hidden ? MASKED : raw,
      },
      info,
    );
  }
}

function onlyTrack(call: CarriedCall | undefined): 'inbound' | 'outbound' | undefined {
  return call?.carrier instanceof TelnyxCall ? call.carrier.control.onlyTrack : undefined;
}

/** ms since the epoch; NaN where it is not told. */
function timeOf(payload: TelnyxEvent['payload'], field: string): number {
  return Date.parse(textOf(payload, field));
}
