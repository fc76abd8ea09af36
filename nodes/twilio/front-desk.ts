import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CarrierHost } from '../call/carrier/call';
import type { RecordedAudio } from '../call/carrier/control';
import { DialBook, newDialId } from '../call/dial/book';
import type { DialOrder } from '../call/dial/order';
import { refuseUpgrade } from '../call/endpoints';
import type { EndpointAnswer, EndpointRequest } from '../call/endpoints';
import { ProviderError } from '../call/errors';
import { FrontDesk } from '../call/carrier/front-desk';
import { registry } from '../call/heart';
import { slotOf } from '../call/lifecycle';
import type { CallInfo } from '../call/message';
import type { NodeSlot } from '../call/node-slot';
import { RecentKeys } from '../call/recent';
import type { TwilioAccount } from './account';
import { endReasonOf } from './call-status';
import { dialRequest } from './dial-request';
import type { TwilioDialSettings } from './dial-settings';
import { DialledCall } from './dialled-call';
import type { TwilioInSettings } from './in-settings';
import { mediaServer } from '../call/carrier/media-socket';
import type { MediaStream } from './media-stream';
import { ReportDesk } from './report-desk';
import { isSid, recordingIdOf } from './reports';
import { TwilioRest } from './rest';
import type { TwilioCallHost } from './transferring-call';
import { TwilioCall } from './twilio-call';
import * as twiml from './twiml';
import { checkUpgrade, checkWebhook, readParams } from './webhook';
import type { Verdict } from './webhook';

/** By the slot of the `twilio-in`: a dial finds the desk of the node that its call enters. */
const desks = new WeakMap<object, TwilioFrontDesk>();

/** The desk of a `twilio-in` that is deployed; undefined where the id is of none. */
export function deskOf(id: string): TwilioFrontDesk | undefined {
  const slot = slotOf(id);
  return slot && desks.get(slot);
}

type Params = Readonly<Record<string, string>>;

const NO_CONTENT: EndpointAnswer = { status: 204 };

/** Answers what Twilio asks of one `twilio-in`: webhooks, `next`, callbacks, media sockets. */
export class TwilioFrontDesk extends FrontDesk<TwilioInSettings> {
  readonly names = ['next', 'leg', 'stream-status', 'media', 'recording', 'transcription', 'answered', 'status', 'amd'];
  private readonly rest = new TwilioRest(() => this.settings.account);
  private readonly reported = new RecentKeys(256);
  private readonly dials = new DialBook<DialledCall>();
  private readonly reportDesk: ReportDesk;
  /** The account that Twilio named last: for requests after a call, where the account node has none. */
  private accountSid = '';

  constructor(slot: NodeSlot<TwilioInSettings>) {
    super(slot, 'twilio');
    desks.set(slot, this);
    this.reportDesk = new ReportDesk({
      reports: this.reports,
      nodeId: slot.id,
      tell: (topic, payload, info) => this.tellReport(topic, payload, info),
      deleteRecording: (id) => this.deleteRecording(id),
      fail: (error, info) => this.slot.fail(error, info),
      log: (words) => this.slot.log('debug', 'report.unexpected', undefined, { what: words }),
    });
  }

  get accountId(): string {
    return this.settings.account.id;
  }

  get maxCalls(): number {
    return this.settings.maxCalls;
  }

  /**
   * Dials a number that has been checked; the call takes a line at once. @returns the call, when Twilio has taken it
   * @throws ProviderError by rejection
   */
  dial(order: DialOrder, settings: TwilioDialSettings): Promise<CallInfo> {
    const dialId = newDialId();
    const dialled = new DialledCall(dialId, settings.account, settings.ringMs, (call) => this.dials.left(call));
    this.dials.add(dialled);
    const offer = { direction: 'outbound', ...order } as const;
    this.open<MediaStream, TwilioCallHost>(offer, dialled, () => this.own(), settings.answer);
    return dialled.place((call) => {
      const { maxDurationMs } = call.limits();
      const form = dialRequest(order, settings, { dialId, url: this.url, maxDurationMs });
      return this.rest.createCall(settings.account.accountSid, form, settings.headers);
    });
  }

  protected secrets(): readonly string[] {
    return [this.settings.account.authToken];
  }

  /** Of all that a message says of a recording only its id is used: the key goes to the account's own address alone. */
  fetchRecording(recording: Readonly<Record<string, unknown>>): Promise<RecordedAudio> {
    const id = recordingIdOf(recording.recordingId);
    return id instanceof Error ? Promise.reject(id) : this.rest.fetchRecording(this.accountSid, id);
  }

  deleteRecording(recordingId: string): Promise<void> {
    const id = recordingIdOf(recordingId);
    return id instanceof Error ? Promise.reject(id) : this.rest.deleteRecording(this.accountSid, id);
  }

