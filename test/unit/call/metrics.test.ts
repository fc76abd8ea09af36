import assert from 'node:assert/strict';
import { beforeEach, describe, it } from 'mocha';
import { entryOf, reportOf } from '../../../nodes/call/call-log';
import { ProviderError } from '../../../nodes/call/errors';
import { logLine } from '../../../nodes/call/log-line';
import { CallMetrics } from '../../../nodes/call/metrics';
import type { CallMetricsReport } from '../../../nodes/call/metrics';
import type { PlaybackRecord, PlaybackTopic } from '../../../nodes/call/playback';
import { LoneCall } from './lone-call';

describe('what a call comes to', () => {
  let metrics: CallMetrics;
  beforeEach(() => (metrics = new CallMetrics()));

  const tell = (topic: PlaybackTopic, id: string, now: number, more: Partial<PlaybackRecord> = {}): void => {
    const record: PlaybackRecord = { id, kind: 'reply', interruptible: true, openedBy: 'tts', state: 'open', text: '', heardText: '', heardMs: 0, ...more }; // prettier-ignore
    metrics.playback(topic, record, now);
  };

  it('of a call in which nothing happened is all nought, and plain data', () => {
    const nothing = metrics.report();
    assert.deepEqual(nothing, {
      ...{ turns: 0, repliesCut: 0, utterances: 0, heardMs: 0, callerAudioMs: 0, speechCharacters: 0 },
      ...{ responseMs: { count: 0, mean: 0, max: 0 }, modelMs: { count: 0, mean: 0, max: 0 } },
      ...{ tokens: { input: 0, output: 0 }, sttReconnects: 0, retries: 0, errors: {} },
    });
    assert.deepEqual(structuredClone(nothing), nothing);
  });

  it('a greeting is heard, and answers nobody', () => {
    metrics.answering('g', {});
    tell('playback.started', 'g', 100);
    tell('playback.finished', 'g', 2_100, { heardMs: 2_000 });
    const { turns, utterances, heardMs } = metrics.report();
    assert.deepEqual([turns, utterances, heardMs], [0, 1, 2_000]);
  });

  it('a turn is answered when the first of its answer is heard: from the end of the speech, else from the transcript', () => {
    metrics.answering('a', { speechEndedAt: 1_000, transcriptAt: 1_300 });
    tell('playback.started', 'a', 1_900);
    tell('playback.finished', 'a', 3_000, { heardMs: 1_100 });
    metrics.answering('b', { transcriptAt: 5_000 });
    tell('playback.started', 'b', 5_500);
    assert.deepEqual(metrics.report().responseMs, { count: 2, mean: 700, max: 900 });
    assert.equal(metrics.report().turns, 2);
  });

  it('a turn that is answered in three utterances is answered once', () => {
    for (const [i, id] of ['a', 'b', 'c'].entries()) {
      metrics.answering(id, { speechEndedAt: 1_000 });
      tell('playback.started', id, 1_500 + 1_000 * i);
      tell('playback.finished', id, 2_400 + 1_000 * i, { heardMs: 900 });
    }
    assert.deepEqual(metrics.report().responseMs, { count: 1, mean: 500, max: 500 });
    assert.equal(metrics.report().utterances, 3);
  });

  it('what was given up before it was heard is no answer, and was not cut', () => {
    metrics.answering('a', { speechEndedAt: 1_000 });
    tell('playback.interrupted', 'a', 1_200, { reason: 'caller' });
    metrics.answering('b', { speechEndedAt: 2_000 });
    tell('playback.started', 'b', 2_600);
    tell('playback.interrupted', 'b', 3_000, { reason: 'caller', heardMs: 400 });
    const { turns, repliesCut, utterances, responseMs } = metrics.report();
    assert.deepEqual([turns, repliesCut, utterances, responseMs.max], [1, 1, 1, 600]);
  });

  it('counts tokens, and the time to the first, as far as they are known', () => {
    metrics.turn({ transcriptAt: 1_000, firstTokenAt: 1_400 }, { inputTokens: 100, outputTokens: 20 });
    metrics.turn({ transcriptAt: 3_000, firstTokenAt: 3_200 }, { inputTokens: 150, outputTokens: NaN });
    metrics.turn({ transcriptAt: 5_000 });
    assert.deepEqual(metrics.report().tokens, { input: 250, output: 20 });
    assert.deepEqual(metrics.report().modelMs, { count: 2, mean: 300, max: 400 });
  });

  it('counts errors by provider; a name that a flow could make up does not make it grow', () => {
    metrics.failed(new ProviderError('openai', 'authentication', 'x'));
    metrics.failed(new ProviderError('openai', 'timeout', 'x'));
    metrics.failed(new TypeError('x'));
    assert.deepEqual(metrics.report().errors, { openai: 2, other: 1 });
    for (let i = 0; i < 1_000; i++) metrics.failed(new ProviderError(`p${i}`, 'timeout', 'x'));
    const { errors } = metrics.report();
    assert.ok(Object.keys(errors).length <= 17, String(Object.keys(errors).length));
    assert.equal(
      Object.values(errors).reduce((sum, count) => sum + count),
      1_003,
    );
  });

  it('does not grow with utterances that are never heard of again', () => {
    for (let i = 0; i < 10_000; i++) metrics.answering(`u${i}`, { speechEndedAt: i });
    assert.ok((metrics as unknown as { answers: Map<string, number> }).answers.size <= 100);
    tell('playback.started', 'u0', 20_000);
    assert.equal(metrics.report().turns, 0, 'the oldest was forgotten');
    tell('playback.started', 'u9999', 20_000);
    assert.equal(metrics.report().turns, 1);
  });

  it('stands on call.ended, with the utterance that the end cut off', () => {
    const lone = new LoneCall().begin();
    const { call } = lone;
    call.callerAudio(1_600);
    call.playback.openUtterance({ id: 'u', kind: 'reply', interruptible: true }, 'tts');
    call.metrics.answering('u', { transcriptAt: 0 });
    call.playback.addAudio(
      { id: 'u', by: 'agent', kind: 'reply', seq: 0, done: true, interruptible: true },
      Buffer.alloc(1_600),
      [],
      'tts',
    );
    lone.hearAll();
    call.end('caller-hangup');
    const { reason, metrics: told } = lone.events.at(-1)?.payload as { reason: string; metrics: CallMetricsReport };
    const { turns, utterances, heardMs, callerAudioMs } = told;
    assert.deepEqual([reason, turns, utterances, heardMs, callerAudioMs], ['caller-hangup', 1, 1, 200, 200]);
  });
});

