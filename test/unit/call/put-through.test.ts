import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { Call } from '../../../nodes/call/call';
import type { CallEvent } from '../../../nodes/call/call';
import { CarrierCall } from '../../../nodes/call/carrier/call';
import type { CarrierHost } from '../../../nodes/call/carrier/call';
import type { Hearer } from '../../../nodes/call/carrier/media-socket';
import type { CarrierControl, TransferOrder, TransferOutcome } from '../../../nodes/call/carrier/control';
import { ProviderError } from '../../../nodes/call/errors';
import type { EndReason } from '../../../nodes/call/message';
import { Tokens } from '../../../nodes/call/carrier/tokens';

class Stream {
  open = true;
  hearer: Hearer | undefined;
  close(): void {
    this.open = false;
  }
}

/** A carrier's call whose carrier is the test. */
class TestedCall extends CarrierCall<Stream, CarrierHost> {
  readonly name = 'fake';
  readonly control = {} as CarrierControl;
  protected readonly streamAdvice = '';
  /** What the carrier answers when it is asked whether the call still lives. */
  lives: EndReason | undefined;
  asked = 0;
  abandoned = 0;
  get connected(): boolean {
    return this.stream !== undefined;
  }
  play(): void {}
  mark(): void {}
  clear(): void {}
  protected get offered(): Record<string, unknown> {
    return {};
  }
  protected ask(): Promise<EndReason | undefined> {
    this.asked++;
    return Promise.resolve(this.lives);
  }
  protected leave(): Promise<void> {
    return Promise.resolve();
  }
  protected abandon(): void {
    this.abandoned++;
  }
  protected speak(): Promise<void> {
    return Promise.resolve();
  }

  starts(stream = new Stream()): Stream {
    this.streams.add(stream);
    this.onStarted(stream, { raw: {} });
    return stream;
  }
  goes(stream: Stream): void {
    this.onGone(stream);
  }
  put(ask: () => Promise<void>): Promise<void> {
    return this.putThrough(ORDER, ask);
  }
  back(outcome: TransferOutcome): boolean {
    return this.comesBack(outcome);
  }
  answered(): void {
    this.transferAnswered = true;
  }
  reason(): EndReason {
    return this.reasonOf('caller-hangup');
  }
  digit(key: string): void {
    this.onDigit(key);
  }
}

const ORDER: TransferOrder = { to: '+15559999', ringMs: 30_000, limitMs: 3_600_000, afterwards: 'end' };
const REFUSED = new ProviderError('fake', 'bad-request', 'the number is not valid');
const LOST = new ProviderError('fake', 'timeout', 'no answer');

