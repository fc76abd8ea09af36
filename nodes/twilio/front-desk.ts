import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { refuseUpgrade } from '../call/endpoints';
import type { Endpoint, EndpointAnswer, EndpointRequest } from '../call/endpoints';
import { ProviderError } from '../call/errors';
import { registry } from '../call/heart';
import type { CallInfo } from '../call/message';
import type { NodeSlot } from '../call/node-slot';
import { RecentKeys } from '../call/recent';
import type { TwilioAccount } from './account';
import { refused } from './counters';
import { TwilioInSession } from './in-session';
import type { TwilioInSettings } from './in-settings';
import { mediaServer } from './media-stream';
import { TwilioRest } from './rest';
import { isEnded } from './stream-watch';
import { Tokens } from './tokens';
import { TwilioCall } from './twilio-call';
import * as twiml from './twiml';
import { checkUpgrade, checkWebhook, readParams } from './webhook';
import type { Verdict } from './webhook';

/** A wrong signature is told to the ops person at most so often, ms: whoever knocks must not fill the log. */
const TELL_EVERY_MS = 60_000;

/** Twilio sends a frame every 20 ms: a socket on which nothing moves for so long has lost its other end, ms. */
const DEAD_AFTER_MS = 30_000;

/** Answers what Twilio asks of one `twilio-in`: webhooks, `next`, callbacks, media sockets. Belongs to the node's id. */
export class FrontDesk implements Endpoint {
  readonly names = ['next', 'stream-status', 'media'];
  readonly upgrades = ['media'];
  private readonly tokens = new Tokens();
  private readonly rest = new TwilioRest(() => this.settings.account);
  private readonly reported = new RecentKeys(256);
  private toldAt = -Infinity;
  private problem: string | undefined;

  constructor(private readonly slot: NodeSlot<TwilioInSettings>) {}

  /** Shows how many calls there are. */
  showCalls(): void {
    if (this.problem !== undefined) return this.showWords('red', this.problem);
    const count = registry.callsOf(this.slot.id).filter((call) => call.state !== 'ended').length;
    this.slot.show(
      count > 0
        ? { fill: 'green', shape: 'dot', text: 'common.status.calls', values: { count } }
        : { fill: 'blue', shape: 'ring', text: 'common.status.idle' },
    );
  }

  /** A new instance: what was wrong is told again if it still is. */
  anew(): void {
    this.problem = undefined;
  }

  reachable(problem: string | undefined): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.showCalls();
    if (problem) this.slot.fail(new ProviderError('twilio', 'settings', problem, { advice: '.' }));
  }

  failed(error: Error): void {
    this.slot.fail(error);
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
    const call = twilioCall(this.tokens.consume(token) ?? '');
    if (!call) {
      refused.token++;
      return refuseUpgrade(socket, 403, 'No call expects this stream.');
    }
    mediaServer.handleUpgrade(raw, socket, head, (websocket) => {
      raw.socket.setTimeout(DEAD_AFTER_MS, () => websocket.terminate());
      call.admit(websocket, raw.socket);
    });
  }

  private showWords(fill: 'red' | 'yellow', text: string): void {
    this.slot.show({ fill, shape: 'ring', text, plain: true });
  }

  private get settings(): TwilioInSettings {
    return this.slot.settings;
  }

  /** Public URL and path, as deployed now. */
  private get url(): string {
    const { account, path } = this.settings;
    return account.publicUrl + path.replace(/\/+$/, '');
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
    if (isEnded(params.CallStatus)) return xml(known?.next(params.CallStatus) ?? twiml.nothing());
    if (known) return xml(known.twiml());
    if (registry.hasEnded(callSid)) return xml(twiml.hangup());
    if (registry.callsOf(this.slot.id).length >= this.settings.maxCalls) return this.busy(callSid);
    return xml(this.open(callSid, params).twiml());
  }

  /** Opens the call: from here on it has its slot. */
  private open(callSid: string, params: Record<string, string>): TwilioCall {
    const info: CallInfo = {
      id: callSid,
      carrier: 'twilio',
      direction: params.Direction?.startsWith('outbound') ? 'outbound' : 'inbound',
      from: params.From ?? '',
      to: params.To ?? '',
      startedAt: Date.now(),
      parameters: { ...this.settings.parameters },
      media: { encoding: 'mulaw', sampleRate: 8000 },
    };
    const { slot, rest, tokens } = this;
    const carrier = new TwilioCall(callSid, params, this.settings.account);
    const call = registry.open(info, carrier, slot.id, () => slot.settings);
    const session = new TwilioInSession(call, slot, () => this.showCalls());
    call.sessions.set(slot.id, session);
    slot.sessions.add(session);
    session.onDispose(() => slot.sessions.delete(session));
    const url = (): string => this.url;
    carrier.attach(call, {
      rest,
      tokens,
      get url() {
        return url();
      },
      fail: (error) => session.report(error),
      audio: (payload) => session.audio(payload),
    });
    slot.log('info', 'A call came in.', callSid);
    this.showCalls();
    return carrier;
  }

  private busy(callSid: string): EndpointAnswer {
    const { busy, busyText, forwardTo, maxCalls } = this.settings;
    this.slot.log('warn', `All ${maxCalls} lines are taken: a call got the busy answer (${busy}).`, callSid);
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
    refused.signature++;
    if (verdict === 'missing' || performance.now() - this.toldAt < TELL_EVERY_MS) return;
    this.toldAt = performance.now();
    this.showWords('yellow', '403: wrong signature');
    this.slot.log(
      'warn',
      `A request was refused (403): its signature does not fit. If it was Twilio, the number's webhook must be ${this.url} to the letter, and the auth token that of the account.`,
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