describe('the line for what happens in a call', () => {
  const lines = (tell: (lone: LoneCall) => void): { level: string; line: string }[] => {
    const lone = new LoneCall();
    const found: { level: string; line: string }[] = [];
    lone.call.tap((event) => {
      const entry = entryOf(event, lone.call);
      if (entry) found.push({ level: entry.level, line: logLine(entry.event, lone.call.info.id, 'n1', entry.fields) });
    });
    tell(lone);
    return found;
  };
  const speak = (lone: LoneCall): void => {
    const info = { id: 'u', kind: 'reply', interruptible: true } as const;
    lone.call.playback.openUtterance(info, 'tts');
    lone.call.playback.addText('u', 'Your code is four.', 'tts');
    lone.call.playback.addAudio({ ...info, by: 'agent', seq: 0, done: true }, Buffer.alloc(8_000), [], 'tts');
    lone.hearAll();
  };

  it('of a transfer names nobody', () => {
    const told = lines((lone) => lone.begin().call.leave('+15559876543'));
    assert.equal(told.at(-1)?.level, 'info');
    assert.equal(told.at(-1)?.line, 'call.away call=CA1 node=n1');
  });

  it('of what was spoken has the words at debug; in private they are masked', () => {
    const open = lines((lone) => speak(lone.begin()));
    assert.match(open.at(-1)?.line ?? '', /^utterance\.finished .* heardMs=1000 text="Your code is four\."$/);
    const hidden = lines((lone) => {
      lone.begin().call.privacy.set(true);
      speak(lone);
      lone.call.privacy.set(false);
    });
    assert.match(hidden.at(-1)?.line ?? '', /^utterance\.finished .* heardMs=1000 text="?\[private\]"?$/);
    assert.ok([...open, ...hidden].every(({ level, line }) => level === 'debug' || !line.includes('code')));
  });

  it('of speech that failed is a warning, without the words', () => {
    const told = lines((lone) => {
      lone.begin().call.playback.openUtterance({ id: 'u', kind: 'reply', interruptible: true }, 'tts');
      lone.call.playback.addText('u', 'Your code is four.', 'tts');
      lone.call.playback.fail('u', 'tts-failed');
    });
    assert.equal(told.at(-1)?.level, 'warn');
    assert.match(told.at(-1)?.line ?? '', /^utterance\.interrupted .* kind=reply heardMs=0 reason=tts-failed$/);
  });

  it('of the end says why, and what the call came to', () => {
    const told = lines((lone) => lone.begin().call.end('caller-hangup'));
    assert.match(told.at(-1)?.line ?? '', /^call\.ended call=CA1 node=n1 reason=caller-hangup durationMs=\d+ turns=0 cut=0 errors=0 retries=0$/); // prettier-ignore
  });

  it('of a recording is for ops when it is there, gone or failed; a status that is no word forges no event', () => {
    const of = (status: string): string => {
      const entry = reportOf('call.recording', { status, recordingId: 'RE1', url: 'https://x/+15551234567' });
      return `${entry?.level} ${logLine(entry?.event ?? '', 'CA1', 'n1', entry?.fields)}`;
    };
    assert.equal(of('completed'), 'info recording.completed call=CA1 node=n1 recording=RE1');
    assert.equal(of('failed'), 'warn recording.failed call=CA1 node=n1 recording=RE1');
    assert.equal(of('in-progress'), 'debug recording.in-progress call=CA1 node=n1 recording=RE1');
    assert.equal(of('x\ncall.ended'), 'debug recording.reported call=CA1 node=n1 recording=RE1');
  });
});
