import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { CarrierHost } from '../call/carrier/call';
import type { RecordedAudio } from '../call/carrier/control';
import { newDialId } from '../call/dial/book';
import type { DialOrder } from '../call/dial/order';
import type { EndpointAnswer, EndpointRequest } from '../call/endpoints';
import { FrontDesk } from '../call/carrier/front-desk';
import { registry } from '../call/heart';
import { slotOf } from '../call/lifecycle';
import { mediaServer } from '../call/carrier/media-socket';
import type { CallInfo } from '../call/message';
import type { NodeSlot } from '../call/node-slot';
import { RecentKeys } from '../call/recent';
import { BusyLines } from './busy-lines';
import { dialRequest } from './dial-request';
import type { TelnyxDialSettings } from './dial-settings';
import { DialledCall } from './dialled-call';
import { Dials } from './dials';
import type { TelnyxInSettings } from './in-settings';
import { Legs } from './legs';
import type { TelnyxStream } from './media-stream';
import { TelnyxRecordings } from './recordings';
import { isReport, TelnyxReports } from './reports';
import { TelnyxRest } from './rest';
import { TelnyxCall } from './telnyx-call';
import type { TelnyxCallHost } from './telnyx-call';
import { checkWebhook, readEvent, textOf } from './webhook';
import type { TelnyxEvent, Verdict } from './webhook';

/** How many events are known again: a webhook that was not answered in time comes a second time. */
const EVENTS_REMEMBERED = 4_096;
/** How many calls are remembered whose end was told before their beginning. */
const STILLBORN_REMEMBERED = 1_024;

/** API keys that were deployed before are tried too, so many with the present one. */
const KEYS_REMEMBERED = 3;

/** By the slot of the `telnyx-in`: a dial finds the desk of the node that its call enters. */
const desks = new WeakMap<object, TelnyxFrontDesk>();

/** The desk of a `telnyx-in` that is deployed; undefined where the id is of none. */
export function deskOf(id: string): TelnyxFrontDesk | undefined {
  const slot = slotOf(id);
  return slot && desks.get(slot);
}

/** Answers what Telnyx sends to one `telnyx-in`: the events of its calls, and media sockets. */
export class TelnyxFrontDesk extends FrontDesk<TelnyxInSettings> {
  readonly names = ['media'];
  private readonly rest = new TelnyxRest(() => this.settings);
  private readonly events = new RecentKeys(EVENTS_REMEMBERED);
  private readonly stillborn = new RecentKeys(STILLBORN_REMEMBERED);
  private readonly busy: BusyLines;
  private readonly dials = new Dials();
  private readonly legs = new Legs();
  private readonly recordings = new TelnyxRecordings(this.rest, () => this.settings.account.baseUrl);
  private readonly told: TelnyxReports;
  /** The API keys by which reports may be sealed that are still to come, the present one first. */
  private keys: readonly string[] = [];

  constructor(slot: NodeSlot<TelnyxInSettings>) {
    super(slot, 'telnyx');
    const settings = (): TelnyxInSettings => this.settings;
    this.busy = new BusyLines({
      rest: this.rest,
      get settings() {
        return settings();
      },
      fail: (error) => this.slot.fail(error),
    });
    this.told = new TelnyxReports({
      reports: this.reports,
      recordings: this.recordings,
      nodeId: slot.id,
      liveCall: (event) => liveCall(event, slot.id),
      tell: (topic, payload, info) => this.tellReport(topic, payload, info),
      fail: (error) => this.slot.fail(error),
      log: (words) => this.slot.log('debug', 'report.unexpected', undefined, { what: words }),
    });
    desks.set(slot, this);
  }

  get accountId(): string {
    return this.settings.account.id;
  }

  get maxCalls(): number {
    return this.settings.maxCalls;
  }

  /**
   * Dials a number that has been checked; the call takes a line at once. @returns the call, when Telnyx has taken it
   * @throws ProviderError by rejection
   */
  dial(order: DialOrder, settings: TelnyxDialSettings): Promise<CallInfo> {
    const dialId = newDialId();
    const dialled = new DialledCall(dialId, settings.ringMs, (call) => this.dials.left(call));
    this.dials.add(dialled);
    const offer = { direction: 'outbound', ...order } as const;
    this.open<TelnyxStream, TelnyxCallHost>(offer, dialled, () => this.own(), settings.answer);
    return dialled.place((stream, call) => {
      const { maxDurationMs } = call.limits();
      const body = dialRequest(order, settings, { dialId, webhookUrl: this.url, maxDurationMs, stream });
      return this.rest.dial(body, settings.headers);
    });
  }

  /** Events of calls under way do not wait for a Deploy; only a new call does. Nothing of the body is believed by this. */
  isOfCall(rawBody: Buffer): boolean {
    return !rawBody.includes('"call.initiated"');
  }

