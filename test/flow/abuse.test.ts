import assert from 'node:assert/strict';
import { once } from 'node:events';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import WebSocket from 'ws';
import type * as Counters from '../../nodes/call/refused';
import { IN, onlyOn } from '../support/carriers';
import { change, example } from '../support/example';
import { knockerOf, upgradeSignature } from '../support/knocker';
import type { Forgery, Knocker, Offer } from '../support/knocker';
import { heart, PACKAGE_ROOT, until } from '../support/runtime';
import { plain, Stage } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';

describe('who knocks at the webhook and at the media socket', () => {
  let stage: Stage;
  let refused: typeof Counters.refused;
  let knocker: Knocker;
  before(async () => {
    stage = await Stage.set();
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very counters that the nodes use
    refused = (require(`${PACKAGE_ROOT}/dist/nodes/call/refused.js`) as typeof Counters).refused;
    await stage.deploy(change(stage.prepare(example('01')), IN, { maxCalls: 10 }));
    knocker = knockerOf(stage);
  });
  after(() => stage.strike());
  const opened = (): number => heart().registry.count().opened;
  let openedBefore = 0;
  beforeEach(() => {
    openedBefore = opened();
  });
  afterEach(async () => {
    for (const { calls } of [stage.world.twilio, stage.world.telnyx]) for (const call of calls.values()) call.hangUp();
    // Not every carrier tells of the end of a call that never streamed.
    for (const call of heart().registry.everywhere()) call.end('caller-hangup');
    await stage.nothingIsLeft();
  });

  const offered = (): Promise<Offer> => knocker.offered();
  const live = (callId: string): Promise<void> =>
    until('the call is live', () => heart().registry.carried(callId)?.state === 'live');

  async function refusedWith(socket: WebSocket): Promise<number> {
    socket.on('error', () => undefined);
    const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }];
    socket.terminate();
    return response.statusCode;
  }

  it('a webhook without a signature, or with a wrong one: 400, 403, counted, and no call', async () => {
    const before = refused.signature;
    const forgeries: Forgery[] = ['missing', 'garbage', 'wrong-key', 'wrong-body'];
    for (const forgery of forgeries) {
      const { status } = await knocker.webhook(knocker.newCallId(), { forgery });
      assert.equal(status, forgery === 'missing' ? 400 : 403, forgery);
    }
    assert.equal(refused.signature, before + forgeries.length);
    assert.equal(opened(), openedBefore);
  });

  onlyOn('telnyx', 'time in the signature', () => {
    it('a webhook that was signed long ago, or is from the future: 403, and no call', async () => {
      const webhookUrl = `${stage.nodeRed.url}/telnyx/voice`;
      for (const signature of ['old', 'future'] as const) {
        const ringing = { webhookUrl, signature, ringTimeoutMs: 300, webhookRetryMs: 10 };
        const { webhooks } = await stage.world.telnyx.ring(ringing).ended;
        assert.deepEqual([...new Set(webhooks.map(({ status }) => status))], [403], signature);
      }
      assert.equal(opened(), openedBefore);
    });

    it('a webhook that comes twice is one event', async () => {
      const { callId } = await offered();
      const call = stage.world.telnyx.calls.get(callId);
      const { id: eventId } = call?.report().webhooks.find(({ eventType }) => eventType === 'call.initiated') ?? {};
      assert.ok(eventId);
      // The same event, signed anew: of another call, were it believed.
      assert.equal((await knocker.webhook(knocker.newCallId(), { eventId })).status, 200);
      assert.equal(opened(), openedBefore + 1);
    });
  });

  it('a webhook repeated for one call: no second call, no second slot', async () => {
    const { callId } = await offered();
    assert.equal((await knocker.webhook(callId)).status, 200);
    assert.equal((await knocker.webhook(callId)).status, 200);
    assert.equal(opened(), openedBefore + 1);
    assert.equal(heart().registry.count().calls, 1);
  });

  it('a webhook for an ended call opens none', async () => {
    const { callId } = await offered();
    heart().registry.carried(callId)?.end('caller-hangup');
    assert.equal((await knocker.webhook(callId)).status, 200);
    assert.equal(opened(), openedBefore + 1);
  });

  onlyOn('twilio', 'what the webhook answers', () => {
    it('a webhook for an ended call is answered with a hang-up', async () => {
      const { callId } = await offered();
      heart().registry.carried(callId)?.end('caller-hangup');
      const { text } = await knocker.webhook(callId);
      assert.match(text, /<Hangup\/>/);
      assert.doesNotMatch(text, /<Stream/);
    });
  });

  it('an oversized body is refused', async () => {
    const { status } = await knocker.webhook(knocker.newCallId(), { more: { Padding: 'x'.repeat(70_000) } });
    assert.equal(status, 413);
    assert.equal(opened(), openedBefore);
  });

  it('of 30 who call at once, with a limit of 10, ten talk, twenty hear that all is busy, and none is left in silence', async () => {
    const reports = await Promise.all(
      Array.from({ length: 30 }, () =>
        stage.call([{ waitForWords: plain(GREETING).split(' ').length }, { waitForSilence: 600 }, { hangUp: true }]),
      ),
    );
    const texts = reports.map(({ heardText }) => plain(heardText));
    assert.equal(texts.filter((text) => text === plain(GREETING)).length, 10, texts.join(' | '));
    assert.equal(texts.filter((text) => text === 'all lines are busy please call again later').length, 20);
    assert.deepEqual(
      reports.flatMap(({ findings }) => findings),
      [],
    );
    assert.equal(opened(), openedBefore + 10);
  }).timeout(60_000);

  it('a media socket with a wrong token, or for an unknown call', async () => {
    const { media } = await offered();
    const before = refused.token;
    const wrong = media.replace(/[^/]+$/, 'f'.repeat(32));
    assert.equal(await refusedWith(knocker.knock(wrong)), 403);
    assert.equal(refused.token, before + 1);
  });

  onlyOn('twilio', 'signed upgrade', () => {
    it('a media socket without a signature, or with a wrong one', async () => {
      const { media } = await offered();
      assert.equal(await refusedWith(new WebSocket(media)), 401);
      const wrong = { 'x-twilio-signature': upgradeSignature(`${media}x`) };
      assert.equal(await refusedWith(new WebSocket(media, { headers: wrong })), 403);
    });
  });

  it('a media socket with a token that was used', async () => {
    const { callId, media } = await offered();
    const first = knocker.knock(media);
    await once(first, 'open');
    first.send(knocker.start(callId));
    await live(callId);
    assert.equal(await refusedWith(knocker.knock(media)), 403);
    assert.equal(first.readyState, WebSocket.OPEN, 'the right one goes on');
    first.close();
  });

  it('a media socket whose start names another call is closed', async () => {
    const { callId, media } = await offered();
    const before = refused.start;
    const socket = knocker.knock(media);
    await once(socket, 'open');
    socket.send(knocker.start(knocker.newCallId()));
    await once(socket, 'close');
    assert.equal(refused.start, before + 1);
    assert.notEqual(heart().registry.carried(callId)?.state, 'live');
  });

  it('a media socket with no start is closed after 10 s', async () => {
    const { media } = await offered();
    const socket = knocker.knock(media);
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
    assert.equal(await refusedWith(knocker.knock(media)), 403);
  });

  it('binary and giant frames close the socket, and only that', async () => {
    for (const [what, frame] of [
      ['binary', Buffer.alloc(160)],
      ['oversized', knocker.giant()],
    ] as const) {
      const { callId, media } = await offered();
      const before = refused[what];
      const socket = knocker.knock(media);
      socket.on('error', () => undefined);
      await once(socket, 'open');
      socket.send(knocker.start(callId));
      await live(callId);
      socket.send(frame);
      await once(socket, 'close');
      assert.equal(refused[what], before + 1, what);
    }
  });

  it('what is no JSON, or an event that nobody knows, is ignored', async () => {
    const { callId, media } = await offered();
    const before = refused.malformed;
    const socket = knocker.knock(media);
    await once(socket, 'open');
    socket.send(knocker.start(callId));
    await live(callId);
    socket.send('not json at all');
    socket.send(JSON.stringify({ event: 'tomorrow', streamSid: 'MZ1' }));
    socket.send(knocker.malformed());
    await until('it was counted', () => refused.malformed >= before + 2);
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
