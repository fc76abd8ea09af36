import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import type { ProviderError } from '../../../nodes/call/errors';
import type { ContextListener } from '../../../nodes/call/tts/contexts';
import type { ElevenLabsContext } from '../../../nodes/elevenlabs/context';
import { ElevenLabsSocket } from '../../../nodes/elevenlabs/socket';
import { endpoint, until, VOICE } from './speaker';

/** What was told of a context. */
class Told implements ContextListener {
  bytes = 0;
  cause: string | undefined;
  audio(chunk: Buffer): void {
    this.bytes += chunk.length;
  }
  failed(err: ProviderError): void {
    this.cause = err.cause;
  }
  words(): void {}
  done(): void {}
  odd(): void {}
}

/** A server that says what the test has it say. */
describe('The limits of a socket to ElevenLabs', () => {
  let http: Server;
  let server: WebSocket;
  let refuse: ((connection: Duplex) => void) | undefined;
  let received: Record<string, unknown>[];
  const sockets: ElevenLabsSocket[] = [];
  const connections: Socket[] = [];

  beforeEach(async () => {
    received = [];
    refuse = undefined;
    http = createServer();
    http.on('connection', (connection) => connections.push(connection));
    const upgrader = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, socket, head) => {
      if (refuse) {
        socket.on('error', () => undefined);
        refuse(socket);
        return;
      }
      upgrader.handleUpgrade(request, socket, head, (webSocket) => {
        server = webSocket;
        server.on('error', () => undefined);
        server.on('message', (data: Buffer) => received.push(JSON.parse(data.toString()) as Record<string, unknown>));
      });
    });
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.leave();
    for (const connection of connections.splice(0)) connection.destroy();
    await new Promise((resolve) => http.close(resolve));
  });

  const connect = (): ElevenLabsSocket => {
    const { port } = http.address() as AddressInfo;
    const noop = (): void => undefined;
    const socket = new ElevenLabsSocket(endpoint(`ws://127.0.0.1:${port}`), noop, noop);
    sockets.push(socket);
    return socket;
  };
  const begin = async (listener: ContextListener): Promise<ElevenLabsContext> => {
    const context = (await connect().ready).open(VOICE, listener);
    context.say('Hello there. ', true);
    await until('it is begun', () => received.length === 2);
    return context;
  };
  /** A message with so many bytes in all. */
  const message = (id: string, bytes: number): string => {
    const shell = JSON.stringify({ contextId: id, audio: '' });
    return shell.replace('""', `"${'/'.repeat(bytes - shell.length)}"`);
  };

  it('a message of 4 MB is taken, one byte more ends the connection', async () => {
    const listener = new Told();
    const { id } = await begin(listener);
    server.send(message(id, 4_194_304));
    await until('it is taken', () => listener.bytes > 3_000_000);
    server.send(message(id, 4_194_305));
    await until('it has failed', () => listener.cause !== undefined);
    assert.equal(listener.cause, 'protocol');
  });

  it('two unreadable messages spoil their context only, the third the socket', async () => {
    const listener = new Told();
    const { id } = await begin(listener);
    server.send('?');
    server.send('[]');
    server.send(JSON.stringify({ contextId: id, audio: '//8=' }));
    await until('the audio is here', () => listener.bytes === 2);
    assert.equal(listener.cause, undefined);
    server.send('?');
    await until('it is given up', () => listener.cause !== undefined);
    assert.equal(listener.cause, 'protocol');
  });

  it('text without an end goes out at 200 characters, up to its last space', async () => {
    const context = await begin(new Told());
    context.say('nine char '.repeat(19) + 'nine cha', true);
    context.say('r', true);
    assert.equal(received.length, 2);
    context.say(' ', true);
    await until('it was sent', () => received.length === 3);
    assert.equal(received[2]?.text, 'nine char '.repeat(20));
  });

  it('a handshake that is not answered is given up after 1.5 s', async () => {
    refuse = () => undefined;
    const since = performance.now();
    await assert.rejects(connect().ready, (err: ProviderError) => err.cause === 'timeout');
    const took = performance.now() - since;
    assert.ok(took >= 1_450 && took < 2_500, `${took} ms`);
  });

  it('a refusal is read up to 4 kB, and for 300 ms, and tells what is there by then', async () => {
    const head = 'HTTP/1.1 401 Unauthorized\r\ncontent-type: text/plain\r\n';
    refuse = (connection) => connection.write(`${head}content-length: 100000\r\n\r\n${'Wrong. '.repeat(1000)}`);
    await assert.rejects(connect().ready, (err: ProviderError) => {
      assert.equal(err.cause, 'authentication');
      assert.ok(err.message.length < 400);
      return true;
    });
    refuse = (connection) => connection.write(`${head}content-length: 100\r\n\r\nNo such key.`);
    const since = performance.now();
    await assert.rejects(connect().ready, /No such key/);
    assert.ok(performance.now() - since >= 290 && performance.now() - since < 1000);
  });
});
