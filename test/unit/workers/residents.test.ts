import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { registry } from '../../../nodes/call/heart';
import { addSlot } from '../../../nodes/call/lifecycle';
import type { CallInfo } from '../../../nodes/call/message';
import { packFrames } from '../../../nodes/call/workers/frames';
import type { MainLine } from '../../../nodes/call/workers/main-line';
import { toPlainError } from '../../../nodes/call/workers/plain-error';
import type { CallNews, ToMain } from '../../../nodes/call/workers/protocol';
import { Residents } from '../../../nodes/call/workers/thread/residents';
import { FakeInNode } from './pool-stage';

const info = (id: string): CallInfo => ({
  ...{ id, carrier: 'fake', direction: 'inbound', from: '+1555', to: '+1556', startedAt: 1, parameters: { shop: 'a' } },
  media: { encoding: 'mulaw', sampleRate: 8000 },
});

describe('the calls of a worker thread, as the main thread tells of them', () => {
  let residents: Residents;
  let inNode: FakeInNode;
  let told: ToMain[];
  let asked: string[];
  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout'] });
    [told, asked] = [[], []];
    const line: MainLine = {
      send: (item) => void told.push(item),
      frame: () => undefined,
      ask: (what, ...args) => {
        asked.push([what, ...args].join(' '));
        return Promise.resolve();
      },
    };
    residents = new Residents(line);
    inNode = new FakeInNode('residents-in', { parameters: '{}' });
    addSlot(inNode.slot);
  });
  afterEach(() => {
    for (const call of registry.all()) call.end('shutdown');
    // Their last words.
    mock.timers.tick(5_000);
    mock.timers.reset();
  });

  const open = (n: number, id: string): void =>
    residents.take({ t: 'open', n, info: info(id), ownerId: inNode.id, answer: undefined });
  const topics = (): unknown[] => inNode.sent.map(({ topic }) => topic);

  it('a call opens, and what happens to it is put on the wires of its in-node', () => {
    open(1, 'CA1');
    residents.take({ t: 'stream', n: 1, open: true, nth: 1 });
    residents.take({ t: 'emit', n: 1, topic: 'call.started', payload: { raw: {} } });
    residents.take({ t: 'digit', n: 1, digit: '5' });
    assert.deepEqual(topics(), ['call.started', 'call.dtmf']);
    assert.deepEqual((inNode.sent[0]?.call as CallInfo).parameters, { shop: 'a' });
    assert.equal(registry.get('CA1')?.state, 'live');
    assert.deepEqual(told, [{ t: 'stream-known', n: 1, nth: 1 }]);
  });

  it('frames go to the calls that they are of, and nowhere where there is none', () => {
    open(1, 'CA1');
    open(2, 'CA2');
    const frames = [2, 9, 1].map((n) => ({ n, audio: Buffer.alloc(160, n), mark: '' }));
    residents.frames(packFrames(frames));
    const heard = inNode.sent.map(({ call, payload }) => [(call as CallInfo).id, (payload as Buffer)[0]]);
    assert.deepEqual(heard, [['CA2', 2], ['CA1', 1]]); // prettier-ignore
  });

  it('a frame that makes a flow throw keeps none of another call', () => {
    open(1, 'CA1');
    open(2, 'CA2');
    const node = inNode.slot.instance?.node;
    assert.ok(node);
    const send = node.send.bind(node);
    node.send = (msg) => {
      const { topic, call } = msg as { topic: string; call: CallInfo };
      if (topic === 'audio' && call.id === 'CA1') throw new Error('odd wires');
      send(msg);
    };
    residents.frames(packFrames([1, 2].map((n) => ({ n, audio: Buffer.alloc(160), mark: '' }))));
    assert.equal(inNode.sent.length, 1);
    assert.match(inNode.errors[0]?.message ?? '', /odd wires/);
  });

  it('a call that is over at its carrier is over here, and that is told once', () => {
    open(1, 'CA1');
    residents.take({ t: 'end', n: 1, reason: 'caller-hangup' });
    residents.take({ t: 'end', n: 1, reason: 'stream-failed' });
    assert.deepEqual(told, [{ t: 'over', n: 1, reason: 'caller-hangup' }]);
    assert.deepEqual(topics(), ['call.ended']);
    assert.equal(residents.size, 0);
    residents.take({ t: 'digit', n: 1, digit: '5' });
    assert.deepEqual(topics(), ['call.ended'], 'nothing comes after it');
  });

  it('a call that ends here is ended at the carrier first', async () => {
    open(1, 'CA1');
    await registry.get('CA1')?.hangUp('max-duration', 'Bye.');
    assert.deepEqual(asked, ['hang-up 1 max-duration Bye.']);
    assert.deepEqual(told, [{ t: 'over', n: 1, reason: 'max-duration' }]);
  });

  it('a stream that is lost and comes again is known by its number', () => {
    open(1, 'CA1');
    const news: CallNews[] = [
      { t: 'stream', n: 1, open: true, nth: 1 },
      { t: 'stream', n: 1, open: false, nth: 1 },
      { t: 'stream', n: 1, open: true, nth: 2 },
    ];
    const { carrier } = registry.get('CA1') ?? {};
    const connected = news.map((each) => {
      residents.take(each);
      return carrier?.connected;
    });
    assert.deepEqual(connected, [true, false, true]);
    assert.deepEqual(told, [{ t: 'stream-known', n: 1, nth: 1 }, { t: 'stream-known', n: 1, nth: 2 }]); // prettier-ignore
  });

  it('a call that the carrier names is found by that name', () => {
    open(1, 'ours');
    residents.take({ t: 'named', n: 1, id: 'CA9' });
    assert.equal(registry.get('ours'), undefined);
    assert.equal(registry.get('CA9')?.info.id, 'CA9');
  });

  it('the caller is put through, and comes back', () => {
    open(1, 'CA1');
    residents.take({ t: 'stream', n: 1, open: true, nth: 1 });
    residents.take({ t: 'leave', n: 1, to: '+1557' });
    assert.equal(registry.get('CA1')?.state, 'away');
    residents.take({ t: 'stream', n: 1, open: true, nth: 2 });
    assert.equal(registry.get('CA1')?.state, 'live');
  });

  it("an error of the carrier's goes to the Catch nodes of this flow", () => {
    open(1, 'CA1');
    residents.take({ t: 'call-failed', n: 1, error: toPlainError(new Error('no stream came')) });
    assert.equal(inNode.errors[0]?.message, 'no stream came');
    assert.equal((inNode.errors[0].msg.call as CallInfo).id, 'CA1');
  });

  it('a call of a node that this flow does not have is over: nobody is left in silence', () => {
    residents.take({ t: 'open', n: 1, info: info('CA1'), ownerId: 'unknown', answer: undefined });
    assert.deepEqual(told, [{ t: 'over', n: 1, reason: 'flow-removed' }]);
    assert.equal(registry.get('CA1'), undefined);
  });

  it('a call that cannot be opened is over likewise, and told to Catch', () => {
    open(1, 'CA1');
    open(2, 'CA1');
    assert.deepEqual(told, [{ t: 'over', n: 2, reason: 'flow-removed' }]);
    assert.match(inNode.errors[0]?.message ?? '', /open already/);
    assert.equal(residents.size, 1);
  });
});
