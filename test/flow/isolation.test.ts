import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import { example } from '../support/example';
import type { FlowNode } from '../support/runtime';
import { heard, Stage, wentWell } from '../support/stage';

/** Spoils whatever it gets, in place: fields, call, utterance, words, and what a Buffer holds by copy. */
const SPOIL = `
const spoil = (value, depth) => {
  if (Buffer.isBuffer(value) || depth > 4) return;
  for (const key of Object.keys(value)) {
    if (key === '_msgid') continue;
    if (value[key] && typeof value[key] === 'object') spoil(value[key], depth + 1);
    try { value[key] = key === 'id' ? 'spoilt' : null; } catch (err) { node.error(err.message); }
  }
};
spoil(msg, 0);
return null;`;

describe('a Function node that mutates everything it receives', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set();
  });
  after(() => stage.strike());

  it('no other node and no later message sees it', async () => {
    const flow = stage.prepare(example('01'));
    const z = flow.find(({ type }) => type === 'tab')?.id;
    const spoilers: FlowNode[] = [];
    // A spoiler hangs on every output of every node of ours, beside the wires that are there, first in their order.
    const spoilt = flow.map((node) => {
      if (node.z !== z || !node.wires || ['debug', 'catch', 'comment'].includes(node.type)) return node;
      return {
        ...node,
        wires: node.wires.map((wires, output) => {
          const id = `spoil${node.type}${output}`;
          const spoiler = { id, type: 'function', z, func: SPOIL, outputs: 1, name: id, x: 100, y: 400, wires: [[]] };
          spoilers.push(spoiler);
          return [id, ...wires];
        }),
      };
    });
    await stage.deploy([...spoilt, ...spoilers]);
    const report = await stage.call([
      { waitForSilence: 500 },
      { say: 'One two three' },
      { waitForSilence: 500 },
      { say: 'Four five six' },
      { waitForSilence: 500 },
      { hangUp: true },
    ]);
    wentWell(report);
    heard(report, 'Hello, this is Acme. How can I help you?', 'You said: One two three.', 'You said: Four five six.');
    assert.ok(spoilers.length >= 7, 'a spoiler on every output');
    await stage.nothingIsLeft();
  });
});
