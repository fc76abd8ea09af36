/** Somebody who knows a carrier's wire format, and is not always the carrier: knocks at the webhook and at the media socket. */
import { randomUUID } from 'node:crypto';
import WebSocket from 'ws';
import { signForm, signUpgrade } from '../../simulators/twilio';
import { byCarrier, pathAtCarrier } from './carriers';
import { KEYS } from './example';
import { until } from './runtime';
import type { Stage } from './stage';

/** How a webhook is not signed as the carrier does. */
export type Forgery = 'missing' | 'garbage' | 'wrong-key' | 'wrong-body';

export interface Answer {
  status: number;
  text: string;
}

export interface Webhook {
  forgery?: Forgery;
  /** What else stands in the body. */
  more?: Record<string, string>;
  /** Telnyx: the event's id, by which it is known again. */
  eventId?: string;
}

/** A call that was offered, and whose caller waits: no stream was opened for it. */
export interface Offer {
  callId: string;
  /** The address of the media socket that we gave the carrier. */
  media: string;
}

export interface Knocker {
  /** Somebody rings. */
  offered(): Promise<Offer>;
  /** The webhook that offers a call, of this id. */
  webhook(callId: string, how?: Webhook): Promise<Answer>;
  newCallId(): string;
  /** Opens a media socket as the carrier does. */
  knock(media: string): WebSocket;
  /** The message with which a stream begins. */
  start(callId: string): string;
  /** A message of this call with 75 kB of audio. */
  giant(): string;
  /** A key press that does not say of what key. */
  malformed(): string;
}

/** Somebody at this run's carrier. */
export function knockerOf(stage: Stage): Knocker {
  return byCarrier('knocking from outside', { twilio: atTwilio, telnyx: atTelnyx })(stage);
}

const FROM = '+15550001111';
const TO = '+15550002222';

async function post(stage: Stage, headers: Record<string, string>, body: string): Promise<Answer> {
  const url = stage.nodeRed.url + pathAtCarrier('/twilio/voice');
  const response = await fetch(url, { method: 'POST', headers, body });
  return { status: response.status, text: await response.text() };
}

const TOKEN = KEYS.TWILIO_AUTH_TOKEN;

/** The header for a media socket of Twilio's. */
export function upgradeSignature(media: string): string {
  return signUpgrade(TOKEN, media) ?? '';
}

function atTwilio(stage: Stage): Knocker {
  const url = `${stage.nodeRed.url}/twilio/voice`;
  const accountSid = KEYS.TWILIO_ACCOUNT_SID;
  return {
    newCallId: () => `CA${randomUUID().replaceAll('-', '')}`,
    async offered() {
      const call = stage.world.twilio.ring({ webhookUrl: url, refuseStream: true });
      await until('the webhook is answered', () => call.report().twiml.length > 0);
      const text = call.report().twiml[0]?.body ?? '';
      const media = /<Stream[^>]* url="([^"]+)"/.exec(text)?.[1];
      if (media === undefined) throw new Error(`No stream: ${text}`);
      return { callId: call.callSid, media };
    },
    webhook(callId, { forgery, more } = {}) {
      const fields = {
        ...{ AccountSid: accountSid, CallSid: callId, From: FROM, To: TO, CallStatus: 'ringing', Direction: 'inbound' },
        ...more,
      };
      const signature = {
        right: () => signForm(TOKEN, url, fields),
        missing: () => undefined,
        garbage: () => 'bm90IGEgc2lnbmF0dXJl',
        'wrong-key': () => signForm('another token', url, fields),
        'wrong-body': () => signForm(TOKEN, url, { ...fields, CallSid: 'another' }),
      }[forgery ?? 'right']();
      const headers = {
        'content-type': 'application/x-www-form-urlencoded',
        ...(signature !== undefined && { 'x-twilio-signature': signature }),
      };
      return post(stage, headers, new URLSearchParams(fields).toString());
    },
    knock: (media) => new WebSocket(media, { headers: { 'x-twilio-signature': upgradeSignature(media) } }),
    start: (callId) =>
      JSON.stringify({
        event: 'start',
        sequenceNumber: '1',
        streamSid: 'MZ1',
        start: {
          accountSid,
          streamSid: 'MZ1',
          callSid: callId,
          tracks: ['inbound'],
          mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
          customParameters: {},
        },
      }),
    giant: () => JSON.stringify({ event: 'media', media: { payload: 'A'.repeat(100_000) } }),
    malformed: () => JSON.stringify({ event: 'dtmf', streamSid: 'MZ1', sequenceNumber: '9', dtmf: {} }),
  };
}

function atTelnyx(stage: Stage): Knocker {
  return {
    newCallId: () => `v3:${randomUUID()}`,
    async offered() {
      const call = stage.world.telnyx.ring({ webhookUrl: `${stage.nodeRed.url}/telnyx/voice`, refuseStream: true });
      const answer = (): unknown => call.commands.find(({ name }) => name === 'answer')?.body.stream_url;
      await until('the call is answered', () => answer() !== undefined);
      return { callId: call.callControlId, media: String(answer()) };
    },
    webhook(callId, { forgery, more, eventId = randomUUID() } = {}) {
      const payload = {
        ...{ call_control_id: callId, call_leg_id: randomUUID(), call_session_id: randomUUID(), client_state: null },
        ...{ from: FROM, to: TO, direction: 'incoming', state: 'parked' },
        ...more,
      };
      const occurred_at = new Date().toISOString();
      const data = { record_type: 'event', event_type: 'call.initiated', id: eventId, occurred_at, payload };
      const body = JSON.stringify({ data, meta: { attempt: 1, delivered_to: '' } });
      const signed = stage.world.telnyx.signingKey.headers(body, forgery ?? 'right');
      return post(stage, { 'content-type': 'application/json', ...signed }, body);
    },
    knock: (media) => new WebSocket(media),
    start: (callId) =>
      JSON.stringify({
        event: 'start',
        sequence_number: '1',
        start: { call_control_id: callId, media_format: { encoding: 'PCMU', sample_rate: 8000, channels: 1 } },
        stream_id: 's1',
      }),
    giant: () => JSON.stringify({ event: 'media', media: { chunk: '1', payload: 'A'.repeat(100_000) } }),
    malformed: () => JSON.stringify({ event: 'dtmf', stream_id: 's1', sequence_number: '9', dtmf: {} }),
  };
}
