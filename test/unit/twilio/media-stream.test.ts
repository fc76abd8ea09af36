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
import { MediaStream } from '../../../nodes/twilio/media-stream';
import type { StreamStart } from '../../../nodes/twilio/media-stream';

const SID = 'MZ9c0ffee19c0ffee19c0ffee19c0ffee1';

function start(callSid = 'CA01'): object {
  const mediaFormat = { encoding: 'audio/x-mulaw', sampleRate: 8000, channels: 1 };
  const inner = { accountSid: 'AC1', streamSid: SID, callSid, tracks: ['inbound'], mediaFormat, customParameters: {} };
  return { event: 'start', sequenceNumber: '1', start: inner, streamSid: SID };
}

describe('a media stream', () => {
  let server: http.Server;
  let twilio: WebSocket;
  let stream: MediaStream;
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
        const listener = {
          started: (_stream: MediaStream, { streamSid }: StreamStart) => tell(`started ${streamSid}`),
          dtmf: (digit: string) => tell(`dtmf ${digit}`),
          mark: (name: string) => tell(`mark ${name}`),
          gone: () => tell('gone'),
        };
        stream = new MediaStream(websocket, 'CA01', listener, socket);
        stream.hearer = { audio: (payload) => (heard.push(payload), tell('audio')) };
      }),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    twilio = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
    await once(twilio, 'open');
  });

  afterEach(async () => {
    twilio.terminate();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });

  const say = (message: object | string): void =>
    twilio.send(typeof message === 'string' ? message : JSON.stringify(message));
  const until = async (what: string): Promise<void> => {
    while (!told.includes(what)) await new Promise<void>((resolve) => listening.push(resolve));
  };
  const media = (payload: string, more = {}): object => ({
    event: 'media',
    sequenceNumber: '3',
    media: { track: 'inbound', chunk: '2', timestamp: '87', payload, ...more },
    streamSid: SID,
  });

  it('tells what Twilio says, in the usual form and in any other', async () => {
    say({ event: 'connected', protocol: 'Call', version: '1.0.0' });
    say(media('AAAA'));
    say(start());
    const audio = Buffer.from(Array.from({ length: 160 }, (_, i) => i));
    say(media(audio.toString('base64')));
    say({ streamSid: SID, media: { payload: audio.toString('base64') }, event: 'media' });
    say(JSON.stringify(media('/v7+')).replace('/v7+', '\\/v7+'));
    say({ media: { track: 'outbound', payload: 'AAAA' }, event: 'media' });
    say({ event: 'dtmf', streamSid: SID, sequenceNumber: '41', dtmf: { track: 'inbound_track', digit: '5' } });
    say({ event: 'something-new', x: 1 });
    say({ event: 'mark', sequenceNumber: '96', streamSid: SID, mark: { name: 'ü:1' } });
    say({ event: 'stop', streamSid: SID });
    await until('gone');
    assert.deepEqual(told, [`started ${SID}`, 'audio', 'audio', 'audio', 'dtmf 5', 'mark ü:1', 'gone']);
    assert.deepEqual(heard, [audio, audio, Buffer.from('/v7+', 'base64')]);
  });

  it('plays, marks and clears in the words of the contract, one message each', async () => {
    say(start());
    await until(`started ${SID}`);
    const messages: unknown[] = [];
    twilio.on('message', (data: Buffer) => messages.push(JSON.parse(data.toString())));
    stream.play(Buffer.alloc(1600, 0x7f));
    stream.mark('u"1');
    stream.clear();
    stream.close();
    await once(twilio, 'close');
    assert.deepEqual(messages, [
      { event: 'media', streamSid: SID, media: { payload: Buffer.alloc(1600, 0x7f).toString('base64') } },
      { event: 'mark', streamSid: SID, mark: { name: 'u"1' } },
      { event: 'clear', streamSid: SID },
    ]);
    assert.equal(stream.open, false);
  });

  it('of another call, with other audio, or without start in time is closed and counted', async () => {
    const before = refused.start;
    say(start('CA02'));
    const [code] = (await once(twilio, 'close')) as [number];
    assert.equal(code, 1008);
    assert.equal(refused.start, before + 1);
    assert.equal(stream.open, false);
  });

  it('without a start is closed after 10 s', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    try {
      const other = new WebSocket(twilio.url);
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

  it('that sends binary, giant or broken frames is refused, counted, and leaves nothing', async () => {
    const { binary, malformed } = refused;
    say(start());
    say('no JSON');
    say('[1]');
    say({ event: 'mark', mark: {} });
    await until(`started ${SID}`);
    twilio.send(Buffer.from([1, 2, 3]));
    const [code] = (await once(twilio, 'close')) as [number];
    assert.equal(code, 1003);
    await until('gone');
    assert.equal(refused.binary, binary + 1);
    assert.equal(refused.malformed, malformed + 3);
  });

  it('takes a frame of 64 kB, and closes on one of a byte more', async () => {
    const { oversized } = refused;
    say(start());
    const empty = JSON.stringify(media('')).length;
    say(media('A'.repeat(65_536 - empty)));
    await until('audio');
    say(media('A'.repeat(65_537 - empty)));
    const [code] = (await once(twilio, 'close')) as [number];
    assert.equal(code, 1009);
    await until('gone');
    assert.equal(refused.oversized, oversized + 1);
  });

  it('drops audio, and counts it, when the socket takes no more', () => {
    const sent: string[] = [];
    const full = Object.assign(new EventEmitter(), {
      readyState: WebSocket.OPEN,
      bufferedAmount: 0,
      send: (text: string) => sent.push(text),
    });
    const tcp = { write: (frames: Buffer) => sent.push(frames.toString('latin1')) };
    const nobody = {
      started: () => undefined,
      dtmf: () => undefined,
      mark: () => undefined,
      gone: () => undefined,
    };
    const slow = new MediaStream(full as unknown as WebSocket, 'CA01', nobody, tcp as unknown as Writable);
    full.emit('message', Buffer.from(JSON.stringify(start())), false);
    const { backpressure } = refused;
    full.bufferedAmount = 4 * 1024 * 1024;
    slow.play(Buffer.alloc(160));
    full.bufferedAmount++;
    slow.play(Buffer.alloc(160));
    slow.clear();
    assert.equal(refused.backpressure, backpressure + 1);
    assert.equal(sent.length, 2, 'a clear always goes out');
  });
});
