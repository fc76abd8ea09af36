import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import callControl from '../../nodes/call/call-control';
import type { CarriedCall } from '../../nodes/call/carried-call';
import type { Carrier } from '../../nodes/call/carrier';
import { registry } from '../../nodes/call/heart';
import type { CallInfo } from '../../nodes/call/message';
import { registerVoiceNode } from '../../nodes/call/node';
import { Session } from '../../nodes/call/session';
import { connectHomes, receiveFromMain, receiveUndelivered, toMain } from '../../nodes/call/workers/elsewhere';
import { ForeignNodes } from '../../nodes/call/workers/pool/foreign-nodes';
import { connectMain } from '../../nodes/call/workers/main-line';
import type { MainLine } from '../../nodes/call/workers/main-line';
import type { Delivery, ToMain, Undelivered } from '../../nodes/call/workers/protocol';
import { FakeRed } from './twilio-red';
import type { Message } from './twilio-red';
import type { Node } from 'node-red';

class Passing extends Session<object> {
  receive(): 'pass' {
    return 'pass';
  }
  protected release(): void {}
}

function info(id: string): CallInfo {
  return { id, carrier: 'fake', direction: 'inbound', from: '', to: '', startedAt: 0, parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } }; // prettier-ignore
}

const LIMITS = { maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' };

describe('a message that reaches a node where its call does not live', () => {
  let red: FakeRed;
  const home = { gone: false, runs: (id: string) => id !== 'added', sent: [] as (Delivery | Undelivered)[], send: (item: Delivery | Undelivered) => void home.sent.push(structuredClone(item)) }; // prettier-ignore

  beforeEach(async () => {
    red = new FakeRed();
    callControl(red.api());
    const passing = { settings: () => ({}), session: (...args: ConstructorParameters<typeof Passing>) => new Passing(...args) }; // prettier-ignore
    registerVoiceNode<object>(red.api(), { type: 'passing', ...passing });
    await red.deploy([
      { id: 'node', type: 'passing', wires: [['out']] },
      { id: 'added', type: 'passing', wires: [['out']] },
      { id: 'control', type: 'call-control', wires: [['out']] },
      { id: 'digits', type: 'call-control', action: 'digits', wires: [['out']] },
      { id: 'out', type: 'watch' },
    ]);
    home.sent.length = 0;
    home.gone = false;
  });
  afterEach(async () => {
    connectMain(undefined as unknown as MainLine);
    connectHomes({ homeOf: () => undefined });
    for (const call of registry.everywhere()) call.end('shutdown');
    await red.deploy([]);
  });

  const give = (node: string, msg: object): void => red.node(node)?.receive(msg as Message);
  const words = (): string[] => red.errors.map(({ err }) => err.message);

  describe('in the main thread', () => {
    const ended = (call: CarriedCall): void => registry.left(call);
    beforeEach(() => {
      const call = { info: info('CA1'), state: 'live', end: () => ended(call) } as unknown as CarriedCall;
      registry.enter(call);
      connectHomes({ homeOf: (id) => (id === 'CA1' ? home : undefined) });
    });

    it('goes to the same node in the worker in which it lives', () => {
      give('node', { _msgid: 'a', topic: 'note', payload: 'x', call: { id: 'CA1' } });
      give('node', { _msgid: 'b', topic: 'call.recording', payload: {}, call: { id: 'CA1' } });
      assert.deepEqual(
        home.sent.map(({ t, node, msg }) => [t, ...node, msg._msgid]),
        [
          ['deliver', 'node', 'a'],
          ['deliver', 'node', 'b'],
        ],
      );
      assert.deepEqual([words(), red.node('out')?.received], [[], []]);
    });

    it('goes there, however it names the call, if call-control is asked for something', () => {
      for (const call of [{ call: { id: 'CA1' } }, { call: 'CA1' }, { callId: ' CA1 ' }]) {
        give('control', { action: 'hang-up', ...call });
      }
      // Whether it is right is for the worker to say, where other settings may hold.
      give('digits', { digits: '12x', callId: 'CA1' });
      give('control', { topic: 'turn', payload: 'hello', call: { id: 'CA1' } });
      assert.deepEqual(
        home.sent.map(({ node }) => node),
        [['control'], ['control'], ['control'], ['digits'], ['control']],
      );
      assert.deepEqual(words(), []);
    });

    it('goes nowhere if its worker is gone, or nobody has the call: it is counted, or refused in words', () => {
      const { dropped } = registry;
      home.gone = true;
      give('node', { topic: 'note', call: { id: 'CA1' } });
      give('node', { topic: 'note', call: { id: 'CA2' } });
      give('control', { action: 'hang-up', callId: 'CA2' });
      home.gone = false;
      // By a Deploy, after the call had begun.
      give('added', { topic: 'note', call: { id: 'CA1' } });
      assert.equal(registry.dropped, dropped + 3);
      assert.match(words()[0] ?? '', /there is no call of this id here/);
      assert.deepEqual(home.sent, []);
    });

    it('is not sent back to the worker that asks for it', () => {
      const { dropped } = registry;
      const homes = { homeOf: () => home };
      connectHomes(homes);
      const foreign = new ForeignNodes(red.api(), homes);
      foreign.take({ t: 'elsewhere', node: ['node'], msg: { topic: 'note', call: { id: 'CA7' } } }, home);
      foreign.take({ t: 'elsewhere', node: ['control'], msg: { action: 'hang-up', callId: 'CA7' } }, home);
      assert.deepEqual(home.sent, []);
      assert.equal(registry.dropped, dropped + 1);
      assert.match(words()[0] ?? '', /there is no call of this id here/);
    });

    it('is an error in words where it bears what cannot go there', () => {
      give('node', { topic: 'note', call: { id: 'CA1' }, res: { send: () => undefined } });
      assert.match(words()[0] ?? '', /^workers: msg\.res\.send is a function and cannot go to the worker thread/);
      assert.equal(red.errors[0]?.id, 'node');
    });
  });

  describe('in a worker', () => {
    const sent: ToMain[] = [];
    const find = (id: string): Node => red.node(id) as unknown as Node;
    beforeEach(() => {
      sent.length = 0;
      const send = (item: ToMain): void => void sent.push(structuredClone(item));
      connectMain({ send, frame: () => undefined, ask: () => Promise.resolve() });
    });

    it('goes to the main thread, which knows where the call lives', () => {
      give('node', { topic: 'note', call: { id: 'CA5' } });
      give('control', { action: 'hang-up', callId: 'CA5' });
      assert.deepEqual(sent, [
        { t: 'elsewhere', node: ['node'], msg: { topic: 'note', call: { id: 'CA5' } } },
        { t: 'elsewhere', node: ['control'], msg: { action: 'hang-up', callId: 'CA5' } },
      ]);
      assert.deepEqual(words(), []);
    });

    it('stays if the call has ended there: nobody else has it', () => {
      registry.open(info('CA6'), { dispose: () => undefined } as unknown as Carrier, 'in', () => LIMITS).end('silence');
      // What is still known of it here goes on its way.
      give('node', { topic: 'note', call: { id: 'CA6' } });
      give('control', { action: 'hang-up', callId: 'CA6' });
      assert.deepEqual(sent, []);
      assert.match(words()[0] ?? '', /the call has ended already/);
    });

    it('is not sent on once more by who is asked for the call and does not have it', () => {
      const { dropped } = registry;
      const msg = { topic: 'note', call: { id: 'CA5' } };
      receiveFromMain(find, { t: 'deliver', node: ['node'], msg });
      receiveFromMain(find, { t: 'deliver', node: ['control'], msg: { action: 'hang-up', callId: 'CA5' } });
      assert.deepEqual(sent, []);
      assert.equal(registry.dropped, dropped + 1);
      assert.match(words()[0] ?? '', /there is no call of this id here/);
      receiveFromMain(find, { t: 'deliver', node: ['deleted'], msg });
      assert.equal(registry.dropped, dropped + 2);
    });

    it('comes from the main thread as it left there, with its Buffers', () => {
      receiveFromMain(find, { t: 'deliver', node: ['out'], msg: { payload: new Uint8Array([7]) } });
      assert.deepEqual(red.node('out')?.received[0]?.payload, Buffer.from([7]));
    });

    it('goes on there as a report that comes after the end of a call which lived elsewhere', () => {
      const out = red.sent('node', 0, () => true);
      give('node', { topic: 'call.recording', payload: {}, call: { id: 'CA5' } });
      assert.deepEqual(sent, []);
      return out;
    });
  });

  describe('and for a node that runs in the main runtime alone', () => {
    const proxy = { id: 'out' };
    const find = (id: string): Node => red.node(id) as unknown as Node;
    const sent: ToMain[] = [];
    beforeEach(() => {
      sent.length = 0;
      const send = (item: ToMain): void => void sent.push(item);
      connectMain({ send, frame: () => undefined, ask: () => Promise.resolve() });
    });

    it('goes there, as a copy of its own', () => {
      const msg = { payload: Buffer.alloc(8_000).subarray(0, 160), call: { id: 'CA1' } };
      toMain(proxy, msg);
      const [item] = sent as Delivery[];
      assert.deepEqual([item?.t, item?.node, item?.msg], ['deliver', ['out'], msg]);
      assert.equal((item?.msg.payload as Buffer).buffer.byteLength, 160);
    });

    it('is refused with the field that cannot go there, and what to do', () => {
      assert.throws(() => toMain(proxy, { call: { id: 'CA1' }, req: new (class Request { x = () => 1; })() }), {
        message: /^workers: msg\.req is an object of class Request and cannot go to this node, which runs in the main runtime: delete it before/,
        call: 'CA1',
      }); // prettier-ignore
      assert.deepEqual(sent, []);
    });

    it('comes back to Catch if its node is not there', () => {
      const msg = { payload: new Uint8Array([1]), call: { id: 'CA1' } };
      const error = { message: 'The node out is not deployed', stack: undefined };
      receiveUndelivered(find, { t: 'undelivered', node: ['out'], msg, error });
      assert.deepEqual(words(), ['The node out is not deployed']);
      assert.ok(Buffer.isBuffer(red.errors[0]?.msg?.payload));
    });
  });
});
