import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Node } from 'node-red';
import { afterEach, describe, it } from 'mocha';
import { WebSocket, WebSocketServer } from 'ws';
import { claimPath, endpointCount, refuseUpgrade } from '../../../nodes/call/endpoints';
import type { Endpoint, EndpointRequest } from '../../../nodes/call/endpoints';
import { addSlot, slotOf } from '../../../nodes/call/lifecycle';
import { NodeSlot } from '../../../nodes/call/node-slot';
import { FakeRed } from '../../node/twilio-red';
import type { RedOptions } from '../../node/twilio-red';

/** An endpoint that tells what it got. */
class Desk implements Endpoint {
  readonly names = ['next', 'media'];
  readonly upgrades = ['media'];
  readonly requests: EndpointRequest[] = [];
  readonly problems: (string | undefined)[] = [];
  readonly errors: Error[] = [];
  private readonly sockets = new WebSocketServer({ noServer: true });

  request(request: EndpointRequest) {
    this.requests.push(request);
    if (request.url.includes('throw')) throw new Error('a bug');
    return { body: request.rawBody.toString() };
  }

  upgrade(
    request: EndpointRequest,
    ...args: [Parameters<Endpoint['upgrade']>[1], Parameters<Endpoint['upgrade']>[2], Buffer]
  ): void {
    if (request.sub[1] === 'no') return refuseUpgrade(args[1], 403, 'No.');
    this.sockets.handleUpgrade(...args, (socket) => socket.close(4000, request.url));
  }

  reachable(problem: string | undefined): void {
    this.problems.push(problem);
  }

  failed(error: Error): void {
    this.errors.push(error);
  }
}

