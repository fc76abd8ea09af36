import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { Turns } from '../../../nodes/call/control/fetch';
import { readControlSettings } from '../../../nodes/call/control/node-settings';
import { ACTIONS, readDigits } from '../../../nodes/call/control/actions';
import { readControlOrder } from '../../../nodes/call/control/order';
import { SettingError } from '../../../nodes/call/settings';
import { read } from '../structure/imports';

describe('recordings that are fetched', () => {
  it('are fetched 4 at a time, in their order; 1,000 wait, and the next is refused', async () => {
    const turns = new Turns();
    const begun: number[] = [];
    const finish: (() => void)[] = [];
    const fetch = (i: number): Promise<void> =>
      turns.run(() => {
        begun.push(i);
        return new Promise((resolve) => finish.push(resolve));
      });
    const all = Array.from({ length: 1_004 }, (_, i) => fetch(i));
    assert.deepEqual(begun, [0, 1, 2, 3]);
    await assert.rejects(fetch(1_004), /1000 recordings wait to be fetched already: try again later/);
    for (let done = 0; done < 1_004; done++) {
      finish.shift()?.();
      await all[done];
      await new Promise((resolve) => setImmediate(resolve));
      assert.ok(finish.length <= 4);
    }
    assert.deepEqual(
      begun,
      Array.from({ length: 1_004 }, (_, i) => i),
    );
  });

  it('make room also where one fails', async () => {
    const turns = new Turns(1, 1);
    await assert.rejects(
      turns.run(() => Promise.reject(new Error('gone'))),
      /gone/,
    );
    assert.equal(await turns.run(() => Promise.resolve('here')), 'here');
  });
});

describe('digits', () => {
  it('are 64 at most', () => {
    assert.equal(readDigits('1'.repeat(64)).length, 64);
    assert.throws(() => readDigits('1'.repeat(65)), /at most 64 digits are sent at once, not 65/);
  });
});

describe('the settings of call-control', () => {
  it('are right for a phone call with nothing set: hang up when the agent has finished', () => {
    const settings = readControlSettings({});
    assert.deepEqual(readControlOrder('hang-up', {}, settings), { action: 'hang-up', finished: true, goodbye: '' });
    assert.deepEqual(readControlOrder('recording-start', {}, settings), { action: 'recording-start', order: { channels: 'dual', track: 'both', trim: false, callbackUrl: '' } }); // prettier-ignore
  });

  it('that are wrong are told as the dialog names them, but only those of the chosen action', () => {
    const wrong = {
      to: '911',
      allowed: 'all',
      callerId: 'me',
      recordingCallback: 'ftp://x',
      digits: 'x',
      values: '[',
      perHour: 0,
    };
    const words: [string, RegExp][] = [
      ['transfer', /Allowed prefixes are such as/],
      ['recording-start', /The URL for reports of the recording must begin with https/],
      ['digits', /digits are 0 to 9/],
      ['set-values', /values is not valid JSON/],
      ['jump', /action must be one of hang-up, .*, not "jump"/],
    ];
    for (const [action, expected] of words) {
      assert.throws(() => readControlSettings({ ...wrong, action }), (err) => err instanceof SettingError && expected.test(err.message)); // prettier-ignore
    }
    for (const action of ['hang-up', 'private-on']) readControlSettings({ ...wrong, action });
    assert.throws(() => readControlSettings({ on: 'call.started, audio' }), /audio is never acted on/);
  });

  it('a place for recordings that nobody has set is no place', () => {
    const config = { action: 'recording-fetch', file: '${RECORDINGS_FOLDER}', remove: true };
    assert.throws(() => readControlSettings(config), /The environment variable RECORDINGS_FOLDER is not set/);
  });

  it('a number that stands in the node needs no prefix, but is checked all the same', () => {
    const fixed = readControlSettings({ action: 'transfer', to: '+442079460321' });
    assert.equal((readControlOrder('transfer', { to: '+15551234567' }, fixed) as { order: { to: string } }).order.to, '+442079460321'); // prettier-ignore
    assert.throws(() => readControlSettings({ action: 'transfer', to: '+19005550100' }), /premium-rate/);
  });

  it('each action has a name in the dialog, and words for the status', () => {
    const labels = JSON.parse(read('nodes/call/locales/en-US/call-control.json')) as Record<
      string,
      Record<string, object>
    >;
    const { action = {}, status = {} } = labels['call-control'] ?? {};
    assert.deepEqual(Object.keys(action).sort(), [...ACTIONS, 'message'].sort());
    assert.deepEqual(Object.keys(status).sort(), [...ACTIONS, 'working'].sort());
  });
});