  /** The sound by a fresh link of the API's, whatever the message says. */
  fetchRecording({ recordingId }: Readonly<Record<string, unknown>>): Promise<RecordedAudio> {
    return this.recordings.fetch(recordingId);
  }

  deleteRecording(recordingId: string): Promise<void> {
    return this.recordings.delete(recordingId);
  }

  protected secrets(): readonly string[] {
    const { apiKey } = this.settings.account;
    if (this.keys[0] !== apiKey)
      this.keys = [apiKey, ...this.keys.filter((each) => each !== apiKey)].slice(0, KEYS_REMEMBERED);
    return this.keys;
  }

  request({ headers, rawBody }: EndpointRequest): EndpointAnswer {
    const verdict = checkWebhook(this.settings.account.publicKey, { headers, rawBody });
    if (verdict !== 'right') return this.refuse(verdict, headers);
    const event = readEvent(rawBody);
    // An event of something else than a call is none of ours; any other answer, and Telnyx would send it again.
    if (event && this.events.add(event.id)) {
      this.slot.log('debug', 'webhook', event.callControlId, { name: event.type });
      if (isReport(event)) this.told.event(event, { headers, rawBody });
      else this.onEvent(event);
    }
    return { status: 200 };
  }

  /** The upgrade is not signed: it is known by its token alone. */
  upgrade(request: EndpointRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): void {
    const find = (id: string): TelnyxCall | undefined => telnyxCall(id) ?? this.dials.named(id);
    this.admit(request.sub[1] ?? '', find, mediaServer, { raw, socket, head });
  }

  private onEvent(event: TelnyxEvent): void {
    const { type, callControlId: id, payload } = event;
    const leg = this.legs.ownerOf(event);
    if (leg) return leg.legEvent(event);
    const call = telnyxCall(id) ?? this.dials.unnamed(event);
    if (call) return call.event(event);
    if (this.dials.isOfAbandoned(event) || this.legs.isAbandoned(event)) {
      // Nobody here would talk to whoever answers. Whether it works nobody can be told any more.
      if (type !== 'call.hangup') this.rest.command(id, 'hangup').catch(() => undefined);
      return;
    }
    if (type !== 'call.initiated') {
      if (type === 'call.hangup') this.stillborn.add(id);
      return this.busy.event(event);
    }
    // What we dial ourselves, or forward, is announced here too.
    if (payload.direction !== 'incoming') return;
    if (registry.hasEnded(id) || this.stillborn.has(id)) return;
    if (this.full) {
      this.noteBusy(id);
      return this.busy.take(event);
    }
    const offer = { direction: 'inbound', from: textOf(payload, 'from'), to: textOf(payload, 'to') } as const;
    this.open<TelnyxStream, TelnyxCallHost>(offer, new TelnyxCall(event), () => this.own());
  }

  /** What this carrier's calls need of their desk. */
  private own(): Omit<TelnyxCallHost, keyof CarrierHost> {
    return {
      rest: this.rest,
      legs: this.legs,
      settings: () => this.settings,
      show: (words) => this.showWords('yellow', words),
    };
  }

  private refuse(verdict: Exclude<Verdict, 'right'>, headers: EndpointRequest['headers']): EndpointAnswer {
    if (verdict === 'old') {
      const off = Math.round(Date.now() / 1_000 - Number(headers['telnyx-timestamp']));
      this.countRefusal(
        '403: wrong time',
        `A request was refused (403): by its time it is ${off} s old. If it was Telnyx, set the clock of this machine right.`,
      );
    } else {
      this.countRefusal(
        '403: wrong signature',
        verdict === 'missing'
          ? undefined
          : 'A request was refused (403): its signature does not fit. If it was Telnyx, the public key in the account node is not that of the account whose number was called.',
      );
    }
    const body = verdict === 'old' ? 'The request is too old.' : `Telnyx's signature is ${verdict}.`;
    return { status: verdict === 'missing' ? 400 : 403, type: 'text/plain', body };
  }
}

/** The live call of this id, if it is Telnyx's. */
function telnyxCall(callId: string): TelnyxCall | undefined {
  const call = registry.carried(callId);
  return call && call.state !== 'ended' && call.carrier instanceof TelnyxCall ? call.carrier : undefined;
}

/** The call of an event that has lost our state: by its name, or, where Telnyx tells none, by its session. */
function liveCall({ callControlId, sessionId }: TelnyxEvent, nodeId: string): CallInfo | undefined {
  if (callControlId !== '') return registry.known(callControlId)?.info;
  if (sessionId === '') return undefined;
  const calls = registry.callsOf(nodeId);
  return calls.find(({ carrier }) => carrier instanceof TelnyxCall && carrier.sessionId === sessionId)?.info;
}
