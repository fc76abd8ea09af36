import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ProviderError } from '../../../nodes/call/errors';
import { fetchAudio, MAX_RECORDING_BYTES } from '../../../nodes/call/carrier/recorded-audio';

describe('the sound of a recording', () => {
  let server: http.Server;
  let answer: (request: http.IncomingMessage, response: http.ServerResponse) => void;
  let keys: (string | undefined)[];
  beforeEach(async () => {
    keys = [];
    server = http.createServer((request, response) => {
      keys.push(request.headers.authorization);
      answer(request, response);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const fetched = (more: object = {}): ReturnType<typeof fetchAudio> =>
    fetchAudio({
      provider: 'acme',
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/a.wav`,
      headers: { authorization: 'Basic key' },
      refusal: (status) => new ProviderError('acme', 'bad-request', `refused: ${status}`, { advice: '.' }),
      ...more,
    });

  it('comes whole, with what it is', async () => {
    answer = (_request, response) => response.writeHead(200, { 'content-type': 'audio/x-wav' }).end('sound');
    const { audio, contentType } = await fetched();
    assert.deepEqual([audio.toString(), contentType], ['sound', 'audio/x-wav']);
    assert.deepEqual(keys, ['Basic key']);
  });

  it('takes as many bytes as allowed, and not one more', async () => {
    assert.equal(MAX_RECORDING_BYTES, 256 * 1024 * 1024);
    answer = (_request, response) => response.writeHead(200).end(Buffer.alloc(1_000));
    assert.equal((await fetched({ maxBytes: 1_000 })).audio.length, 1_000);
    await assert.rejects(fetched({ maxBytes: 999 }), /acme: the recording is longer than 0 MB/);
  });

  it('does not follow to another place with the key', async () => {
    answer = (_request, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    await assert.rejects(fetched(), /could not be fetched/);
    assert.equal(keys.length, 1);
  });

  it('that does not come in time, or is refused, is told in words', async () => {
    answer = () => undefined;
    await assert.rejects(fetched({ timeoutMs: 100 }), /acme: the recording was not there within 0\.1 s/);
    answer = (_request, response) => response.writeHead(404).end();
    await assert.rejects(fetched(), /acme: refused: 404\./);
    answer = (_request, response) => response.destroy();
    await assert.rejects(fetched(), /could not be fetched/);
  });
});
