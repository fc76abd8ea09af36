import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { cough } from '../../../simulators/audio';
import { DeepgramSimulator } from '../../../simulators/deepgram';
import { tickers } from '../../../nodes/call/ticker';
import { Caller, settings } from './caller';

describe('listening by v1 (Nova)', function () {
  this.timeout(20_000);
  let deepgram: DeepgramSimulator;
  let callers: Caller[];

  beforeEach(async () => {
    deepgram = new DeepgramSimulator();
    await deepgram.start();
    callers = [];
  });
  afterEach(async () => {
    for (const caller of callers) caller.close();
    await deepgram.close();
    assert.equal(tickers(), 0);
  });

  function ring(config: Record<string, unknown> = {}, key?: string): Caller {
    const caller = new Caller(settings(deepgram.url, config, key));
    callers.push(caller);
    return caller;
  }

  it('turns speech into events, words so far, and one final transcript, each at its time', async () => {
    const caller = ring().pause(500);
    const from = caller.now();
    caller.say('I need a table for four.').pause(1500).say('Tonight.');
    const final = await caller.until('final');
    assert.equal(final.text, 'I need a table for four.');
    const [started] = caller.all('started');
    assert.ok(Math.abs((started?.atMs ?? 0) - from - 500) < 60, `started at ${started?.atMs}, spoke at ${from + 500}`);
    assert.ok(Math.abs(final.atMs - (from + 500 + 1160)) < 60, `ended at ${final.atMs}`);
    assert.ok(final.cameAt - final.atMs < 450, `came ${final.cameAt - final.atMs} ms after`);
    const partials = caller.texts('partial');
    assert.ok(partials.length >= 3);
    for (const text of partials) assert.ok('I need a table for four.'.startsWith(text), text);
    assert.equal((await caller.until('final', 2)).text, 'Tonight.');
    assert.deepEqual(
      caller.heard.filter((one) => ['started', 'stopped', 'final'].includes(one.topic)).map((one) => one.topic),
      ['started', 'stopped', 'final', 'started', 'stopped', 'final'],
    );
    const [connection] = deepgram.connections;
    assert.deepEqual(connection?.complaints, []);
    assert.deepEqual(Object.keys(connection?.chunkSizes ?? {}), ['160']);
  });

  it('joins the segments of a long utterance, and emits nothing at the UtteranceEnd after speech_final', async () => {
    const words = Array.from({ length: 22 }, (_, i) => `word${i}`).join(' ');
    const caller = ring().say(words).pause(1600);
    assert.equal((await caller.until('final')).text, words);
    await caller.when(() => (deepgram.connections[0]?.sent['UtteranceEnd'] ?? 0) > 0);
    assert.equal(caller.all('final').length, 1);
    assert.equal(caller.all('stopped').length, 1);
  });

  it('ends by UtteranceEnd where noise keeps the pause from being found', async () => {
    const caller = ring().say('It is loud here').play(cough(1600));
    const final = await caller.until('final');
    assert.equal(final.text, 'It is loud here');
    caller.pause(1000);
    await caller.when(() => caller.finished);
    assert.equal(caller.all('final').length, 1);
  });

  it('makes of a cough no transcript', async () => {
    const caller = ring().play(cough(400)).pause(600);
    await caller.until('stopped');
    assert.equal(caller.all('final').length + caller.all('partial').length, 0);
  });

  it('loses and doubles no word when the socket breaks in mid-utterance, and replays at a moderate pace', async () => {
    const words = 'one two three four five six seven eight nine ten eleven twelve';
    const caller = ring().pause(300).say(words);
    deepgram.faults.add({ kind: 'close-mid-stream', code: 1011, reason: 'NET-0000', after: 6 });
    const final = await caller.until('final');
    assert.equal(final.text, words);
    assert.equal(deepgram.connections.length, 2);
    assert.ok((deepgram.connections[1]?.fastest ?? 9) <= 1.25, `pace ${deepgram.connections[1]?.fastest}`);
    assert.equal(caller.all('started').length, 1);
    const end = 300 + 12 * 200 - 40;
    assert.ok(Math.abs(final.atMs - end) < 80, `ended at ${final.atMs}, not ${end}`);
    const [failed] = caller.all('failed');
    assert.equal(failed?.error?.cause, 'closed');
    assert.equal(caller.all('failed').length, 1);
    for (const text of caller.texts('partial')) assert.ok(words.startsWith(text), text);
  });

  it('gives out what was understood when the socket breaks between the last word and the pause', async () => {
    const caller = ring({ endpointing: 500 }).say('Nothing more to say').pause(300);
    await caller.when(() => caller.finished);
    deepgram.faults.add({ kind: 'close-mid-stream', when: 'message' });
    assert.equal((await caller.until('final')).text, 'Nothing more to say');
    assert.equal(caller.all('stopped').length, 1);
  });

  it('keeps what is said while the socket opens', async () => {
    deepgram.faults.add({ kind: 'status', status: 503 }, { kind: 'refuse', when: 'connect' });
    const caller = ring().say('Hello is anybody there');
    assert.equal((await caller.until('final')).text, 'Hello is anybody there');
    assert.equal(caller.listener.droppedBytes, 0);
    assert.equal(caller.all('deaf').length, 0);
  });

  it('does not try a wrong key again, says so once, and has the caller told', async () => {
    const caller = ring({}, 'wrong');
    await caller.until('deaf');
    await new Promise((resolve) => setTimeout(resolve, 600));
    assert.equal(deepgram.refusals.length, 1);
    const [failed] = caller.all('failed');
    assert.equal(caller.all('failed').length, 1);
    assert.equal(failed?.error?.provider, 'deepgram');
    assert.equal(failed?.error?.cause, 'authentication');
    assert.equal(failed?.error?.code, '401');
    assert.ok(!failed?.text.includes('wrong'), failed?.text);
    assert.equal(caller.texts('state').at(-1), 'failed');
    assert.equal(caller.all('deaf').length, 1);
    // The right key by a Deploy: the same call hears again.
    caller.settings = settings(deepgram.url);
    caller.say('Better now');
    assert.equal((await caller.until('final')).text, 'Better now');
    assert.equal(caller.texts('state').at(-1), 'live');
  });

  it('tells the causes of refusals apart', async () => {
    const causes: [number, string][] = [
      [400, 'bad-request'],
      [402, 'billing'],
      [403, 'authentication'],
    ];
    for (const [status, cause] of causes) {
      deepgram.faults.add({ kind: 'status', status });
      const caller = ring();
      const failed = await caller.until('failed');
      assert.equal(failed.error?.cause, cause);
      assert.equal(failed.error?.code, String(status));
      await caller.until('deaf');
    }
    deepgram.faults.add({ kind: 'garbage', when: 'connect' });
    const caller = ring();
    assert.equal((await caller.until('failed')).error?.cause, 'protocol');
    caller.close();
    deepgram.faults.add({ kind: 'wrong-json', when: 'connect' });
    assert.equal((await ring().until('failed')).error?.cause, 'protocol');
  });

  it('has the caller told within 6 s of his last word when no socket can be had', async () => {
    deepgram.faults.add({ kind: 'status', status: 429, times: 'always' });
    const caller = ring().pause(300).say('Is anybody listening');
    const deaf = await caller.until('deaf');
    assert.ok(deaf.cameAt < 900 + 6000, `told at ${deaf.cameAt}`);
    assert.equal(caller.all('failed').length, 1);
    assert.equal(caller.all('failed')[0]?.error?.cause, 'rate-limit');
    // And when the limit is over, what he said is understood after all.
    deepgram.faults.clear();
    assert.equal((await caller.until('final')).text, 'Is anybody listening');
  });

  it('replaces a socket that is open and deaf, and understands what it was told', async () => {
    const caller = ring().pause(200).say('Can you hear me');
    deepgram.faults.add({ kind: 'stall-before-first-byte', after: 3 });
    const final = await caller.until('final');
    assert.equal(final.text, 'Can you hear me');
    assert.ok(final.cameAt - 1000 < 5500, `understood at ${final.cameAt}`);
    assert.equal(caller.all('failed')[0]?.error?.cause, 'timeout');
  });

  it('ends the turn itself where a socket falls silent before it does', async () => {
    const caller = ring({ endpointing: 1000, utteranceEndMs: 2000 }).say('Move it to Friday please').pause(200);
    await caller.when(() => caller.finished);
    deepgram.faults.add({ kind: 'stall-after-first-byte', after: 1 });
    const final = await caller.until('final');
    assert.equal(final.text, 'Move it to Friday please');
    caller.say('Thanks');
    assert.equal((await caller.until('final', 2)).text, 'Thanks');
  });

  it('gives a handshake without an answer 5 s, and tells the caller before', async () => {
    deepgram.faults.add({ kind: 'stall-before-first-byte', when: 'connect' });
    const caller = ring().say('Hello');
    const deaf = (await caller.until('deaf')).cameAt;
    const failed = await caller.until('failed');
    assert.equal(failed.error?.cause, 'timeout');
    assert.ok(failed.cameAt > 4800 && failed.cameAt < 5600, `timed out at ${failed.cameAt}`);
    assert.ok(deaf < 4600, `told at ${deaf}`);
    assert.equal((await caller.until('final')).text, 'Hello');
  });

  it('puts up with nonsense, and reports it once', async () => {
    deepgram.faults.add({ kind: 'garbage', times: 2, after: 1 }, { kind: 'wrong-json', times: 2, after: 3 });
    const caller = ring().say('one two three four five six');
    assert.equal((await caller.until('final')).text, 'one two three four five six');
    assert.deepEqual(
      caller.all('failed').map((one) => one.error?.cause),
      ['protocol'],
    );
    assert.equal(deepgram.connections.length, 1);
  });

  it('sends KeepAlive as text while no audio flows, and ends a turn in which the audio stopped', async () => {
    const caller = ring().say('Hold the line');
    await caller.when(() => caller.finished);
    caller.hold();
    assert.equal((await caller.until('final')).text, 'Hold the line');
    const [connection] = deepgram.connections;
    await caller.when(() => (connection?.texts.length ?? 0) >= 2);
    assert.deepEqual(connection?.texts, ['{"type":"KeepAlive"}', '{"type":"KeepAlive"}']);
    assert.equal(connection?.complaints.length, 0);
    caller.resume();
    caller.say('I am back');
    assert.equal((await caller.until('final', 2)).text, 'I am back');
    assert.equal(deepgram.connections.length, 1);
  });

  it('changes the settings of a live call when the caller is not speaking, and loses no word', async () => {
    const caller = ring().say('one two three four five six seven').pause(200);
    await caller.until('partial', 2);
    caller.settings = settings(deepgram.url, { model: 'nova-2', keyterms: '' });
    caller.pause(500).say('eight nine ten');
    assert.equal((await caller.until('final')).text, 'one two three four five six seven');
    assert.equal((await caller.until('final', 2)).text, 'eight nine ten');
    assert.deepEqual(
      deepgram.connections.map((one) => one.query['model']),
      ['nova-3', 'nova-2'],
    );
    assert.equal(caller.all('failed').length, 0);
  });

  it('changes in the middle of speech only after it', async () => {
    const caller = ring().say('one two three four').pause(600).say('five six seven eight');
    await caller.until('started');
    caller.settings = settings(deepgram.url, { model: 'flux-general-en' });
    assert.equal((await caller.until('final')).text, 'one two three four');
    assert.equal((await caller.until('final', 2)).text, 'five six seven eight');
    caller.say('nine ten');
    assert.equal((await caller.until('final', 3)).text, 'nine ten');
    assert.equal(deepgram.connections.length, 2);
  });

  it('gets over a Deploy that held the frames back', async () => {
    const caller = ring().say('one two three four five six seven eight nine ten');
    await caller.until('partial');
    caller.gateOpen = false;
    await new Promise((resolve) => setTimeout(resolve, 900));
    caller.gateOpen = true;
    assert.equal((await caller.until('final')).text, 'one two three four five six seven eight nine ten');
  });

  it('gets the last words at the end of the call, within a second', async () => {
    const caller = ring().say('Never mind good bye');
    await caller.when(() => caller.finished);
    const from = caller.now();
    await caller.finish();
    assert.ok(caller.now() - from < 1000);
    assert.deepEqual(caller.texts('final'), ['Never mind good bye']);
    await caller.when(() => deepgram.open.sockets === 0);
    assert.deepEqual(deepgram.connections[0]?.texts, ['{"type":"CloseStream"}']);
  });

  it('does not wait for last words longer than a second', async () => {
    const caller = ring().say('Good bye for now');
    await caller.when(() => caller.finished);
    deepgram.faults.add({ kind: 'stall-after-first-byte', after: 0 });
    const from = caller.now();
    await caller.finish();
    assert.ok(caller.now() - from <= 1000, `took ${caller.now() - from}`);
    assert.equal(caller.texts('final').length, 1);
    await caller.when(() => deepgram.open.sockets === 0);
  });

  it('keeps at most 10 s of what cannot be sent, and counts the rest', () => {
    deepgram.faults.add({ kind: 'status', status: 503, times: 'always' });
    const caller = ring();
    // Frames come faster than life here; what counts is how many.
    for (let i = 0; i < 600; i++) caller.listener.hear(Buffer.alloc(160, 0xff), i * 20);
    assert.ok(caller.listener.droppedBytes >= 100 * 160 && caller.listener.droppedBytes <= 110 * 160);
  });
});
