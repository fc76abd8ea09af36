import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import WebSocket from 'ws';
import type * as Counters from '../../nodes/call/refused';
import { signForm, signUpgrade } from '../../simulators/twilio';
import { change, example, KEYS } from '../support/example';
import { heart, PACKAGE_ROOT, until } from '../support/runtime';
import { Stage } from '../support/stage';

const TOKEN = KEYS.TWILIO_AUTH_TOKEN;

describe('who knocks at the webhook and at the media socket', () => {
  let stage: Stage;
  let refused: typeof Counters.refused;
  let serial = 0;
  before(async () => {
    stage = await Stage.set();
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very counters that the nodes use
    refused = (require(`${PACKAGE_ROOT}/dist/nodes/call/refused.js`) as typeof Counters).refused;
    await stage.deploy(change(stage.prepare(example('01')), 'twilio-in', { maxCalls: 10 }));
  });
  after(() => stage.strike());
  const opened = (): number => heart().registry.count().opened;
  let openedBefore = 0;
  beforeEach(() => {
    openedBefore = opened();
  });
  afterEach(async () => {
    // Calls that were offered and never streamed are let go after 10 s: the phone company says they are over before.
    for (const call of heart().registry.all()) call.end('caller-hangup');
    await stage.nothingIsLeft();
  });

  const url = (): string => `${stage.nodeRed.url}/twilio/voice`;
  const fields = (callSid: string): Record<string, string> => ({
    AccountSid: KEYS.TWILIO_ACCOUNT_SID,
    CallSid: callSid,
    From: '+15550001111',
    To: '+15550002222',
    CallStatus: 'ringing',
    Direction: 'inbound',
  });
  const newSid = (): string => `CA${String(++serial).padStart(32, '0')}`;

  async function webhook(
    body: Record<string, string>,
    signature?: string | null,
  ): Promise<{ status: number; text: string }> {
    const signed = signature === undefined ? signForm(TOKEN, url(), body) : signature;
    const response = await fetch(url(), {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(signed !== null && signed !== undefined && { 'x-twilio-signature': signed }),
      },
      body: new URLSearchParams(body),
    });
    return { status: response.status, text: await response.text() };
  }

  /** The address of the media socket that the TwiML of a new call names. */
  async function offered(callSid = newSid()): Promise<{ callSid: string; media: string }> {
    const { status, text } = await webhook(fields(callSid));
    assert.equal(status, 200);
    const media = /<Stream[^>]* url="([^"]+)"/.exec(text)?.[1];
    assert.ok(media, text);
    return { callSid, media: media.replace(/^wss?:/, 'ws:') };
  }

  /** Opens a media socket as the phone company does. */
  function knock(media: string, signature: string | undefined = signUpgrade(TOKEN, media)): WebSocket {
    return new WebSocket(media, { headers: { ...(signature !== undefined && { 'x-twilio-signature': signature }) } });
  }

  async function refusedWith(socket: WebSocket): Promise<number> {
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    socket.terminate();
    return response.statusCode;
  }

  const start = (callSid: string): string =>
    JSON.stringify({
      event: 'start',
      sequenceNumber: '1',
      streamSid: 'MZ1',
      start: {
        accountSid: KEYS.TWILIO_ACCOUNT_SID,
        streamSid: 'MZ1',
        callSid,
        tracks: ['inbound'],
        mediaFormat: { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 },
        customParameters: {},
      },
    });

  it('a webhook without a signature, or with a wrong one: 400, 403, counted, and no call', async () => {
    const before = refused.signature;
    assert.equal((await webhook(fields(newSid()), null)).status, 400);
    assert.equal((await webhook(fields(newSid()), 'bm90IGEgc2lnbmF0dXJl')).status, 403);
    assert.equal((await webhook(fields(newSid()), signForm('another token', url(), fields(newSid())))).status, 403);
    assert.equal(refused.signature, before + 3);
    assert.equal(opened(), openedBefore);
  });

  it('a webhook repeated for one call: no second call, no second slot', async () => {
    const { callSid } = await offered();
    await offered(callSid);
    await offered(callSid);
    assert.equal(opened(), openedBefore + 1);
    assert.equal(heart().registry.count().calls, 1);
  });

  it('a webhook for an ended call is answered with a hang-up', async () => {
    const { callSid } = await offered();
    heart().registry.get(callSid)?.end('caller-hangup');
    const { status, text } = await webhook(fields(callSid));
    assert.equal(status, 200);
    assert.match(text, /<Hangup\/>/);
    assert.doesNotMatch(text, /<Stream/);
    assert.equal(opened(), openedBefore + 1);
  });

  it('an oversized body is refused', async () => {
    const { status } = await webhook({ ...fields(newSid()), Padding: 'x'.repeat(70_000) });
    assert.equal(status, 413);
    assert.equal(opened(), openedBefore);
  });

  it('30 webhooks at once with a limit of 10: ten calls', async () => {
    const answers = await Promise.all(Array.from({ length: 30 }, () => webhook(fields(newSid()))));
    assert.equal(answers.filter(({ text }) => text.includes('<Stream')).length, 10);
    assert.equal(answers.filter(({ text }) => /<Say>All lines are busy/.test(text)).length, 20);
    assert.equal(opened(), openedBefore + 10);
  });

  it('a media socket with a wrong token, or for an unknown call', async () => {
    const { media } = await offered();
    const before = refused.token;
    const wrong = media.replace(/[^/]+$/, 'f'.repeat(32));
    assert.equal(await refusedWith(knock(wrong)), 403);
    assert.equal(refused.token, before + 1);
  });

  it('a media socket without a signature, or with a wrong one', async () => {
    const { media } = await offered();
    assert.equal(await refusedWith(new WebSocket(media)), 401);
    assert.equal(await refusedWith(knock(media, 'bm90IGEgc2lnbmF0dXJl')), 403);
  });

  it('a media socket with a token that was used', async () => {
    const { callSid, media } = await offered();
    const first = knock(media);
    await once(first, 'open');
    first.send(start(callSid));
    await until('the call is live', () => heart().registry.get(callSid)?.state === 'live');
    assert.equal(await refusedWith(knock(media)), 403);
    assert.equal(first.readyState, WebSocket.OPEN, 'the right one goes on');
    first.close();
  });

  it('a media socket whose start names another call is closed', async () => {
    const { callSid, media } = await offered();
    const before = refused.start;
    const socket = knock(media);
    await once(socket, 'open');
    socket.send(start(newSid()));
    await once(socket, 'close');
    assert.equal(refused.start, before + 1);
    assert.notEqual(heart().registry.get(callSid)?.state, 'live');
  });

  it('a media socket with no start is closed after 10 s', async () => {
    const { media } = await offered();
    const socket = knock(media);
    await once(socket, 'open');
    const from = performance.now();
    await once(socket, 'close');
    const took = performance.now() - from;
    assert.ok(took > 8_000 && took < 12_000, `${took} ms`);
  });

  it('a token that comes late, after 15 s', async () => {
    const { media } = await offered();
    // The offered call is let go after 10 s; its token is worth nothing from then on, and after 15 s in any case.
    await until('the call is let go', () => heart().registry.count().calls === 0, 14_000);
    assert.equal(await refusedWith(knock(media)), 403);
  });

  it('binary and giant frames close the socket, and only that', async () => {
    for (const [what, frame] of [
      ['binary', Buffer.alloc(160)],
      ['oversized', JSON.stringify({ event: 'media', media: { payload: 'A'.repeat(100_000) } })],
    ] as const) {
      const { callSid, media } = await offered();
      const before = refused[what];
      const socket = knock(media);
      socket.on('error', () => undefined);
      await once(socket, 'open');
      socket.send(start(callSid));
      await until('the call is live', () => heart().registry.get(callSid)?.state === 'live');
      socket.send(frame);
      await once(socket, 'close');
      assert.equal(refused[what], before + 1, what);
    }
  });

  it('what is no JSON, or an event that nobody knows, is ignored', async () => {
    const { callSid, media } = await offered();
    const before = refused.malformed;
    const socket = knock(media);
    await once(socket, 'open');
    socket.send(start(callSid));
    await until('the call is live', () => heart().registry.get(callSid)?.state === 'live');
    socket.send('not json at all');
    socket.send(JSON.stringify({ event: 'tomorrow', streamSid: 'MZ1' }));
    socket.send(
      JSON.stringify({
        event: 'dtmf',
        streamSid: 'MZ1',
        sequenceNumber: '9',
        dtmf: { track: 'inbound_track', digit: '5' },
      }),
    );
    await until('it was counted', () => refused.malformed > before);
    assert.equal(socket.readyState, WebSocket.OPEN);
    socket.close();
  });

  it('a foreign WebSocket path is left alone', async () => {
    const socket = new WebSocket(`${stage.nodeRed.url.replace('http', 'ws')}/somebody/else`);
    // Nobody takes it up, so Node-RED itself drops it after 5 s; nothing of ours has answered.
    const error = await new Promise<Error>((resolve) => socket.once('error', resolve));
    assert.match(error.message, /socket hang up/);
    assert.equal(opened(), openedBefore);
  }).timeout(20_000);
});