describe('endpoints', () => {
  let red: FakeRed;
  let desk: Desk;
  let base: string;

  const node = (id: string): NodeSlot<unknown> => {
    const slot = new NodeSlot<unknown>(id, 'desk', {});
    slot.instance = {
      node: {} as Node,
      translate: (key) => key,
      wiring: { isWired: () => false, leadsAbroad: () => false, straight: () => undefined },
    };
    addSlot(slot);
    return slot;
  };
  const start = async (options: RedOptions = {}): Promise<void> => {
    red = await new FakeRed(options).start();
    desk = new Desk();
    node('desk');
    claimPath(red.api(), 'desk', '/calls/voice', desk);
    base = `http://127.0.0.1:${red.port}${options.nodeRoot && options.nodeRoot !== '/' ? options.nodeRoot : ''}`;
  };
  const form = (path: string, body: string, type = 'application/x-www-form-urlencoded') =>
    fetch(base + path, { method: 'POST', body, headers: { 'content-type': type } });

  afterEach(async () => {
    for (const id of ['desk', 'other']) {
      const slot = slotOf(id);
      if (slot) slot.instance = undefined;
    }
    await red.stop();
    assert.equal(endpointCount(), 0);
  });

  for (const [adminRoot, nodeRoot] of [
    ['/', '/'],
    ['/admin', '/'],
    ['/', '/red'],
  ] as const) {
    // prettier-ignore
    describe(`with the editor at ${adminRoot} and the nodes at ${nodeRoot}`, () => {
      it('get the raw bytes of forms and JSON, the query as it came, and their sub-paths', async () => {
        await start({ adminRoot, nodeRoot });
        const odd = 'a=%20+&b=%C3%A4&a=';
        assert.equal(await (await form("/calls/voice?x=it%20a%2B", odd)).text(), odd);
        const json = '{ "a":  1 }';
        assert.equal(await (await form('/calls/voice/next/CA1', json, 'application/json')).text(), json);
        assert.equal((await fetch(`${base}/calls/voice/?y=2`)).status, 200);
        assert.deepEqual(desk.requests.map(({ url }) => url), ["/calls/voice?x=it%20a%2B", '/calls/voice/next/CA1', '/calls/voice/?y=2']); // prettier-ignore
        assert.deepEqual(desk.requests.map(({ sub }) => sub), [[], ['next', 'CA1'], []]); // prettier-ignore
      });

      it('upgrade, refuse with a whole answer, and leave foreign paths alone', async () => {
        await start({ adminRoot, nodeRoot });
        const ws = base.replace('http', 'ws');
        const socket = new WebSocket(`${ws}/calls/voice/media/t1`);
        const [code, reason] = (await once(socket, 'close')) as [number, Buffer];
        assert.deepEqual([code, reason.toString()], [4000, '/calls/voice/media/t1']);
        const refused = new WebSocket(`${ws}/calls/voice/media/no`);
        refused.on('error', () => undefined);
        const [, response] = (await once(refused, 'unexpected-response')) as [unknown, { statusCode: number; headers: Record<string, string> }]; // prettier-ignore
        assert.equal(response.statusCode, 403);
        assert.deepEqual([response.headers.connection, response.headers['content-length']], ['close', '4']);
        refused.terminate();
        const foreign = new WebSocketServer({ noServer: true });
        red.server.on('upgrade', (req, raw, head) => {
          if (req.url?.endsWith('/foreign')) foreign.handleUpgrade(req, raw, head, (each) => each.close(4001));
        });
        assert.equal((await once(new WebSocket(`${ws}/calls/foreign`), 'close'))[0], 4001);
        const posted = await form('/foreign', '{"a":1}', 'application/json');
        if (adminRoot === '/') assert.deepEqual(await posted.json(), { body: { a: 1 } });
        assert.equal((await form('/calls/voice/unknown/CA1', '')).status, 404);
        assert.equal((await form('/calls/voices', '')).status, 404);
      });

      it('refuse bodies of more than 64 kB with 413, told or not', async () => {
        await start({ adminRoot, nodeRoot });
        assert.equal((await form('/calls/voice', 'x'.repeat(65_537))).status, 413);
        const chunks = new ReadableStream({
          start(controller) {
            for (let i = 0; i < 70; i++) controller.enqueue(new Uint8Array(1_000));
            controller.close();
          },
        });
        const streamed = await fetch(`${base}/calls/voice`, { method: 'POST', body: chunks, duplex: 'half' } as RequestInit);
        assert.equal(streamed.status, 413);
        assert.equal((await form('/calls/voice', 'x'.repeat(65_536))).status, 200);
        assert.equal(desk.requests.length, 1);
      });
    });
  }

  it('answer 500 for what throws, and tell it', async () => {
    await start();
    assert.equal((await form('/calls/voice?throw', '')).status, 500);
    assert.equal(desk.errors[0]?.message, 'a bug');
  });

  it('belong to one node each; whoever comes second is told, and gets the path when it is free', async () => {
    await start();
    const other = new Desk();
    node('other');
    claimPath(red.api(), 'other', '/calls/voice/', other);
    await red.deploy([]);
    assert.equal(desk.problems.at(-1), undefined);
    assert.match(other.problems.at(-1) ?? '', /\/calls\/voice belongs to another node/);
    const slot = slotOf('desk');
    if (slot) slot.instance = undefined;
    await red.deploy([]);
    assert.equal(other.problems.at(-1), undefined);
    await form('/calls/voice', 'x');
    assert.equal(other.requests.length, 1);
  });

  it('change places within one Deploy', async () => {
    await start();
    const other = new Desk();
    node('other');
    claimPath(red.api(), 'other', '/two', other);
    claimPath(red.api(), 'desk', '/two', desk);
    claimPath(red.api(), 'other', '/calls/voice', other);
    await red.deploy([]);
    await form('/two', '');
    await form('/calls/voice', '');
    assert.deepEqual([desk.requests[0]?.url, other.requests[0]?.url], ['/two', '/calls/voice']);
    assert.deepEqual([desk.problems.at(-1), other.problems.at(-1)], [undefined, undefined]);
  });

  it('say that nothing comes through with httpNodeRoot false, or httpNodeAuth', async () => {
    await start({ nodeRoot: false });
    assert.match(desk.problems[0] ?? '', /httpNodeRoot is false/);
    await red.stop();
    await start({ settings: { httpNodeAuth: { user: 'u', pass: 'p' } } });
    assert.match(desk.problems[0] ?? '', /httpNodeAuth asks for a password/);
  });
});
