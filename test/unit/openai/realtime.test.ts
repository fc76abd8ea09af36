import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { cough } from '../../../simulators/audio';
import { OpenAiSimulator } from '../../../simulators/openai';
import { tickers } from '../../../nodes/call/ticker';
import { Caller, settings, WAYS } from './caller';

describe('listening by OpenAI', function () {
  this.timeout(20_000);
  let openai: OpenAiSimulator;
  let callers: Caller[];

  beforeEach(async () => {
    openai = new OpenAiSimulator();
    await openai.start();
    callers = [];
  });
  afterEach(async () => {
    for (const caller of callers) caller.close();
    await openai.close();
    assert.equal(tickers(), 0);
  });

  function ring(config: Record<string, unknown> = {}, key?: string): Caller {
    const caller = new Caller(settings(openai.url, config, key));
    callers.push(caller);
    return caller;
  }

  for (const { name, config } of WAYS) {
    it(`turns speech into events, words so far, and one final transcript, each at its time (${name})`, async () => {
      const caller = ring(config).pause(500);
      const from = caller.now();
      caller.say('I need a table for four.').pause(1500).say('Tonight.');
      const final = await caller.until('final');
      assert.equal(final.text, 'I need a table for four.');
      const [started] = caller.all('started');
      assert.ok(Math.abs((started?.atMs ?? 0) - from - 500) < 60, `started ${started?.atMs}, spoke ${from + 500}`);
      const [stopped] = caller.all('stopped');
      for (const ended of [stopped, final]) {
        assert.ok(Math.abs((ended?.atMs ?? 0) - (from + 500 + 1160)) < 60, `ended at ${ended?.atMs}`);
      }
      const partials = caller.texts('partial');
      assert.ok(partials.length >= 3);
      for (const text of partials) assert.ok('I need a table for four.'.startsWith(text), text);
      assert.equal((await caller.until('final', 2)).text, 'Tonight.');
      assert.deepEqual(
        caller.heard.filter((one) => ['started', 'stopped', 'final'].includes(one.topic)).map((one) => one.topic),
        ['started', 'stopped', 'final', 'started', 'stopped', 'final'],
      );
      assert.deepEqual(openai.refusals, []);
      assert.equal(caller.all('failed').length, 0);
    });

    it(`gives two utterances in the order in which they were said, though the second is understood first (${name})`, async () => {
      openai.transcription.slow = 'first';
      openai.transcription.slowMs = 2_500;
      const caller = ring(config).say('The first thing').pause(800).say('and the second');
      await caller.until('final', 2);
      assert.deepEqual(openai.sessions[0]?.transcripts, ['and the second', 'The first thing']);
      assert.deepEqual(caller.texts('final'), ['The first thing', 'and the second']);
      assert.deepEqual(
        caller.heard.filter((one) => ['started', 'stopped', 'final'].includes(one.topic)).map((one) => one.topic),
        ['started', 'stopped', 'started', 'stopped', 'final', 'final'],
      );
      const said = caller.texts('partial');
      assert.ok(
        said.every((text) => 'The first thing'.startsWith(text)),
        said.join('|'),
      );
    });

    it(`loses and doubles no word when the socket breaks in mid-utterance (${name})`, async () => {
      const words = 'one two three four five six seven eight nine ten';
      const caller = ring(config).pause(300).say(words);
      openai.faults.add({ kind: 'close-mid-stream', when: 'message', after: 70, code: 1011 });
      const final = await caller.until('final');
      assert.equal(final.text, words);
      assert.equal(openai.sessions.length, 2);
      assert.ok((openai.sessions[1]?.fastest ?? 9) <= 1.5, `${openai.sessions[1]?.fastest}`);
      assert.equal(caller.all('started').length, 1);
      assert.equal(caller.all('stopped').length, 1);
      assert.equal(caller.all('failed').length, 1);
      assert.ok(Math.abs(final.atMs - 300 - 10 * 200) < 150, `ended at ${final.atMs}`);
    });

    it(`gets the last words at the end of the call, within a second (${name})`, async () => {
      const caller = ring(config).say('And so good bye');
      await caller.when(() => caller.finished);
      const before = caller.now();
      await caller.finish();
      assert.ok(caller.now() - before < 900, `${caller.now() - before}`);
      assert.deepEqual(caller.texts('final'), ['And so good bye']);
      assert.equal(caller.all('started').length, caller.all('stopped').length);
    });

    it(`makes of a cough no transcript (${name})`, async () => {
      const caller = ring(config).play(cough(400)).pause(600);
      await caller.until('stopped');
      await caller.when(() => openai.sessions[0]?.sent['conversation.item.input_audio_transcription.completed'] === 1);
      caller.say('Hello');
      assert.equal((await caller.until('final')).text, 'Hello');
      assert.equal(caller.all('final').length, 1);
      assert.equal(caller.all('failed').length, 0);
    });
  }

  it('has no sound of silence sent where the gate tells voice from it, and the first sounds of a word are not cut', async () => {
    const caller = ring({ model: 'gpt-realtime-whisper' }).pause(2_000).say('Hello').pause(600);
    assert.equal((await caller.until('final')).text, 'Hello');
    const sentMs = (openai.sessions[0]?.audioBytes ?? 0) / 8;
    assert.ok(sentMs >= 300 + 200 + 400 && sentMs < 1_200, `${sentMs} ms of audio were sent`);
  });

  it('keeps what is said while the socket opens', async () => {
    openai.faults.add({ kind: 'refuse', times: 2 });
    const caller = ring().say('Hello is anybody there').pause(1000);
    assert.equal((await caller.until('final')).text, 'Hello is anybody there');
  });

  it('sends mu-law, with all that was asked for', async () => {
    const caller = ring({
      model: 'gpt-transcribe',
      language: 'en, es',
      prompt: 'A bicycle shop.',
      keywords: 'Acme\nShimano',
      noiseReduction: 'far_field',
      turnDetection: 'server',
      vadThreshold: 0.6,
      prefixPaddingMs: '200',
      silenceDurationMs: 700,
      options: '{"include":["item.input_audio_transcription.logprobs"]}',
    });
    await caller.when(() => caller.texts('state').includes('live'));
    const { audio, include } = openai.sessions[0]?.session as { audio: { input: unknown }; include: unknown };
    assert.deepEqual(audio.input, {
      format: { type: 'audio/pcmu' },
      noise_reduction: { type: 'far_field' },
      transcription: {
        model: 'gpt-transcribe',
        languages: ['en', 'es'],
        prompt: 'A bicycle shop.',
        keywords: ['Acme', 'Shimano'],
      },
      turn_detection: { type: 'server_vad', threshold: 0.6, prefix_padding_ms: 200, silence_duration_ms: 700 },
    });
    assert.deepEqual(include, ['item.input_audio_transcription.logprobs']);
  });

  it('does not try a wrong key again, says so once, and has the caller told', async () => {
    const caller = ring({}, 'wrong').say('Hello');
    const { error } = await caller.until('failed');
    assert.deepEqual([error?.provider, error?.cause, error?.retryable], ['openai', 'authentication', false]);
    await caller.until('deaf');
    await caller.when(() => caller.now() > 1_500);
    assert.equal(openai.refusals.length, 1);
    assert.equal(caller.all('failed').length, 1);
  });

  it('takes no wrong settings for a broken line: says what OpenAI refused, and does not try again', async () => {
    const caller = ring({ model: 'gpt-typo' });
    const { error } = await caller.until('failed');
    assert.equal(error?.cause, 'bad-request');
    assert.match(error.message, /the settings were refused: invalid_value: .*gpt-typo.*transcription\.model/);
    await caller.until('deaf');
    assert.equal(openai.sessions.length, 1);
  });

  it('says what to do where a header asks for the beta', async () => {
    const { error } = await ring({ headers: '{"OpenAI-Beta":"realtime=v1"}' }).until('failed');
    assert.match(error?.message ?? '', /remove the header OpenAI-Beta/);
    assert.equal(error?.retryable, false);
  });

  it('replaces a socket that is open and deaf, and understands what it was told', async () => {
    openai.faults.add({ kind: 'stall-before-first-byte', when: 'message', after: 5 });
    const caller = ring().pause(300).say('Is anybody there').pause(3000);
    assert.equal((await caller.until('final')).text, 'Is anybody there');
    assert.match(caller.texts('failed').join(), /does not answer to what the caller says/);
    assert.equal(openai.sessions.length, 2);
  });

  it('asks whether OpenAI is there when it tells nothing of a voice, and goes on if it is', async () => {
    // Its own detection is off, and we believe that it is on: to us it is a voice, to OpenAI nothing.
    const caller = ring({ options: '{"audio":{"input":{"format":{"type":"audio/pcm","rate":24000}}}}' });
    caller.say('Hello').pause(3_000);
    await caller.when(() => (openai.sessions[0]?.received['session.update'] ?? 0) === 2);
    await caller.when(() => caller.finished);
    assert.equal(openai.sessions.length, 1);
    assert.equal(caller.all('failed').length, 0);
    assert.equal(openai.sessions[0]?.received['session.update'], 2);
  });

  it('puts up with a voice that goes on for longer than OpenAI is given for anything', async () => {
    const words = Array.from({ length: 60 }, (_, i) => `word${i}`).join(' ');
    const caller = ring().say(words).pause(1_000);
    assert.equal((await caller.until('final')).text, words);
    assert.equal(openai.sessions[0]?.received['session.update'], 1);
    assert.equal(openai.sessions.length, 1);
  });

  it('has talk without a pause transcribed after 15 seconds, and loses no word at the seam', async () => {
    const words = Array.from({ length: 80 }, (_, i) => `word${i}`).join(' ');
    const caller = ring({ model: 'gpt-live-transcribe' }).say(words).pause(1_000);
    await caller.until('final', 2);
    assert.equal(caller.texts('final').join(' '), words);
  });

  it('tries once more what could not be transcribed', async () => {
    openai.transcription.fails = 'again';
    openai.transcription.failures = 1;
    const caller = ring().say('Once again please').pause(1_000);
    assert.equal((await caller.until('final')).text, 'Once again please');
    assert.deepEqual([caller.all('deaf').length, caller.all('started').length, openai.sessions.length], [0, 1, 2]);
  });

  it('gives up what can never be transcribed, has the caller told, and hears what he says next', async () => {
    openai.transcription.fails = 'mumble';
    const caller = ring().say('mumble mumble').pause(800).say('I said hello').pause(600);
    await caller.until('deaf');
    assert.equal((await caller.until('final')).text, 'I said hello');
    assert.equal(caller.all('failed').length, 2);
    await caller.until('stopped', 2);
    assert.deepEqual([caller.all('started').length, openai.sessions.length], [2, 2]);
  });

  it('replaces a session before its time is over, while the caller is silent', async () => {
    openai.transcription.sessionMs = 4_000;
    const caller = ring().say('one two three four five six seven eight nine ten eleven twelve thirteen fourteen');
    caller.pause(1_200).say('and more').pause(600);
    await caller.until('final', 2);
    assert.equal(openai.sessions.length, 2);
    assert.equal(openai.sessions[0]?.sent['error'], undefined);
    assert.equal(caller.all('failed').length, 0);
  });

  it('gets over a session that ends in the middle of a sentence', async () => {
    openai.transcription.sessionMs = 1_500;
    const words = 'one two three four five six seven eight nine ten eleven twelve';
    const caller = ring().say(words);
    await caller.when(() => openai.sessions[0]?.sent['error'] === 1);
    openai.transcription.sessionMs = 60_000;
    assert.equal((await caller.until('final')).text, words);
    assert.match(caller.texts('failed').join(), /session_expired/);
  });

  it('ends a turn in which the audio stopped', async () => {
    const caller = ring().say('Hold the line');
    await caller.when(() => caller.finished);
    caller.hold();
    assert.equal((await caller.until('final')).text, 'Hold the line');
    caller.resume();
  });

  it('changes the settings of a live call when the caller is not speaking, and loses no word', async () => {
    const caller = ring().say('one two three four');
    await caller.until('started');
    caller.settings = settings(openai.url, { language: 'de' });
    caller.pause(1_500).say('five six').pause(600);
    await caller.until('final', 2);
    assert.deepEqual(caller.texts('final'), ['one two three four', 'five six']);
    assert.match(JSON.stringify(openai.sessions[1]?.session), /"language":"de"/);
    assert.equal(openai.sessions[0]?.closeCode, 1000);
  });

  it('keeps at most 10 s of what cannot be sent, and counts the rest', () => {
    openai.faults.add({ kind: 'stall-before-first-byte', when: 'connect', times: 'always' });
    const caller = ring();
    caller.hold();
    for (let i = 0; i < 600; i++) caller.listener.hear(Buffer.alloc(160, 0x10), i * 20);
    const dropped = caller.listener.droppedBytes / 160;
    // The caller's own first frame may be among them.
    assert.ok(dropped >= 100 && dropped <= 101, `${dropped} frames`);
  });
});
