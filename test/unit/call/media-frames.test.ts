import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'mocha';
import { WebSocket, WebSocketServer } from 'ws';
import { MediaFrames } from '../../../nodes/call/carrier/media-frames';

const frames = new MediaFrames('{"event":"media","media":{"payload":"', '{"event":"mark","mark":{"name":');

/** What a carrier makes of the bytes: its WebSocket client is not ours. */
async function received(bytes: readonly Buffer[], count: number): Promise<unknown[]> {
  const server = http.createServer();
  const websockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  server.on('upgrade', (req, socket, head) =>
    websockets.handleUpgrade(req, socket, head, () => {
      for (const each of bytes) socket.write(each);
    }),
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  try {
    return await new Promise((resolve, reject) => {
      const messages: unknown[] = [];
      client.on('error', reject);
      client.on('message', (data, isBinary) => {
        assert.equal(isBinary, false);
        if (messages.push(JSON.parse((data as Buffer).toString('utf8'))) === count) resolve(messages);
      });
    });
  } finally {
    client.terminate();
    server.closeAllConnections();
    server.close();
  }
}

describe('Audio as ready-made WebSocket frames', () => {
  it('is read by a WebSocket client, whatever its length takes', async () => {
    const sizes = [0, 1, 61, 62, 63, 64, 65, 66, 160, 1_600, 49_110, 49_115, 49_120, 49_125, 200_000];
    const audio = sizes.map((size) => Buffer.from(Array.from({ length: size }, (_, i) => (i * 7 + size) & 0xff)));
    const messages = await received(
      audio.map((each) => frames.encode(each)),
      audio.length,
    );
    for (const [index, message] of messages.entries()) {
      const { event, media } = message as { event: string; media: { payload: string } };
      assert.equal(event, 'media');
      assert.deepEqual(Buffer.from(media.payload, 'base64'), audio[index]);
    }
  });

  it('has its mark behind it, whatever its name', async () => {
    const names = ['u1:0:1600', 'with "quotes" and \\', 'größe \u{1f600}', 'x'.repeat(200)];
    const messages = await received(
      names.map((name) => frames.encode(Buffer.alloc(160), name)),
      names.length * 2,
    );
    const marks = messages.filter((_, index) => index % 2 === 1);
    assert.deepEqual(
      marks,
      names.map((name) => ({ event: 'mark', mark: { name } })),
    );
  });
});
