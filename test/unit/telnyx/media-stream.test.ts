import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Writable } from 'node:stream';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { WebSocket } from 'ws';
import { mediaServer } from '../../../nodes/call/carrier/media-socket';
import { refused } from '../../../nodes/call/refused';
import { TelnyxStream } from '../../../nodes/telnyx/media-stream';

const CALL = 'v3:Qm9ndXNDYWxs';
const STREAM = '6c1b0a9f-8e7d-4c6b-a5f4-d3e2c1b0a998';

function start(callControlId = CALL, format: object = { encoding: 'PCMU', sample_rate: 8000, channels: 1 }): object {
  const inner = { user_id: 'u', call_control_id: callControlId, tags: [], client_state: null, media_format: format };
  return { event: 'start', sequence_number: '1', start: inner, stream_id: STREAM };
}

describe("Telnyx's media stream", () => {
  let server: http.Server;
  let telnyx: WebSocket;
  let stream: TelnyxStream;
  let told: string[];
  let heard: Buffer[];
  let listening: (() => void)[];

  beforeEach(async () => {
    told = [];
    heard = [];
    listening = [];
    const tell = (what: string): void => {
      told.push(what);
      for (const wake of listening.splice(0)) wake();
    };
    server = http.createServer();
    server.on('upgrade', (req, socket, head) =>
      mediaServer.handleUpgrade(req, socket, head, (websocket) => {
        stream = new TelnyxStream(
          websocket,
          CALL,
          {
            started: (_stream, { streamId, raw }) => tell(`started ${streamId} ${String(raw.user_id)}`),
            dtmf: (digit) => tell(`dtmf ${digit}`),
            mark: (name) => tell(`mark ${name}`),
            error: ({ code, title, detail }) => tell(`error ${code} ${title}: ${detail}`),
            gone: () => tell('gone'),
          },
          socket,
        );
        stream.hearer = { audio: (payload) => (heard.push(payload), tell('audio')) };
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    telnyx = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(telnyx, 'open');
  });

  afterEach(async () => {
    telnyx.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const say = (message: object | string): void =>
    telnyx.send(typeof message === 'string' ? message : JSON.stringify(message));
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what)) await new Promise<void>((resolve) => listening.push(resolve));
  };
  const media = (chunk: number, payload: string, more = {}): object => ({
    event: 'media',
    sequence_number: String(chunk + 1),
    media: { track: 'inbound', chunk: String(chunk), timestamp: '120', payload, ...more },
    stream_id: STREAM,
  });

  it('tells what Telnyx says, in the usual form and in any other', async () => {
    say({ event: 'connected', version: '1.0.0' });
    say(media(1, 'AAAA'));
    say(start());
    const audio = Buffer.from(Array.from({ length: 160 }, (_, i) => i));
    say(media(2, audio.toString('base64')));
    await until('audio');
    say({ stream_id: STREAM, media: { payload: '/v7+', chunk: '3', track: 'inbound' }, event: 'media' });
    say(JSON.stringify(media(4, '/v7+')).replace('/v7+', '\\/v7+'));
    say(media(5, '/v7+', { chunk: 5 }));
    say(media(1, 'AAAA', { track: 'outbound' }));
    say({ event: 'media', media: { track: 'inbound', payload: '/f39' } });
    say({ event: 'dtmf', stream_id: STREAM, occurred_at: '2026-11-22T09:40:21.220410Z', dtmf: { digit: '5' } });
    say({ event: 'something-new', x: 1 });
    say({ event: 'mark', sequence_number: '96', stream_id: STREAM, mark: { name: 'ü:1' } });
    say({ event: 'error', payload: { code: 100004, title: 'invalid_media', detail: 'no base64' }, stream_id: STREAM });
    say({ event: 'stop', stop: { call_control_id: CALL }, stream_id: STREAM });
    await until('gone');
    assert.deepEqual(told, [
      `started ${STREAM} u`,
      ...['audio', 'audio', 'audio', 'audio', 'audio'],
      ...['dtmf 5', 'mark ü:1', 'error 100004 invalid_media: no base64', 'gone'],
    ]);
    const sent = [audio, ...['/v7+', '/v7+', '/v7+', '/f39'].map((text) => Buffer.from(text, 'base64'))];
    assert.deepEqual(heard, sent);
  });

  it('delivers what waits behind a gap before it tells of its end', async () => {
    say(start());
    say(media(1, 'AAAA'));
    say(media(3, 'AwMD'));
    say({ event: 'stop', stop: {}, stream_id: STREAM });
    await until('gone');
    assert.deepEqual(told.slice(1), ['audio', 'audio', 'gone']);
  });

  it('plays, marks and clears in the words of the contract, one message each', async () => {
    say(start());
    await until(`started ${STREAM} u`);
    const messages: unknown[] = [];
    telnyx.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    stream.play(Buffer.alloc(1600, 0x7f), 'u1:0:1600');
    stream.mark('u"1');
    stream.clear();
    stream.close();
    await once(telnyx, 'close');
    assert.deepEqual(messages, [
      { event: 'media', media: { payload: Buffer.alloc(1600, 0x7f).toString('base64') } },
      { event: 'mark', mark: { name: 'u1:0:1600' } },
      { event: 'mark', mark: { name: 'u"1' } },
      { event: 'clear' },
    ]);
    assert.equal(stream.open, false);
  });

  it('sends 30 s of audio in one message, and more in several', async () => {
    say(start());
    await until(`started ${STREAM} u`);
    const sizes: number[] = [];
    telnyx.on('message', (data: Buffer) => {
      const { media: sent } = JSON.parse(data.toString()) as { media?: { payload: string } };
      sizes.push(sent ? Buffer.from(sent.payload, 'base64').length : 0);
    });
    stream.play(Buffer.alloc(240_000), 'a');
    stream.play(Buffer.alloc(240_160), 'b');
    stream.close();
    await once(telnyx, 'close');
    assert.deepEqual(sizes, [240_000, 0, 240_000, 160, 0]);
  });

  for (const [what, first] of [
    ['of another call', start('v3:other')],
    ['with other audio', start(CALL, { encoding: 'L16', sample_rate: 16_000, channels: 1 })],
    ['at another rate', start(CALL, { encoding: 'PCMU', sample_rate: 16_000, channels: 1 })],
    ['of nobody', { event: 'start' }],
  ] as const) {
    it(`${what} is closed and counted`, async () => {
      const before = refused.start;
      say(first);
      const [code] = (await once(telnyx, 'close')) as [number];
      assert.equal(code, 1008);
      assert.equal(refused.start, before + 1);
      assert.equal(stream.open, false);
      await until('gone');
    });
  }

  it("takes the encoding's older name", async () => {
    say(start(CALL, { encoding: 'audio/x-mulaw', sample_rate: 8000 }));
    await until(`started ${STREAM} u`);
  });

  it('without a start is closed after 10 s', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const other = new WebSocket(telnyx.url);
      await once(other, 'open');
      mock.timers.tick(9_999);
      assert.equal(other.readyState, WebSocket.OPEN);
      mock.timers.tick(1);
      const [code] = (await once(other, 'close')) as [number];
      assert.equal(code, 1008);
    } finally {
      mock.timers.reset();
    }
  });

  it('that sends binary or broken frames is refused, counted, and leaves nothing', async () => {
    const { binary, malformed } = refused;
    say(start());
    say('no JSON');
    say('[1]');
    say({ event: 'mark', mark: {} });
    say({ event: 'media', media: {} });
    await until(`started ${STREAM} u`);
    telnyx.send(Buffer.from([1, 2, 3]));
    const [code] = (await once(telnyx, 'close')) as [number];
    assert.equal(code, 1003);
    await until('gone');
    assert.equal(refused.binary, binary + 1);
    assert.equal(refused.malformed, malformed + 4);
  });

  it('takes a frame of 64 kB, and closes on a larger one', async () => {
    const { oversized } = refused;
    say(start());
    const empty = JSON.stringify(media(1, '')).length;
    say(media(1, 'A'.repeat(65_536 - empty)));
    await until('audio');
    say(media(2, 'A'.repeat(65_537 - empty)));
    const [code] = (await once(telnyx, 'close')) as [number];
    assert.equal(code, 1009);
    await until('gone');
    assert.equal(refused.oversized, oversized + 1);
    assert.equal(heard.length, 1);
  });

  it('drops audio, and counts it, when the socket takes no more', () => {
    const sent: string[] = [];
    const send = (text: string | Buffer): number => sent.push(String(text));
    const full = Object.assign(new EventEmitter(), { readyState: WebSocket.OPEN, bufferedAmount: 0, send });
    const nobody = (): undefined => undefined;
    const slow = new TelnyxStream(
      full as unknown as WebSocket,
      CALL,
      {
        ...{ started: nobody, dtmf: nobody, mark: nobody, error: nobody, gone: nobody },
      },
      { write: send } as unknown as Writable,
    );
    full.emit('message', Buffer.from(JSON.stringify(start())), false);
    const { backpressure } = refused;
    slow.play(Buffer.alloc(160));
    full.bufferedAmount = 4 * 1024 * 1024;
    slow.play(Buffer.alloc(160));
    full.bufferedAmount++;
    slow.play(Buffer.alloc(160));
    slow.clear();
    assert.equal(refused.backpressure, backpressure + 1);
    assert.equal(sent.length, 3, 'a clear always goes out');
  });
});
