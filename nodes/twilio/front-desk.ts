import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../call/endpoints';
import type { EndpointAnswer, EndpointRequest } from '../call/endpoints';
import { ProviderError } from '../call/errors';
import { FrontDesk } from '../call/front-desk';
import { registry } from '../call/heart';
import type { NodeSlot } from '../call/node-slot';
import { RecentKeys } from '../call/recent';
import type { TwilioAccount } from './account';
import { endReasonOf } from './call-status';
import type { TwilioInSettings } from './in-settings';
import { mediaServer } from '../call/media-socket';
import { TwilioRest } from './rest';
import { TwilioCall } from './twilio-call';
import * as twiml from './twiml';
import { checkUpgrade, checkWebhook, readParams } from './webhook';
import type { Verdict } from './webhook';

/** Answers what Twilio asks of one `twilio-in`: webhooks, `next`, callbacks, media sockets. */
export class TwilioFrontDesk extends FrontDesk<TwilioInSettings> {
  readonly names = ['next', 'stream-status', 'media'];
  private readonly rest = new TwilioRest(() => this.settings.account);
  private readonly reported = new RecentKeys(256);

  constructor(slot: NodeSlot<TwilioInSettings>) {
    super(slot, 'twilio');
  }

  request(request: EndpointRequest): EndpointAnswer {
    const [name, callId] = request.sub;
    const verdict = this.authentic(callId, (account) =>
      checkWebhook(account.authToken, { ...request, url: account.publicUrl + request.url }),
    );
    if (verdict !== 'right') return this.refuse(verdict);
    const params = readParams(request);
    if (name === 'next') return xml(twilioCall(callId ?? '')?.next(params.CallStatus) ?? twiml.hangup());
    if (name === 'stream-status') return this.streamStatus(params);
    return this.voice(params);
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
    const before = twilioCall(callId)?.account;
    return before && before !== this.settings.account ? check(before) : verdict;
  }

  /** The webhook: a call is offered. */
  private voice(params: Record<string, string>): EndpointAnswer {
    const callSid = params.CallSid ?? '';
    if (!/^[A-Za-z0-9_-]{1,64}$/.test(callSid)) return { status: 400, type: 'text/plain', body: 'CallSid is missing.' };
    const known = twilioCall(callSid);
    // A status callback whose URL is that of the webhook.
    if (endReasonOf(params.CallStatus)) return xml(known?.next(params.CallStatus) ?? twiml.nothing());
    if (known) return xml(known.twiml());
    if (registry.hasEnded(callSid)) return xml(twiml.hangup());
    if (this.full) return this.busy(callSid);
    const direction = params.Direction?.startsWith('outbound') ? 'outbound' : 'inbound';
    const call = new TwilioCall(callSid, params, this.settings.account);
    this.open({ direction, from: params.From ?? '', to: params.To ?? '' }, call, () => ({ rest: this.rest }));
    return xml(call.twiml());
  }

  private busy(callSid: string): EndpointAnswer {
    const { busy, busyText, forwardTo } = this.settings;
    this.noteBusy(callSid);
    if (busy === 'reject') return xml(twiml.rejectBusy());
    if (busy === 'forward') return xml(twiml.forward(forwardTo));
    return xml(twiml.hangup(busyText));
  }

  /** Reports come late, twice and out of order: an error is told once. */
  private streamStatus(params: Record<string, string>): EndpointAnswer {
    const { StreamEvent: event, StreamSid: stream = '', StreamError: why = 'no reason given' } = params;
    if (event === 'stream-error' && this.reported.add(`${stream}:${why}`)) {
      this.showWords('red', why);
      const error = new ProviderError('twilio', 'carrier', `the media stream failed: ${why}`, {
        advice: '. Check that Twilio can open a wss:// connection to the public URL: certificate, proxy, firewall.',
      });
      const info = registry.get(params.CallSid ?? '')?.info;
      this.slot.fail(error, info);
    }
    return { status: 204 };
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
  const call = registry.get(callId);
  return call && call.state !== 'ended' && call.carrier instanceof TwilioCall ? call.carrier : undefined;
}

function xml(body: string): EndpointAnswer {
  return { type: 'text/xml; charset=utf-8', body };
}
