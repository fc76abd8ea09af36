/** The limits that all speech-to-text shares, each at its edge: just within, and just beyond. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocketServer } from 'ws';
import type { WebSocket } from 'ws';
import { ProviderError } from '../../../nodes/call/errors';
import { Apologies } from '../../../nodes/call/stt/apology';
import { Backlog } from '../../../nodes/call/stt/backlog';
import type { SttConnection, SttConnectionEvents } from '../../../nodes/call/stt/connection';
import { SttListener } from '../../../nodes/call/stt/listener';
import { SttSocket } from '../../../nodes/call/stt/socket';
import type { Refusal } from '../../../nodes/call/stt/socket';
import { speakWords } from '../../../simulators/audio';
import { until } from './utterance';

const FRAME = Buffer.alloc(160, 0xff);

describe('the limits of a socket to speech-to-text', () => {
  let http: Server;
  let server: WebSocket | undefined;
  /** What is said in place of the handshake. */
  let refuse: ((connection: Duplex) => void) | undefined;
  const connections = new Set<Duplex>();
  let socket: SttSocket;
  let messages: (string | undefined)[];
  let lost: ProviderError | undefined;
  let refusal: Refusal | undefined;

  beforeEach(async () => {
    [server, refuse, lost, refusal, messages] = [undefined, undefined, undefined, undefined, []];
    http = createServer();
    http.on('connection', (connection) => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
    });
    const upgrader = new WebSocketServer({ noServer: true });
    http.on('upgrade', (request, connection, head) => {
      if (refuse) {
        connection.on('error', () => undefined);
        // A refused client leaves; nothing of it stays.
        connection.on('end', () => connection.destroy());
        connection.resume();
        connection.write('HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n');
        refuse(connection);
        return;
      }
      upgrader.handleUpgrade(request, connection, head, (one) => {
        server = one;
        one.on('error', () => undefined);
      });
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
  });
  afterEach(async () => {
    socket.terminate();
    server?.terminate();
    await until('no connection is left', () => connections.size === 0);
    await new Promise((resolve) => http.close(resolve));
  });

  const connect = (): void => {
    const { port } = http.address() as AddressInfo;
    const errors = {
      provider: 'acme',
      refusal: (told: Refusal) => {
        refusal = told;
        return new ProviderError('acme', 'refused', 'refused');
      },
      closed: (code: number) => new ProviderError('acme', 'closed', `closed (${code})`, { code }),
    };
    socket = new SttSocket(`ws://127.0.0.1:${port}`, {}, errors, {
      opened: () => undefined,
      message: (text) => messages.push(text),
      lost: (error) => (lost = error),
    });
  };

  it('a message of 512 kB is taken, one byte more ends the connection', async () => {
    connect();
    await until('open', () => server !== undefined);
    server?.send('x'.repeat(512 * 1024));
    await until('it is taken', () => messages.length === 1);
    assert.equal(messages[0]?.length, 512 * 1024);
    server?.send('x'.repeat(512 * 1024 + 1));
    await until('it is lost', () => lost !== undefined);
    assert.equal(lost?.cause, 'protocol');
    assert.equal(messages.length, 1);
  });

  it('a refusal is read up to 16 kB and what else came in the same piece, and told when it ends', async () => {
    const body = JSON.stringify({ message: 'no', more: 'x'.repeat(400_000) });
    refuse = (connection) => connection.write(`content-length: ${body.length}\r\n\r\n${body}`);
    connect();
    await until('it is lost', () => lost !== undefined);
    const read = refusal?.body.length ?? 0;
    assert.ok(read >= 16_384 && read < 16_384 + 70_000, `${read} characters`);
    assert.equal(refusal?.status, 401);
  });

  it('a refusal whose rest does not come within a second is told by what is there', async () => {
    refuse = (connection) => connection.write('content-length: 1000\r\n\r\n{"message":"No such key."');
    connect();
    const since = performance.now();
    await until('it is lost', () => lost !== undefined);
    const took = performance.now() - since;
    assert.ok(took >= 990 && took < 1_500, `${took} ms`);
    assert.equal(refusal?.body, '{"message":"No such key."');
  });
});

