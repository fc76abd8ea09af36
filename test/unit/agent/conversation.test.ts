import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Conversation, CUT_MARK } from '../../../nodes/agent/conversation';
import type { PlaybackRecord } from '../../../nodes/call/playback';

function closed(id: string, heardText: string, state: 'finished' | 'interrupted' = 'finished'): PlaybackRecord {
  const heardMs = heardText.length * 50;
  return { id, kind: 'reply', interruptible: true, openedBy: 'n', state, text: '', heardText, heardMs };
}

describe('The history', () => {
  it('holds what was heard, cut where the caller stopped hearing it, and what the model wrote', () => {
    const conversation = new Conversation();
    conversation.addUser('When do you open?');
    conversation.open('u1', 'reply');
    conversation.write('u1', 'We open at **ten** on Sunday.');
    conversation.close(closed('u1', 'We open', 'interrupted'));
    assert.deepEqual(conversation.messages(20), [
      { role: 'user', text: 'When do you open?' },
      { role: 'assistant', text: `We open${CUT_MARK}` },
    ]);
    assert.deepEqual(conversation.entries()[1], {
      role: 'assistant',
      heard: 'We open',
      generated: 'We open at **ten** on Sunday.',
      cut: true,
      kind: 'reply',
      utteranceId: 'u1',
    });
  });

  it('nothing heard, nothing said', () => {
    const conversation = new Conversation();
    const entry = conversation.addUser('One');
    conversation.open('u1', 'reply');
    conversation.close(closed('u1', '', 'interrupted'));
    conversation.joinUser(entry, 'two');
    assert.deepEqual(conversation.entries(), [{ role: 'user', text: 'One two' }]);
  });

  it('what is still being spoken, uncut, counts as written', () => {
    const conversation = new Conversation();
    conversation.open('u1', 'greeting');
    conversation.write('u1', 'Hello!');
    conversation.addUser('Hi');
    assert.deepEqual(conversation.messages(20), [
      { role: 'assistant', text: 'Hello!' },
      { role: 'user', text: 'Hi' },
    ]);
  });

  it('the model is sent complete turns, so many before the one to answer', () => {
    const conversation = new Conversation();
    conversation.open('g', 'greeting');
    conversation.close(closed('g', 'Hello'));
    for (const n of [1, 2, 3, 4]) {
      conversation.addUser(`q${n}`);
      if (n === 4) break;
      conversation.open(`u${n}`, 'reply');
      conversation.close(closed(`u${n}`, `a${n}`));
    }
    assert.deepEqual(
      conversation.messages(2).map(({ text }) => text),
      ['q2', 'a2', 'q3', 'a3', 'q4'],
    );
    assert.deepEqual(
      conversation.messages(20).map(({ text }) => text),
      ['Hello', 'q1', 'a1', 'q2', 'a2', 'q3', 'a3', 'q4'],
    );
  });

  it('forgets what the model knows, not what was said', () => {
    const conversation = new Conversation();
    conversation.addUser('secret');
    conversation.forget();
    conversation.remember([{ role: 'assistant', text: 'Welcome back' }]);
    conversation.addUser('hi');
    assert.deepEqual(
      conversation.messages(5).map(({ text }) => text),
      ['Welcome back', 'hi'],
    );
    assert.equal(conversation.entries().length, 2);
  });

  it('forgets up to the turn that is being answered: its question and its answer stay together', () => {
    const conversation = new Conversation();
    conversation.addUser('secret');
    const entry = conversation.addUser('How late is it?');
    conversation.open('u1', 'reply');
    conversation.write('u1', 'Noon.');
    conversation.forget({ entry, utteranceId: 'u1' });
    const known = (): string[] => conversation.messages(9).map(({ text }) => text);
    assert.deepEqual(known(), ['How late is it?', 'Noon.']);
    conversation.remember([{ role: 'user', text: 'earlier' }], { entry, utteranceId: 'u1' });
    conversation.joinUser(entry, 'Please?');
    assert.deepEqual(known(), ['earlier', 'How late is it? Please?', 'Noon.']);
    conversation.close(closed('u1', 'Noon.'));
    assert.deepEqual(known(), ['earlier', 'How late is it? Please?', 'Noon.']);
    conversation.forget();
    assert.deepEqual(known(), []);
  });

  it('forgets up to an answer that nobody asked for in words', () => {
    const conversation = new Conversation();
    conversation.addUser('secret');
    conversation.open('u1', 'reply');
    conversation.write('u1', 'Your order is here.');
    conversation.forget({ utteranceId: 'u1' });
    assert.deepEqual(
      conversation.messages(9).map(({ text }) => text),
      ['Your order is here.'],
    );
  });

  it('holds what others said, where the caller heard it: before what was written and not heard by then', () => {
    const conversation = new Conversation();
    conversation.addUser('Where is my order?');
    conversation.open('u2', 'reply');
    conversation.write('u2', 'It is on its way.');
    const notice = { ...closed('n1', '', 'finished'), kind: 'notice', state: 'open', text: 'One moment, please.' };
    conversation.hear(notice as PlaybackRecord);
    const known = (): string[] => conversation.messages(9).map(({ text }) => text);
    assert.deepEqual(known(), ['Where is my order?', 'One moment, please.', 'It is on its way.']);
    conversation.close({ ...(notice as PlaybackRecord), heardText: 'One moment,', heardMs: 400, state: 'interrupted' });
    assert.deepEqual(known(), ['Where is my order?', `One moment,${CUT_MARK}`, 'It is on its way.']);
    assert.deepEqual(conversation.entries()[1], {
      ...{ role: 'assistant', heard: 'One moment,', generated: 'One moment, please.', cut: true },
      ...{ kind: 'notice', utteranceId: 'n1' },
    });
  });

  it('holds nothing of what has no words: key tones', () => {
    const conversation = new Conversation();
    const tones = { ...closed('t1', ''), kind: 'notice' as const, heardMs: 400 };
    conversation.hear({ ...tones, state: 'open' });
    assert.deepEqual(conversation.messages(9), []);
    conversation.close(tones);
    assert.deepEqual(conversation.entries(), []);
  });
});