  request(request: EndpointRequest): EndpointAnswer {
    const [name, id = ''] = request.sub;
    const expected = name === 'recording' || name === 'transcription' ? this.reports.find(id) : undefined;
    const verdict = this.authentic(expected?.call.id ?? id, (account) =>
      checkWebhook(account.authToken, { ...request, url: account.publicUrl + request.url }),
    );
    if (verdict !== 'right') return this.refuse(verdict);
    const params = readParams(request);
    this.slot.log('debug', 'webhook', params.CallSid, { name: name ?? 'voice', status: params.CallStatus });
    if (params.AccountSid !== undefined && isSid(params.AccountSid)) this.accountSid = params.AccountSid;
    switch (name) {
      case 'next':
        return xml(twilioCall(id)?.next(params) ?? twiml.hangup());
      case 'leg':
        twilioCall(id)?.leg(params.CallStatus);
        return NO_CONTENT;
      case 'stream-status':
        return this.streamStatus(params);
      case 'recording':
      case 'transcription':
        this.reportDesk.take(name, expected, params);
        return NO_CONTENT;
      case 'answered':
        return xml(this.dials.get(id)?.pickUp(params) ?? twiml.hangup());
      case 'status':
        return this.dialStatus(id, params);
      case 'amd':
        this.dials.get(id)?.detected(params);
        return NO_CONTENT;
      default:
        return this.voice(params);
    }
  }

  upgrade(request: EndpointRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): void {
    const token = request.sub[1] ?? '';
    const verdict = this.authentic(this.tokens.peek(token), (account) =>
      checkUpgrade(account.authToken, { ...request, url: account.publicUrl.replace(/^http/, 'ws') + request.url }),
    );
    if (verdict !== 'right') {
      this.tell(verdict);
      return refuseUpgrade(socket, verdict === 'missing' ? 401 : 403, `Twilio's signature is ${verdict}.`);
    }
    this.admit(token, twilioCall, mediaServer, { raw, socket, head });
  }

  /** By the account as it is, or as it was when the call came: Twilio goes by what it was told then. */
  private authentic(callId: string | undefined, check: (account: TwilioAccount) => Verdict): Verdict {
    const verdict = check(this.settings.account);
    if (verdict !== 'wrong' || callId === undefined) return verdict;
    const before = (twilioCall(callId) ?? this.dials.get(callId))?.account;
    return before && before !== this.settings.account ? check(before) : verdict;
  }

  /** The webhook: a call is offered. */
  private voice(params: Params): EndpointAnswer {
    const callSid = params.CallSid ?? '';
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(callSid)) return { status: 400, type: 'text/plain', body: 'CallSid is missing.' };
    const known = twilioCall(callSid);
    // A status callback whose URL is that of the webhook.
    if (endReasonOf(params.CallStatus)) return xml(known?.next(params) ?? twiml.nothing());
    if (known) return xml(known.twiml());
    if (registry.hasEnded(callSid)) return xml(twiml.hangup());
    if (this.full) return this.busy(callSid);
    const direction = params.Direction?.startsWith('outbound') ? 'outbound' : 'inbound';
    const call = new TwilioCall(callSid, params, this.settings.account);
    this.open({ direction, from: params.From ?? '', to: params.To ?? '' }, call, () => this.own());
    return xml(call.twiml());
  }

  /** What this carrier's calls need of their desk. */
  private own(): Omit<TwilioCallHost, keyof CarrierHost> {
    return { rest: this.rest };
  }

  /** How a call stands that we dial. */
  private dialStatus(dialId: string, params: Params): EndpointAnswer {
    const dialled = this.dials.get(dialId);
    if (dialled) dialled.status(params);
    else if (this.dials.isAbandoned(dialId) && !endReasonOf(params.CallStatus)) {
      // Nobody here would talk to whoever answers. Whether it works nobody can be told any more.
      this.rest.updateCall(this.accountSid, params.CallSid ?? '', { Status: 'completed' }).catch(() => undefined);
    }
    return NO_CONTENT;
  }

  private busy(callSid: string): EndpointAnswer {
    const { busy, busyText, forwardTo } = this.settings;
    this.noteBusy(callSid);
    if (busy === 'reject') return xml(twiml.rejectBusy());
    if (busy === 'forward') return xml(twiml.forward(forwardTo));
    return xml(twiml.hangup(busyText));
  }

  /** Reports come late, twice and out of order: an error is told once. */
  private streamStatus(params: Params): EndpointAnswer {
    const { StreamEvent: event, StreamSid: stream = '', StreamError: why = 'no reason given' } = params;
    if (event === 'stream-error' && this.reported.add(`${stream}:${why}`)) {
      this.showWords('red', why);
      const error = new ProviderError('twilio', 'carrier', `the media stream failed: ${why}`, {
        advice: '. Check that Twilio can open a wss:// connection to the public URL: certificate, proxy, firewall.',
      });
      const info = registry.known(params.CallSid ?? '')?.info;
      this.slot.fail(error, info);
    }
    return NO_CONTENT;
  }

  private refuse(verdict: 'wrong' | 'missing'): EndpointAnswer {
    this.tell(verdict);
    const body = `Twilio's signature is ${verdict}.`;
    return { status: verdict === 'missing' ? 400 : 403, type: 'text/plain', body };
  }

  private tell(verdict: 'wrong' | 'missing'): void {
    this.countRefusal(
      '403: wrong signature',
      verdict === 'missing'
        ? undefined
        : `A request was refused (403): its signature does not fit. If it was Twilio, the number's webhook must be ${this.url} to the letter, and the auth token that of the account.`,
    );
  }
}

/** The live call of this id, if it is Twilio's. */
function twilioCall(callId: string): TwilioCall | undefined {
  const call = registry.carried(callId);
  return call && call.state !== 'ended' && call.carrier instanceof TwilioCall ? call.carrier : undefined;
}

function xml(body: string): EndpointAnswer {
  return { type: 'text/xml; charset=utf-8', body };
}
