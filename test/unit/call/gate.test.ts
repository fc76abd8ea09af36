import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { afterEach, describe, it } from 'mocha';
import { Gate } from '../../../nodes/call/gate';
import type { GateHolder } from '../../../nodes/call/gate';
import type { VoiceMessage } from '../../../nodes/call/message';

/** A session that only notes what of it goes out. */
class Holder implements GateHolder {
  readonly sent: string[] = [];
  deliver(_output: number, msg: VoiceMessage): void {
    this.sent.push(String(msg.payload));
  }
  takeUnseen(): [] {
    return [];
  }
  wasSeen(): boolean {
    return false;
  }
}

function message(topic: string, payload: string): VoiceMessage {
  return { _msgid: payload, topic, payload, call: {} } as unknown as VoiceMessage;
}

describe('what is said during a Deploy', () => {
  afterEach(() => mock.timers.reset());

  it('waits, in order, and goes out when the flows run again', () => {
    const gate = new Gate();
    const [one, other] = [new Holder(), new Holder()];
    gate.close([one, other]);
    for (const text of ['a', 'b', 'c']) gate.send(one, 0, message('reply', text));
    gate.send(other, 0, message('reply', 'd'));
    assert.deepEqual([...one.sent, ...other.sent], []);
    gate.open();
    assert.deepEqual(one.sent, ['a', 'b', 'c']);
    assert.deepEqual(other.sent, ['d']);
  });

  it('is kept up to 10 s of audio a session: of 500 frames none is lost, of 501 the oldest, and events never', () => {
    const gate = new Gate();
    const [full, over] = [new Holder(), new Holder()];
    gate.close([full, over]);
    for (const holder of [full, over]) gate.send(holder, 0, message('call.dtmf', '5'));
    for (let i = 0; i < 500; i++) gate.send(full, 0, message('audio', `frame ${i}`));
    for (let i = 0; i < 501; i++) gate.send(over, 0, message('audio', `frame ${i}`));
    for (const holder of [full, over]) gate.send(holder, 0, message('call.ended', 'end'));
    gate.open();
    assert.equal(full.sent.length, 502);
    assert.deepEqual(full.sent.slice(0, 2), ['5', 'frame 0']);
    assert.equal(over.sent.length, 502);
    assert.deepEqual(over.sent.slice(0, 2), ['5', 'frame 1']);
    assert.deepEqual(over.sent.slice(-2), ['frame 500', 'end']);
  });

  it('has a webhook wait for it as long as the phone company has patience, and then leave', async () => {
    mock.timers.enable({ apis: ['setTimeout'] });
    const gate = new Gate();
    gate.close([]);
    let answers: boolean[] = [];
    const asked = [gate.whenOpen(10_000), gate.whenOpen(10_001)].map((one) => one.then((open) => answers.push(open)));
    mock.timers.tick(9_999);
    await Promise.resolve();
    assert.deepEqual(answers, []);
    mock.timers.tick(1);
    await asked[0];
    assert.deepEqual(answers, [false]);
    gate.open();
    await asked[1];
    assert.deepEqual(answers, [false, true]);
    answers = [];
    assert.equal(await gate.whenOpen(10_000), true);
  });
});
