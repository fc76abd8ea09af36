import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { DeepgramSimulator } from '../../../simulators/deepgram';
import { tickers } from '../../../nodes/call/ticker';
import { Caller, settings } from './caller';

const FLUX = { model: 'flux-general-en' };

describe('listening by v2 (Flux)', function () {
  this.timeout(20_000);
  let deepgram: DeepgramSimulator;
  let callers: Caller[];

  beforeEach(async () => {
    deepgram = new DeepgramSimulator({ unsure: 'to$' });
    await deepgram.start();
    callers = [];
  });
  afterEach(async () => {
    for (const caller of callers) caller.close();
    await deepgram.close();
    assert.equal(tickers(), 0);
  });

  function ring(config: Record<string, unknown> = {}): Caller {
    const caller = new Caller(settings(deepgram.url, { ...FLUX, ...config }));
    callers.push(caller);
    return caller;
  }

  it('turns turns into events and one final transcript each, in pieces of 80 ms', async () => {
    const caller = ring().pause(500).say('Can you move it to Friday?').pause(900).say('Thanks.');
    const final = await caller.until('final');
    assert.equal(final.text, 'Can you move it to Friday?');
    assert.ok(Math.abs(final.atMs - (500 + 1160)) < 80, `ended at ${final.atMs}`);
    assert.ok(final.cameAt - final.atMs < 500, `came ${final.cameAt - final.atMs} ms after`);
    assert.equal((await caller.until('final', 2)).text, 'Thanks.');
    assert.deepEqual(
      caller.heard.filter((one) => ['started', 'stopped', 'final'].includes(one.topic)).map((one) => one.topic),
      ['started', 'stopped', 'final', 'started', 'stopped', 'final'],
    );
    assert.equal(caller.all('eager').length, 0);
    assert.deepEqual(Object.keys(deepgram.connections[0]?.chunkSizes ?? {}), ['640']);
  });

  it('passes on what is probably final, and that it was not', async () => {
    const caller = ring({ eagerEotThreshold: 0.4, eotThreshold: 0.8 })
      .say('Move it')
      .pause(280)
      .say('please')
      .pause(600);
    const final = await caller.until('final');
    assert.equal(final.text, 'Move it please');
    assert.deepEqual(caller.texts('eager'), ['Move it', 'Move it please']);
    assert.deepEqual(caller.texts('resumed'), ['Move it please']);
  });

  it('hears each word once though Node-RED is busy in the midst of them, and their frames come in bunches', async () => {
    const words = 'one two three four five six seven eight nine ten';
    const caller = ring().pause(300).say(words);
    for (let word = 1; word <= 5; word++) {
      await caller.until('partial', word);
      const busyUntil = performance.now() + 450;
      while (performance.now() < busyUntil);
    }
    assert.equal((await caller.until('final')).text, words);
    assert.equal(caller.all('final').length, 1);
  });

  it('loses and doubles no word when the socket breaks in the middle of a turn', async () => {
    const words = 'one two three four five six seven eight nine ten eleven twelve';
    const caller = ring().pause(300).say(words);
    deepgram.faults.add({ kind: 'close-mid-stream', after: 8 });
    assert.equal((await caller.until('final')).text, words);
    assert.equal(deepgram.connections.length, 2);
    assert.ok((deepgram.connections[1]?.fastest ?? 9) <= 1.3, `pace ${deepgram.connections[1]?.fastest}`);
    assert.equal(caller.all('started').length, 1);
    for (const text of caller.texts('partial')) assert.ok(words.startsWith(text), text);
  });

  it('feeds silence while no audio comes, so that a turn ends, and sends no KeepAlive', async () => {
    const caller = ring().say('Just a moment');
    await caller.when(() => caller.finished);
    caller.hold();
    assert.equal((await caller.until('final')).text, 'Just a moment');
    const before = deepgram.connections[0]?.audioMs ?? 0;
    await new Promise((resolve) => setTimeout(resolve, 2000));
    const fed = (deepgram.connections[0]?.audioMs ?? 0) - before;
    assert.ok(fed > 1800 && fed < 2200, `fed ${fed} ms in 2000`);
    caller.resume();
    caller.say('Here I am');
    const final = await caller.until('final', 2);
    assert.equal(final.text, 'Here I am');
    assert.ok(Math.abs(final.atMs - (final.cameAt - 350)) < 150, `ended at ${final.atMs}, came at ${final.cameAt}`);
    assert.deepEqual(deepgram.connections[0]?.texts, []);
  });

  it('feeds no silence where a Deploy holds the frames back', async () => {
    const words = 'one two three four five six seven eight nine ten';
    const caller = ring().say(words);
    await caller.until('partial');
    caller.gateOpen = false;
    await new Promise((resolve) => setTimeout(resolve, 900));
    caller.gateOpen = true;
    assert.equal((await caller.until('final')).text, words);
  });

  it('asks for the end of the turn before it closes, and gets the last words', async () => {
    const caller = ring().say('Good bye then');
    await caller.when(() => caller.finished);
    await caller.finish();
    assert.deepEqual(caller.texts('final'), ['Good bye then']);
    await caller.when(() => deepgram.open.sockets === 0);
    assert.deepEqual(deepgram.connections[0]?.texts, ['{"type":"ForceEndTurn"}', '{"type":"CloseStream"}']);
  });

  it('takes new thresholds from the next turn on', async () => {
    const caller = ring().say('one two three').pause(900);
    await caller.until('started');
    caller.settings = settings(deepgram.url, { ...FLUX, eotTimeoutMs: 2000 });
    assert.equal((await caller.until('final')).text, 'one two three');
    await caller.when(() => deepgram.connections.length === 2);
    caller.say('four five');
    assert.equal((await caller.until('final', 2)).text, 'four five');
    assert.equal(deepgram.connections[1]?.query['eot_timeout_ms'], '2000');
  });

  it('replaces a socket that fell silent', async () => {
    const caller = ring().say('Are you still there my friend');
    deepgram.faults.add({ kind: 'stall-after-first-byte', after: 4 });
    assert.equal((await caller.until('final')).text, 'Are you still there my friend');
    assert.equal(caller.all('failed')[0]?.error?.cause, 'timeout');
  });
});
