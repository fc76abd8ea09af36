import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { FrontDesk } from '../../../nodes/call/carrier/front-desk';
import type { DeskSettings } from '../../../nodes/call/carrier/front-desk';
import type { EndpointAnswer, EndpointRequest } from '../../../nodes/call/endpoints';
import { mediaServer } from '../../../nodes/call/carrier/media-socket';
import { NodeSlot } from '../../../nodes/call/node-slot';
import { refused } from '../../../nodes/call/refused';

/** Time runs thirty times as fast for the idle limit of these sockets: it is a second. */
const FASTER = 30;

/** A carrier that expects one call, `call-1`. */
class Desk extends FrontDesk<DeskSettings> {
  readonly names = ['media'];
  admitted: WebSocket | undefined;
  askedMs: number | undefined;
  issue(): string {
    return this.tokens.issue('call-1');
  }
  request(): EndpointAnswer {
    return {};
  }
  protected secrets(): readonly string[] {
    return ['a secret'];
  }
  fetchRecording(): Promise<never> {
    throw new Error('nothing is recorded here');
  }
  deleteRecording(): Promise<never> {
    throw new Error('nothing is recorded here');
  }
  upgrade(request: EndpointRequest, raw: IncomingMessage, socket: Duplex, head: Buffer): void {
    const idle = raw.socket.setTimeout.bind(raw.socket);
    raw.socket.setTimeout = (ms: number, callback?: () => void): Socket => {
      this.askedMs = ms;
      return idle(ms / FASTER, callback);
    };
    const find = (id: string): { admit(one: WebSocket): void } | undefined =>
      id === 'call-1' ? { admit: (one) => (this.admitted = one) } : undefined;
    this.admit(request.sub[1] ?? '', find, mediaServer, { raw, socket, head });
  }
}

describe('a media socket on which nothing moves', () => {
  let server: Server;
  let desk: Desk;
  let client: WebSocket;

  beforeEach(async () => {
    desk = new Desk(new NodeSlot('in', 'acme-in', {} as DeskSettings), 'acme');
    server = createServer();
    server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = req.url ?? '';
      const request = { method: 'GET', sub: url.split('/').slice(1), url, headers: {}, rawBody: Buffer.alloc(0) };
      desk.upgrade(request, req, socket, head);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    client.terminate();
    await new Promise((resolve) => server.close(resolve));
  });

  const connect = (token: string): void => {
    const { port } = server.address() as AddressInfo;
    client = new WebSocket(`ws://127.0.0.1:${port}/media/${token}`);
    client.on('error', () => undefined);
  };

  it('is closed after 30 s, and not while frames come', async () => {
    connect(desk.issue());
    await once(client, 'open');
    assert.equal(desk.askedMs, 30_000);
    let closed = false;
    client.on('close', () => (closed = true));
    // A frame every 100 ms, for longer than would be idle.
    for (let i = 0; i < 15; i++) {
      client.send('{"event":"media"}');
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(closed, false);
    const since = performance.now();
    await once(client, 'close');
    assert.ok(performance.now() - since < 2_500);
    assert.notEqual(desk.admitted, undefined);
  });

  it('that nobody expects is never opened, and counted', async () => {
    const { token } = refused;
    connect('0'.repeat(32));
    const [, response] = (await once(client, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 403);
    assert.equal(refused.token, token + 1);
    assert.equal(desk.admitted, undefined);
  });
});