describe('a caller who is put through', () => {
  let carrier: TestedCall;
  let call: Call;
  let stream: Stream;
  let events: CallEvent[];
  let failures: string[];

  beforeEach(() => {
    carrier = new TestedCall('CA1');
    events = [];
    failures = [];
    call = new Call(
      {
        ...{ id: 'CA1', carrier: 'fake', direction: 'inbound', from: '+15550001', to: '+15550002', startedAt: 0 },
        ...{ parameters: {}, media: { encoding: 'mulaw', sampleRate: 8000 } },
      },
      carrier,
      'in',
      () => ({ maxDurationMs: 1e9, silenceMs: 1e9, goodbye: '' }),
      () => undefined,
    );
    call.tap((event) => events.push(event));
    carrier.attach(call, {
      ...{ tokens: new Tokens(), url: 'http://127.0.0.1', expect: () => '', hearer: { audio: () => undefined } },
      fail: (error) => failures.push(error.message),
    });
    stream = carrier.starts();
  });

  const happened = (): string[] => events.map(({ topic }) => topic);

  it('is heard by the present stream only: not by one that is replaced, lost, or left behind by a transfer', async () => {
    assert.ok(stream.hearer, 'the first');
    const second = carrier.starts();
    assert.deepEqual([stream.hearer, second.hearer !== undefined], [undefined, true]);
    carrier.goes(second);
    assert.equal(second.hearer, undefined);
    const third = carrier.starts();
    await carrier.put(() => Promise.resolve());
    assert.equal(third.hearer, undefined);
    carrier.back('busy');
    const fourth = carrier.starts();
    assert.ok(fourth.hearer);
    call.end('shutdown');
    assert.equal(fourth.hearer, undefined);
  });

  it('is away when the carrier has taken it, and our stream is closed', async () => {
    await carrier.put(() => Promise.resolve());
    assert.equal(call.state, 'away');
    assert.equal(stream.open, false);
    assert.deepEqual(happened(), ['call.started', 'call.away']);
    call.end('shutdown');
  });

  it('is back when a new stream is open: told why, and by whom', async () => {
    await carrier.put(() => Promise.resolve());
    assert.equal(carrier.back('busy'), true);
    assert.equal(call.state, 'away', 'not before there is a stream');
    carrier.starts();
    assert.equal(call.state, 'live');
    assert.deepEqual(happened(), ['call.started', 'call.away', 'call.resumed']);
    assert.deepEqual(events[2]?.payload, { reason: 'busy', to: '+15559999' });
    call.end('shutdown');
  });

  it('a stream that closes before the answer comes is the transfer, and no loss', async () => {
    let answer = (): void => undefined;
    const done = carrier.put(() => new Promise((resolve) => (answer = resolve)));
    carrier.goes(stream);
    assert.equal(call.state, 'away');
    answer();
    await done;
    assert.deepEqual(happened(), ['call.started', 'call.away']);
    assert.equal(carrier.asked, 0);
    call.end('shutdown');
  });

  it('what came of it may be told before the answer comes', async () => {
    let answer = (): void => undefined;
    const done = carrier.put(() => new Promise((resolve) => (answer = resolve)));
    carrier.goes(stream);
    assert.equal(carrier.back('no-answer'), true);
    const next = carrier.starts();
    answer();
    await done;
    assert.equal(call.state, 'live');
    assert.equal(next.open, true, 'the new stream stays');
    assert.deepEqual(happened(), ['call.started', 'call.away', 'call.resumed']);
    call.end('shutdown');
  });

  it('refused by the carrier: an error, and the call goes on as it was', async () => {
    await assert.rejects(carrier.put(() => Promise.reject(REFUSED)), /not valid/); // prettier-ignore
    assert.equal(call.state, 'live');
    assert.equal(stream.open, true);
    assert.equal(carrier.back('busy'), false, 'no transfer is under way');
    assert.deepEqual(happened(), ['call.started']);
    call.end('shutdown');
  });

  it('refused, and the stream lost at the same time: the caller is asked for again, and told that it failed', async () => {
    let refuse = (_err: Error): void => undefined;
    const done = carrier.put(() => new Promise((_resolve, reject) => (refuse = reject)));
    carrier.goes(stream);
    refuse(REFUSED);
    await assert.rejects(done, /not valid/);
    carrier.starts();
    assert.deepEqual(events.at(-1)?.payload, { reason: 'failed', to: '+15559999' });
    assert.equal(call.state, 'live');
    call.end('shutdown');
  });

  it('the answer is lost after the caller has gone: no error, the carrier will tell what comes of it', async () => {
    let lose = (_err: Error): void => undefined;
    const done = carrier.put(() => new Promise((_resolve, reject) => (lose = reject)));
    carrier.goes(stream);
    lose(LOST);
    await done;
    assert.equal(call.state, 'away');
    assert.equal(carrier.back('completed'), true);
    call.end('shutdown');
  });

  it('the answer is lost first: an error, and a caller who then goes all the same is away and not lost', async () => {
    await assert.rejects(carrier.put(() => Promise.reject(LOST)), /no answer/); // prettier-ignore
    assert.equal(call.state, 'live');
    carrier.goes(stream);
    assert.equal(call.state, 'away');
    assert.equal(carrier.asked, 0, 'nobody takes it for a lost stream');
    carrier.back('no-answer');
    carrier.starts();
    assert.deepEqual(events.at(-1)?.payload, { reason: 'no-answer', to: '+15559999' });
    call.end('shutdown');
  });

  it('a stream that begins anew without a word of the carrier: the caller is back, whatever the transfer was', async () => {
    await carrier.put(() => Promise.resolve());
    carrier.starts();
    assert.deepEqual(events.at(-1)?.payload, { reason: 'failed', to: '+15559999' });
    assert.equal(carrier.back('busy'), false);
    call.end('shutdown');
  });

  it('who hangs up before anybody has answered has hung up; after that the call was transferred', async () => {
    await carrier.put(() => Promise.resolve());
    assert.equal(carrier.reason(), 'caller-hangup');
    carrier.answered();
    assert.equal(carrier.reason(), 'transferred');
    call.end(carrier.reason());
    assert.deepEqual(events.at(-1)?.topic, 'call.ended');
    assert.equal((events.at(-1)?.payload as { reason?: unknown }).reason, 'transferred');
  });

  it('a call that ends while the carrier has not answered yet stays ended', async () => {
    let answer = (): void => undefined;
    const done = carrier.put(() => new Promise((resolve) => (answer = resolve)));
    call.end('caller-hangup');
    answer();
    await done;
    assert.deepEqual(happened(), ['call.started', 'call.ended']);
  });

  it('keys that are pressed while the call is private stand nowhere; before and after they do', () => {
    carrier.digit('1');
    call.privacy.set(true);
    for (const key of '4111') carrier.digit(key);
    assert.deepEqual(
      events.filter(({ topic }) => topic === 'call.dtmf').map(({ payload }) => payload),
      ['1', '[private]', '[private]', '[private]', '[private]'],
    );
    call.end('shutdown');
  });
});
