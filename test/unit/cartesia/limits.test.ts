import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { ProviderError } from '../../../nodes/call/errors';
import { CartesiaSocket } from '../../../nodes/cartesia/socket';
import type { ContextListener } from '../../../nodes/call/tts/contexts';
import { endpoint, until, VOICE } from './speaker';

/** What was told of a context. */
class Told implements ContextListener {
  bytes = 0;
  cause: string | undefined;
  odds = 0;
  audio(chunk: Buffer): void {
    this.bytes += chunk.length;
  }
  failed(err: ProviderError): void {
    this.cause = err.cause;
  }
  odd(): void {
    this.odds++;
  }
  words(): void {}
  done(): void {}
}

/** A server that says what the test has it say. */
describe('The limits of a socket to Cartesia', () => {
  let http: Server;
  let server: WebSocket;
  /** What is done in place of the handshake. */
  let instead: ((connection: Duplex) => void) | undefined;
  let ids: string[];
  const sockets: CartesiaSocket[] = [];
  const connections = new Set<Socket>();

  beforeEach(async () => {
    ids = [];
    instead = undefined;
    http = createServer();
    http.on('connection', (connection) => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
    });
    const upgrader = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, connection, head) => {
      if (instead) {
        connection.on('error', () => undefined);
        connection.on('end', () => connection.destroy());
        connection.resume();
        instead(connection);
        return;
      }
      upgrader.handleUpgrade(request, connection, head, (webSocket) => {
        server = webSocket;
        server.on('error', () => undefined);
        server.on('message', (data: Buffer) =>
          ids.push((JSON.parse(data.toString()) as { context_id: string }).context_id),
        );
      });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.leave();
    for (const connection of connections) connection.destroy();
    await new Promise((resolve) => http.close(resolve));
  });

  const connect = (): CartesiaSocket => {
    const { port } = http.address() as AddressInfo;
    const noop = (): void => undefined;
    const socket = new CartesiaSocket(endpoint(`ws://127.0.0.1:${port}`), noop, noop);
    sockets.push(socket);
    return socket;
  };
  /** @returns the id of a context that has begun */
  const begin = async (listener: ContextListener): Promise<string> => {
    (await connect().ready).open(VOICE, listener).say('Hello there. ', true);
    await until('it is begun', () => ids.length === 1);
    return ids[0] ?? '';
  };
  /** A chunk with so many bytes in all. */
  const chunk = (id: string, bytes: number): string => {
    const shell = JSON.stringify({ type: 'chunk', context_id: id, data: '', done: false });
    return shell.replace('""', `"${'/'.repeat(bytes - shell.length)}"`);
  };

  it('a message of 4 MB is taken, one byte more ends the connection', async () => {
    const listener = new Told();
    const id = await begin(listener);
    server.send(chunk(id, 4_194_304));
    await until('it is taken', () => listener.bytes > 3_000_000);
    assert.equal(listener.cause, undefined);
    server.send(chunk(id, 4_194_305));
    await until('it has failed', () => listener.cause !== undefined);
    assert.equal(listener.cause, 'protocol');
  });

  it('two unreadable messages break nothing off, the third ends the connection', async () => {
    const listener = new Told();
    const id = await begin(listener);
    server.send('?');
    server.send('[]');
    server.send(JSON.stringify({ type: 'chunk', context_id: id, data: '//8=' }));
    await until('the audio is here', () => listener.bytes === 2);
    assert.deepEqual([listener.cause, listener.odds], [undefined, 2]);
    server.send('?');
    await until('it is given up', () => listener.cause !== undefined);
    assert.equal(listener.cause, 'protocol');
  });

  it('a handshake that is not answered is given up after 1.5 s, and its connection closed', async () => {
    instead = () => undefined;
    const since = performance.now();
    await assert.rejects(connect().ready, (err: ProviderError) => err.cause === 'timeout');
    const took = performance.now() - since;
    assert.ok(took >= 1_450 && took < 2_500, `${took} ms`);
    await until('no connection is left', () => connections.size === 0);
  });

  it('a refusal is read up to 4 kB, and for 300 ms, and tells what is there by then', async () => {
    const head = 'HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain\r\n';
    instead = (connection) => connection.write(`${head}content-length: 100000\r\n\r\n${'Wrong. '.repeat(1000)}`);
    await assert.rejects(connect().ready, (err: ProviderError) => {
      assert.equal(err.cause, 'authentication');
      assert.ok(err.message.length < 400);
      return true;
    });
    instead = (connection) => connection.write(`${head}content-length: 100\r\n\r\nNo such key.`);
    const since = performance.now();
    await assert.rejects(connect().ready, /No such key/);
    const took = performance.now() - since;
    assert.ok(took >= 290 && took < 1_000, `${took} ms`);
  });
});
