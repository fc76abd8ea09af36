import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server, ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { httpFetch } from '../../../nodes/agent/http-fetch';
import { askRest } from '../../../nodes/call/carrier/rest';
import { ProviderError } from '../../../nodes/call/errors';
import { until } from './utterance';

describe('how much of an answer is read', () => {
  let server: Server;
  let url: string;
  let answer: (response: ServerResponse) => void;
  const connections = new Set<Socket>();

  beforeEach(async () => {
    server = createServer((_request, response) => answer(response));
    server.on('connection', (connection) => {
      connections.add(connection);
      connection.on('close', () => connections.delete(connection));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Writes without end, as long as somebody reads. */
  const endless = (status: number) => (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.on('error', () => undefined);
    const more = (): void => {
      while (!response.destroyed && response.write('x'.repeat(65_536)));
    };
    response.on('drain', more);
    more();
  };
  const ask = (): Promise<Record<string, unknown>> =>
    askRest({
      ...{ provider: 'acme', url, method: 'GET', headers: {} },
      refusal: (status) => new ProviderError('acme', 'unavailable', `refused (${status})`),
    });

  it('a carrier may answer with 1 MB; of more only the status counts', async () => {
    const shell = '{"status":""}'.length;
    const body = (bytes: number): string => JSON.stringify({ status: 'x'.repeat(bytes - shell) });
    answer = (response) => response.end(body(1_048_576));
    assert.equal((await ask()).status, 'x'.repeat(1_048_576 - shell));
    answer = (response) => response.end(body(1_048_577));
    assert.deepEqual(await ask(), {});
  });

  it('a carrier that answers without end is not listened to: neither its yes nor its no takes longer', async () => {
    answer = endless(200);
    assert.deepEqual(await ask(), {});
    answer = endless(503);
    await assert.rejects(ask(), /refused \(503\)/);
    await until('both connections are closed', () => connections.size === 0);
  });

  it("of a model's error 64 kB are read, and its connection is closed", async () => {
    answer = (response) => response.writeHead(500).end('x'.repeat(65_536));
    assert.equal((await (await httpFetch(url)).text()).length, 65_536);
    answer = endless(500);
    assert.equal((await (await httpFetch(url)).text()).length, 65_536);
    await until('only the kept connection is left', () => connections.size <= 1);
  });
});
