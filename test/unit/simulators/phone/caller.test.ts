import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { FRAME_BYTES, hearWords, isSilent, speakWords } from '../../../../simulators/audio';
import { Caller } from '../../../../simulators/phone/caller';
import { Ear } from '../../../../simulators/phone/ear';
import type { CallerScript } from '../../../../simulators/phone/script';

/** A caller without a phone company: time passes only when the test says so. */
class Room {
  readonly ear = new Ear(() => {});
  readonly caller: Caller;
  readonly events: string[] = [];
  readonly frames: Buffer[] = [];
  private agent: Buffer = Buffer.alloc(0);

  constructor(script: CallerScript) {
    this.caller = new Caller(script, this.ear, {
      press: (digit) => this.events.push(`press ${digit} at ${this.ear.nowMs - 20}`),
      hangUp: (reason) => {
        this.events.push(`hang up: ${reason}`);
        this.caller.end();
      },
      saying: () => {},
      said: () => {},
      failed: () => {},
      beeped: (atMs) => this.events.push(`beeped at ${atMs}`),
    });
  }

  agentSays(text: string): void {
    this.agent = Buffer.concat([this.agent, speakWords(text).audio]);
  }

  agentClears(): void {
    this.agent = Buffer.alloc(0);
    this.caller.cleared();
  }

  pass(ms: number): void {
    for (let left = ms; left > 0; left -= 20) {
      const frame = this.agent.length > 0 ? this.agent.subarray(0, FRAME_BYTES) : undefined;
      this.agent = this.agent.subarray(FRAME_BYTES);
      this.ear.hear(frame, 'stream');
      this.frames.push(this.caller.tick());
    }
  }

  get spoken(): string {
    return hearWords(Buffer.concat(this.frames));
  }
}

describe('the scripted caller', () => {
  it('listens to the whole answer before it speaks', () => {
    const room = new Room([{ waitForSilence: 300 }, { say: 'yes' }]);
    room.pass(1000);
    assert.equal(room.spoken, '');
    room.agentSays('shall we');
    room.pass(200);
    room.pass(400);
    assert.equal(room.spoken, '');
    room.pass(200);
    assert.equal(room.spoken, 'yes');
  });

  it('does not take for an answer what was cleared', () => {
    const room = new Room([{ interruptAfterWords: 2, say: 'stop' }, { waitForSilence: 200 }, { say: 'thanks' }]);
    room.agentSays('one two three four five six');
    room.pass(500); // the interruption lasts from 200 to 400 ms, and the agent talks on
    room.agentClears();
    room.pass(600);
    assert.equal(room.spoken, 'stop');
    room.agentSays('sorry');
    room.pass(600);
    assert.equal(room.spoken, 'stop thanks');
    assert.deepEqual(room.caller.interruptions, [{ said: 'stop', atMs: 200, agentStoppedAfterMs: 300 }]);
  });

  it('begins an interruption with the very word that it waits for', () => {
    const room = new Room([{ interruptAfterWords: 3, say: 'wait' }]);
    room.agentSays('one two three four');
    room.pass(1000);
    assert.equal(room.caller.said[0]?.startedAt, 400);
    assert.equal(room.ear.words()[2]?.atMs, 400);
  });

  it('counts words of the current utterance only', () => {
    const room = new Room([{ waitForSilence: 200 }, { interruptAfterWords: 2, say: 'wait' }]);
    room.agentSays('one two three four');
    room.pass(1500);
    assert.equal(room.spoken, '');
    room.agentSays('five six');
    room.pass(500);
    assert.equal(room.spoken, 'wait');
  });

  it('measures from the end of its speech to the first sound of the answer', () => {
    const room = new Room([{ say: 'hello there' }]);
    room.pass(500); // the last sound is at 360 ms
    room.agentSays('hi');
    room.pass(200);
    assert.deepEqual(room.caller.turns, [{ said: 'hello there', endedAt: 360, firstSoundAt: 500, latencyMs: 140 }]);
  });

  it('does not mistake for an answer that the agent talks on', () => {
    const room = new Room([{ waitForWords: 1 }, { say: 'aha' }]);
    room.agentSays('one two three four five');
    room.pass(1100);
    assert.equal(room.caller.turns[0]?.latencyMs, undefined);
    room.agentSays('six');
    room.pass(100);
    assert.equal(room.caller.turns[0]?.latencyMs, 1100 - 160);
  });

  it('finds a phrase whatever its case and punctuation, each place once', () => {
    const room = new Room([{ waitFor: 'good morning' }, { waitFor: 'Good Morning!' }, { hangUp: true }]);
    room.agentSays('Good evening. Good, morning!');
    room.pass(1500);
    assert.deepEqual(room.events, []);
    room.agentSays('good morning');
    room.pass(400);
    assert.deepEqual(room.events, ['hang up: the caller hung up']);
  });

  it('coughs with energy and without words, and nobody takes it for speech', () => {
    const room = new Room([{ cough: 130 }, { pause: 40 }]);
    room.pass(300);
    assert.equal(room.frames.filter((frame) => !isSilent(frame)).length, 7);
    assert.ok(room.frames.every((frame) => frame.length === FRAME_BYTES));
    assert.equal(room.spoken, '');
    assert.deepEqual([room.caller.said, room.caller.turns], [[], []]);
  });

  it('presses keys one after another', () => {
    const room = new Room([{ press: '1#' }, { hangUp: true }]);
    room.pass(400);
    assert.deepEqual(room.events, ['press 1 at 0', 'press # at 100', 'hang up: the caller hung up']);
  });

  it('gives up a step that is not met, and says what it heard instead', () => {
    const room = new Room([{ pause: 100 }, { waitForWords: 3 }, { say: 'never' }]);
    room.agentSays('only two');
    room.pass(10_080);
    assert.equal(room.caller.failure, undefined);
    room.pass(40);
    assert.equal(room.caller.failure, 'Step 2 {"waitForWords":3} was not met within 10000 ms; heard since: "only two"');
    assert.deepEqual(room.events, ['hang up: the script failed']);
  });

  it('takes further steps when the script is done, and refuses them after the call', async () => {
    const room = new Room([]);
    room.pass(100);
    const done = room.caller.perform([{ say: 'one more thing' }]);
    room.pass(700);
    await done;
    assert.equal(room.spoken, 'one more thing');
    const bye = new Room([]);
    const hungUp = bye.caller.perform([{ say: 'bye' }, { hangUp: true }]);
    bye.pass(400);
    await hungUp;
    const never = room.caller.perform([{ waitFor: 'x' }]);
    room.caller.end();
    await assert.rejects(never, /The call ended before/);
    await assert.rejects(room.caller.perform([{ pause: 1 }]), /The call is over/);
  });
});
