import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import type { Carrier } from '../../../nodes/call/carrier';
import type { CarrierControl } from '../../../nodes/call/carrier/control';
import { dialHistory } from '../../../nodes/call/dial/history';
import { ProviderError } from '../../../nodes/call/errors';
import type { CallInfo } from '../../../nodes/call/message';
import { countPlaces } from '../../../nodes/call/tts/places';
import { Asks } from '../../../nodes/call/workers/thread/asks';
import type { MainLine } from '../../../nodes/call/workers/main-line';
import { RemoteCall } from '../../../nodes/call/workers/pool/remote-call';
import { RemoteCarrier } from '../../../nodes/call/workers/thread/remote-carrier';
import { RemotePlaces } from '../../../nodes/call/workers/thread/remote-places';
import { MainServices } from '../../../nodes/call/workers/pool/services';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const info = (id: string): CallInfo => ({
  id,
  carrier: 'fake',
  direction: 'inbound',
  from: '+15550001',
  to: '+15550002',
  startedAt: 0,
  parameters: {},
  media: { encoding: 'mulaw', sampleRate: 8000 },
});

/** A worker as far as it asks the main thread: what goes between them is cloned, as between threads. */
class Worker {
  readonly calls = new Map<number, RemoteCall>();
  readonly line: MainLine;
  readonly services: MainServices;

  constructor() {
    const asks = new Asks((ask) => this.services.take(structuredClone(ask)));
    this.services = new MainServices({
      call: (n) => this.calls.get(n),
      send: (answer) => asks.answered(structuredClone(answer)),
    });
    this.line = {
      send: () => undefined,
      frame: () => undefined,
      ask: (what, ...args) => asks.ask(what, ...args),
    };
  }
}

describe('what workers ask of the main thread', () => {
  let one: Worker;
  let other: Worker;
  /** Places that are held, beyond what other tests of this process hold. */
  let before: ReturnType<typeof countPlaces>;
  const held = (): { active: number; waiting: number } => {
    const { active, waiting } = countPlaces();
    return { active: active - before.active, waiting: waiting - before.waiting };
  };
  beforeEach(() => {
    one = new Worker();
    other = new Worker();
    dialHistory.clear();
    before = countPlaces();
  });

  describe("a TTS account's places are the process's, not a worker's", () => {
    it('of two, each worker gets one; a third waits until one is given back', async () => {
      const got: string[] = [];
      const key = 'tts:two';
      const first = new RemotePlaces(key, one.line).take(2, () => got.push('first'));
      const second = new RemotePlaces(key, other.line).take(2, () => got.push('second'));
      const third = new RemotePlaces(key, other.line).take(2, () => got.push('third'));
      await turn();
      assert.deepEqual([got, first.held, second.held, third.held], [['first', 'second'], true, true, false]);
      first.release();
      await turn();
      assert.deepEqual([got.at(-1), third.held], ['third', true]);
      second.release();
      third.release();
      await turn();
      assert.deepEqual(held(), { active: 0, waiting: 0 });
    });

    it('one that waits no longer is not given a place, and takes none from others', async () => {
      const key = 'tts:one';
      const places = new RemotePlaces(key, one.line);
      const first = places.take(1, () => undefined);
      let given = false;
      const second = places.take(1, () => (given = true));
      await turn();
      second.release();
      first.release();
      await turn();
      assert.deepEqual([given, second.held, held()], [false, false, { active: 0, waiting: 0 }]);
    });

    it('something aside takes one only where one was free when the last was given', async () => {
      const places = new RemotePlaces('tts:aside', one.line);
      assert.equal(places.tryTake(3), undefined, 'nothing is known yet');
      const first = places.take(2, () => undefined);
      await turn();
      const aside = places.tryTake(2);
      assert.equal(aside?.held, true);
      assert.equal(places.tryTake(2), undefined, 'both are taken');
      await turn();
      assert.equal(held().active, 2);
      first.release();
      aside?.release();
      await turn();
      assert.equal(held().active, 0);
    });

    it('what a worker held that is gone is free for the others', async () => {
      const key = 'tts:gone';
      new RemotePlaces(key, one.line).take(1, () => undefined);
      let given = false;
      const waiting = new RemotePlaces(key, other.line).take(1, () => (given = true));
      await turn();
      assert.equal(given, false);
      one.services.dispose();
      await turn();
      assert.equal(given, true);
      waiting.release();
      await turn();
    });
  });

  it('a number is dialled so often an hour, whichever worker dials it', async () => {
    const dial = (worker: Worker): Promise<unknown> => worker.line.ask('dial-turn', '+15551234567', 2);
    assert.deepEqual([await dial(one), await dial(other), await dial(one)], ['right', 'right', 'too-often']);
  });

  describe("a call's carrier", () => {
    let asked: unknown[][];
    let refusal: Error | undefined;
    let carrier: RemoteCarrier;

    beforeEach(() => {
      asked = [];
      refusal = undefined;
      const control = {
        pauseRecording: (id: string) => {
          asked.push(['pause', id]);
          return refusal ? Promise.reject(refusal) : Promise.resolve();
        },
        sendDigits: (digits: string) => {
          asked.push(['digits', digits]);
          return Promise.resolve(true);
        },
      } as unknown as CarrierControl;
      const real = {
        name: 'fake',
        connected: true,
        control,
        say: (text: string) => Promise.resolve(void asked.push(['say', text])),
        hangUp: (goodbye?: string, reason?: string) => Promise.resolve(void asked.push(['hang up', goodbye, reason])),
        dispose: () => asked.push(['dispose']),
      } as unknown as Carrier;
      const limits = { maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' };
      const host = { over: () => undefined, fail: () => undefined };
      one.calls.set(
        7,
        new RemoteCall(
          7,
          info('CA7'),
          real,
          'in',
          () => limits,
          () => '',
          host,
        ),
      );
      carrier = new RemoteCarrier(7, 'fake', one.line);
    });

    it('does what the flow asks, and answers', async () => {
      await carrier.control.pauseRecording('RE1');
      assert.equal(await carrier.control.sendDigits('12'), true);
      await carrier.say('One moment.');
      assert.deepEqual(asked, [
        ['pause', 'RE1'],
        ['digits', '12'],
        ['say', 'One moment.'],
      ]);
    });

    it("refuses in the carrier's own words, with all by which a flow decides", async () => {
      refusal = new ProviderError('twilio', 'bad-request', 'the recording is over', { code: 21220 });
      await assert.rejects(carrier.control.pauseRecording('RE1'), (err) => {
        assert.ok(err instanceof ProviderError);
        assert.deepEqual([err.message, err.cause, err.code, err.retryable], [refusal?.message, 'bad-request', '21220', false]); // prettier-ignore
        return true;
      });
    });

    it('hangs up, and the call is over on both sides', async () => {
      await carrier.hangUp('Goodbye.', 'agent-hangup');
      assert.deepEqual(asked, [['hang up', 'Goodbye.', 'agent-hangup'], ['dispose']]);
      assert.equal(one.calls.get(7)?.state, 'ended');
    });

    it('of a call that is not in this worker is not touched', async () => {
      const stray = new RemoteCarrier(8, 'fake', one.line);
      await assert.rejects(stray.control.pauseRecording('RE1'), /The call has ended/);
      assert.deepEqual(asked, []);
    });
  });

  it('what the main thread does not know is refused, and what throws is an answer', async () => {
    await assert.rejects(one.line.ask('weather'), /asked for weather/);
    await assert.rejects(one.line.ask('desk', 'nobody', 'deleteRecording', 'RE1'), /is not here any more/);
  });
});
