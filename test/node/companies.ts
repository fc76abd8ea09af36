/** The phone companies, and what the stories that are the same for both must know of each. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { PhoneCall } from '../../simulators/phone';
import type { RingOptions, SimulatedCarrier } from '../../simulators/phone/carrier';
import type { CallReport } from '../../simulators/phone/report';
import { TelnyxCompany } from '../../simulators/telnyx';
import type { Call as TelnyxCall, WebhookSignature } from '../../simulators/telnyx';
import { PhoneCompany, signForm } from '../../simulators/twilio';
import type { Call as TwilioCall } from '../../simulators/twilio';
import type { CarrierStage, Company } from './carrier-stage';

/** A form from Twilio, or from somebody who would be Twilio. */
export function postForm(
  { company, url }: CarrierStage<PhoneCompany>,
  path: string,
  fields: Record<string, string>,
  sign: 'as-twilio' | 'wrong' | 'missing' = 'as-twilio',
): Promise<Response> {
  const signature = signForm(company.authToken, url + path, fields, sign);
  const headers: Record<string, string> = signature === undefined ? {} : { 'x-twilio-signature': signature };
  return fetch(url + path, { method: 'POST', body: new URLSearchParams(fields), headers });
}

/** A webhook of Telnyx that the simulator has no call for. */
export function postEvent(
  { company, url }: CarrierStage<TelnyxCompany>,
  type: string,
  id: string,
  more: object = {},
  sign: WebhookSignature = 'right',
  path = '/telnyx/voice',
): Promise<Response> {
  const payload = { call_control_id: id, direction: 'incoming', from: '+12025550111', to: '+12025550122', ...more };
  const body = JSON.stringify({ data: { record_type: 'event', event_type: type, id: randomUUID(), payload } });
  const headers = { 'content-type': 'application/json', ...company.signingKey.headers(body, sign) };
  return fetch(url + path, { method: 'POST', body, headers });
}

/** What Telnyx was told to do with a call. */
export const commands = (call: TelnyxCall): string[] => call.report().commands.map(({ name }) => name);

/** A company as the stories see it. */
export interface CompanyUnderTest<C extends SimulatedCarrier = SimulatedCarrier> extends Company<C> {
  readonly title: string;
  /** Somebody calls of whom the simulator knows nothing: the answer to the webhook. */
  offer(stage: CarrierStage<C>, id: string, path?: string): Promise<Response>;
  /** `call.started` brings webhook and start as the company sent them. */
  isRawOf(raw: unknown, caller: ReturnType<C['ring']>): void;
  /** All that Telnyx was told to do; Twilio is told by the answers to its webhooks. */
  wasTold(caller: ReturnType<C['ring']>, ...names: string[]): void;
  /** By whom a call ends that we end with a goodbye. */
  readonly weEnd: CallReport['endedBy'];
  /** How somebody rings whose call goes on when its stream breaks. */
  readonly unbroken: Partial<RingOptions & { afterDrop: 'call-goes-on' }>;
  /** What Catch is told of a broken stream. */
  readonly broken: RegExp;
  /** How many streams a call has had in which the company's own voice spoke once. */
  readonly streamsWhenSpokenTo: number;
  /** Resolves when the company's own voice has spoken and the agent is heard again. */
  back(caller: PhoneCall): Promise<unknown>;
  /** The REST API fails from now on; `wasAsked`: what it was asked of the call whose stream was lost. */
  restFails(company: C): void;
  wasAsked(company: C): void;
  /** An account that cannot work, and what is said of it. */
  wrong(company: C): [account: object, words: RegExp][];
}

export const TWILIO: CompanyUnderTest<PhoneCompany> = {
  name: 'twilio',
  title: 'Twilio',
  build: () => new PhoneCompany(),
  credentials: ({ accountSid, authToken }) => ({ accountSid, authToken }),
  offer: (stage, CallSid, path = '/twilio/voice') =>
    postForm(stage, path, { CallSid, CallStatus: 'ringing', From: '+12025550111', To: '+12025550122' }),
  isRawOf: (raw, { callSid }: TwilioCall) => {
    const { webhook, start } = raw as { webhook: Record<string, string>; start: { callSid: string } };
    assert.deepEqual([webhook.CallSid, start.callSid], [callSid, callSid]);
  },
  wasTold: () => undefined,
  weEnd: 'twiml',
  unbroken: { afterDrop: 'call-goes-on' },
  broken: /the media stream failed: Stream - connection reset/,
  streamsWhenSpokenTo: 2,
  back: (caller) => once(caller, 'stream-started'),
  restFails: ({ rest }) => rest.failNext(99, 503, 20503),
  wasAsked: ({ rest }) => assert.deepEqual(rest.log.map(({ method }) => method), ['GET', 'GET', 'GET', 'GET', 'GET']), // prettier-ignore
  wrong: () => [
    [{ publicUrl: '' }, /no public URL/],
    [{ credentials: {} }, /no auth token/],
  ],
};

export const TELNYX: CompanyUnderTest<TelnyxCompany> = {
  name: 'telnyx',
  title: 'Telnyx',
  build: () => new TelnyxCompany(),
  credentials: ({ apiKey, publicKey }) => ({ apiKey, publicKey }),
  offer: (stage, id, path) => postEvent(stage, 'call.initiated', id, {}, 'right', path),
  isRawOf: (raw, { callId }: TelnyxCall) => {
    const { webhook, start } = raw as {
      webhook: { data: { event_type: string } };
      start: { call_control_id: string };
    };
    assert.deepEqual([webhook.data.event_type, start.call_control_id], ['call.initiated', callId]);
  },
  wasTold: (caller: TelnyxCall, ...names) => assert.deepEqual(commands(caller), names),
  weEnd: 'application',
  unbroken: {},
  broken: /the media stream failed: connection lost/,
  streamsWhenSpokenTo: 1,
  back: () => Promise.resolve(),
  restFails: ({ faults }) => faults.add({ kind: 'status', status: 503, times: 'always' }),
  wasAsked: () => undefined,
  wrong: ({ apiKey, publicKey }) => [
    [{ publicUrl: '' }, /no public URL: enter how Telnyx reaches/],
    [{ credentials: { publicKey } }, /no API key/],
    [{ credentials: { apiKey } }, /no public key/],
    [{ credentials: { apiKey, publicKey: 'not a key' } }, /public key of the telnyx-account is none/],
  ],
};

export const COMPANIES: readonly CompanyUnderTest[] = [TWILIO, TELNYX];