describe('what is kept of what the caller said', () => {
  const hear = (backlog: Backlog, frames: number): void => {
    for (let i = 0; i < frames; i++) backlog.append(FRAME, backlog.log.end / 8 + 20);
  };

  it('while nothing can be sent: 10 s; the oldest goes first, and is counted', () => {
    const backlog = new Backlog();
    hear(backlog, 500);
    backlog.bound(undefined, false);
    assert.deepEqual([backlog.waiting, backlog.droppedBytes], [80_000, 0]);
    hear(backlog, 1);
    backlog.bound(undefined, false);
    assert.deepEqual([backlog.waiting, backlog.droppedBytes, backlog.sent], [80_000, 160, 160]);
  });

  it('sent, and not understood yet: 30 s; what is older is not said again on another connection', () => {
    const backlog = new Backlog();
    hear(backlog, 1_500);
    backlog.sent = backlog.log.end;
    backlog.bound(undefined, false);
    assert.equal(backlog.log.start, 0);
    hear(backlog, 1);
    backlog.sent = backlog.log.end;
    backlog.bound(undefined, false);
    assert.equal(backlog.log.start, 160);
    assert.equal(backlog.droppedBytes, 0);
  });
});

describe('a connection that does not do what it must', () => {
  /** A provider whose connections do what the test says. */
  function stage(waiting: () => number): {
    listener: SttListener<object>;
    connections: SttConnectionEvents[];
    failed: ProviderError[];
    pass(ms: number): void;
    close(): void;
  } {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval'] });
    let now = 0;
    const connections: SttConnectionEvents[] = [];
    const failed: ProviderError[] = [];
    const nothing = (): void => undefined;
    const listener = new SttListener<object>({
      provider: {
        name: 'acme',
        connect: (_settings, _hearing, events) => {
          connections.push(events);
          return {
            ...{ pieceBytes: 160, alwaysFlowing: false, answersAll: true, patienceMs: 3_000, quietMs: 1_000 },
            ...{ lifetimeMs: Infinity, pending: false, finished: false, overdue: () => undefined },
            ...{ send: nothing, keepAlive: nothing, farewell: nothing, close: nothing, terminate: nothing },
            get waiting() {
              return waiting();
            },
            unfinished: () => ({ text: '', words: [], fromMs: 0, heardMs: 0 }),
          } satisfies SttConnection;
        },
      },
      settings: () => settings,
      now: () => now,
      flowing: () => true,
      guard: (callback) => callback,
      events: {
        ...{ speechStarted: nothing, speechStopped: nothing, partial: nothing, eager: nothing, resumed: nothing },
        ...{ final: nothing, state: nothing, deaf: nothing },
        failed: (error) => failed.push(error),
      },
    });
    const pass = (ms: number): void => {
      for (let left = ms; left > 0; left -= 20) {
        now += 20;
        listener.hear(FRAME, now);
        mock.timers.tick(20);
      }
    };
    return { listener, connections, failed, pass, close: () => listener.close() };
  }
  const settings = {};
  afterEach(() => mock.timers.reset());

  it('is given 5.5 s to take audio, and then up for another', () => {
    const { connections, failed, pass, close } = stage(() => 0);
    pass(5_400);
    assert.deepEqual([connections.length, failed.length], [1, 0]);
    pass(200);
    assert.equal(failed[0]?.cause, 'timeout');
    assert.equal(connections.length, 2);
    close();
  });

  it('may have 4 s of audio in the network; with a byte more it is stuck', () => {
    let waiting = 32_000;
    const { connections, failed, pass, close } = stage(() => waiting);
    connections[0]?.opened();
    pass(1_000);
    assert.deepEqual([connections.length, failed.length], [1, 0]);
    waiting = 32_001;
    pass(200);
    assert.match(failed[0]?.message ?? '', /takes no more audio/);
    assert.equal(connections.length, 2);
    close();
  });
});

describe('a caller who cannot be heard', () => {
  it('is told so five times in a call, and no more', () => {
    const apologies = new Apologies();
    const backlog = new Backlog();
    const told: number[] = [];
    const { audio } = speakWords('hello');
    for (let now = 10_000; told.length < 20 && now < 300_000; now += 20_000) {
      for (let frame = 0; frame < 25; frame++) {
        backlog.append(audio.subarray(frame * 160, (frame + 1) * 160), now - 5_000 + frame * 20);
      }
      if (!apologies.isDue(now, undefined, false, backlog)) continue;
      assert.equal(apologies.make(now), true);
      told.push(now);
    }
    assert.equal(told.length, 5);
    assert.equal(apologies.make(1_000_000), false);
  });
});
