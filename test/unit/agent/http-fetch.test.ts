import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { agents, httpFetch } from '../../../nodes/agent/http-fetch';

describe('The connection to the model', () => {
  let server: http.Server;
  let answer: (response: http.ServerResponse, request: http.IncomingMessage) => void;
  let connections: Socket[];

  beforeEach(async () => {
    connections = [];
    server = http.createServer((request, response) => answer(response, request));
    server.on('connection', (socket) => connections.push(socket));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  const url = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

  /** Reads until the mark at which the SDK stops. */
  async function readToDone(signal?: AbortSignal): Promise<string> {
    const response = await httpFetch(url(), { method: 'POST', body: '{}', ...(signal && { signal }) });
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Buffer>) {
      text += chunk.toString();
      if (text.includes('[DONE]')) break;
    }
    return text;
  }

  it('serves one turn after another, though the end of an answer comes in a packet of its own', async () => {
    let end: () => void = () => undefined;
    answer = (response) => {
      response.write('data: word\n\n');
      response.write('data: [DONE]\n\n');
      end = () => response.end();
    };
    for (let turn = 0; turn < 3; turn++) {
      assert.match(await readToDone(), /word[^]*\[DONE\]/);
      const free = once(agents['http:'], 'free');
      end();
      await free;
    }
    assert.equal(connections.length, 1);
  });

  it('is closed when what is left of an answer does not end', async () => {
    answer = (response) => {
      response.write('data: [DONE]\n\n');
      const more = setInterval(() => response.write('x'.repeat(16_384)), 1);
      response.on('close', () => clearInterval(more));
    };
    await readToDone();
    const [socket] = connections;
    assert.ok(socket);
    if (!socket.destroyed) await once(socket, 'close');
  });

  it('a line of 4 MB is read, one byte more without an end is none: the connection is closed', async () => {
    const read = async (bytes: number): Promise<number> => {
      answer = (response) => {
        response.write('data: short\n');
        response.write(Buffer.alloc(bytes, 'x'));
      };
      const response = await httpFetch(url());
      let size = -'data: short\n'.length;
      for await (const chunk of response.body as unknown as AsyncIterable<Buffer>) {
        size += chunk.length;
        if (size === 4_194_304 && bytes === size) break;
      }
      return size;
    };
    assert.equal(await read(4_194_304), 4_194_304);
    await assert.rejects(read(4_194_305), { cause: 'protocol', message: /a line of the answer has no end/ });
    const socket = connections.at(-1);
    assert.ok(socket);
    if (!socket.destroyed) await once(socket, 'close');
  });

  it('is closed at once when the request is aborted, before the answer and in its midst', async () => {
    const asked = new Promise<http.ServerResponse>((resolve) => (answer = resolve));
    const early = new AbortController();
    const first = httpFetch(url(), { signal: early.signal });
    const response = await asked;
    early.abort();
    await assert.rejects(first, { name: 'AbortError' });
    if (!response.destroyed) await once(response, 'close');

    const late = new AbortController();
    const closed = new Promise<void>((resolve) => {
      answer = (stream) => {
        stream.write('data: word\n\n');
        stream.on('close', resolve);
      };
    });
    const second = await httpFetch(url(), { signal: late.signal });
    const body = (second.body as unknown as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    assert.equal((await body.next()).done, false);
    const next = body.next();
    late.abort();
    await assert.rejects(next);
    await closed;
    await assert.rejects(httpFetch(url(), { signal: late.signal }), { name: 'AbortError' });
  });

  it('tells a reader of an answer that breaks off, and makes a fast sender wait', async () => {
    const all = 50_000_000;
    let sent = 0;
    let waits: () => void = () => undefined;
    const waiting = new Promise<void>((resolve) => (waits = resolve));
    answer = (response) => {
      const fill = (): void => {
        while (sent < all) {
          sent += 65_536;
          // The network has taken nothing for a second: it is full, up to the reader.
          if (response.write(Buffer.alloc(65_536))) continue;
          const timer = setTimeout(waits, 1_000);
          return void response.once('drain', () => {
            clearTimeout(timer);
            fill();
          });
        }
        response.destroy();
      };
      fill();
    };
    const response = await httpFetch(url());
    const body = (response.body as unknown as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
    await body.next();
    await waiting;
    assert.ok(sent < all, `${sent} bytes were taken that nobody had read`);
    await assert.rejects(async () => {
      for (;;) if ((await body.next()).done) return;
    });
  });
});
