import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { EnergyGate, GATE_DEFAULTS } from '../../../nodes/call/stt/energy-gate';
import { magnitudeOf, VOICE } from '../../../nodes/call/stt/loudness';

const LOUD = 3_000;
const SOFT = 50;

/** Hears so many ms at one level. @returns what changed, and at which ms of that stretch */
function hear(gate: EnergyGate, level: number, ms: number): [string, number][] {
  const changes: [string, number][] = [];
  for (let at = 20; at <= ms; at += 20) {
    const change = gate.hear(level, 20);
    if (change) changes.push([change, at]);
  }
  return changes;
}

describe('the energy gate', () => {
  it('opens with a voice, and closes half a second after it, telling when it began and ended', () => {
    const gate = new EnergyGate(GATE_DEFAULTS);
    assert.deepEqual(hear(gate, SOFT, 1_000), []);
    assert.deepEqual(hear(gate, LOUD, 800), [['opened', 60]]);
    assert.equal(gate.startMs, 1_000);
    assert.deepEqual(hear(gate, SOFT, 480), []);
    assert.deepEqual(hear(gate, SOFT, 20), [['closed', 20]]);
    assert.equal(gate.endMs, 1_800);
    assert.deepEqual(hear(gate, LOUD, 60), [['opened', 60]]);
    assert.equal(gate.startMs, 2_300);
  });

  it('is not opened by a click, nor closed by a pause between words', () => {
    const gate = new EnergyGate(GATE_DEFAULTS);
    assert.deepEqual(hear(gate, LOUD, 40), []);
    assert.deepEqual(hear(gate, SOFT, 200), []);
    assert.deepEqual(hear(gate, LOUD, 100), [['opened', 60]]);
    assert.deepEqual(hear(gate, SOFT, 400), []);
    assert.deepEqual(hear(gate, LOUD, 100), []);
    assert.equal(gate.open, true);
  });

  it('ends talk without a pause at a gap between words when 15 s are near, and at 15 s in any case', () => {
    const words = new EnergyGate(GATE_DEFAULTS);
    hear(words, LOUD, 12_980);
    assert.deepEqual(hear(words, SOFT, 20), [['closed', 20]]);
    const noise = new EnergyGate(GATE_DEFAULTS);
    assert.deepEqual(hear(noise, LOUD, 15_000), [
      ['opened', 60],
      ['closed', 15_000],
    ]);
    assert.deepEqual(hear(noise, LOUD, 60), [['opened', 60]]);
    assert.equal(noise.startMs, 15_000);
  });

  it('takes no gap for the end before that', () => {
    const gate = new EnergyGate(GATE_DEFAULTS);
    hear(gate, LOUD, 12_960);
    assert.deepEqual(hear(gate, SOFT, 20), []);
  });

  it('knows a voice from -40 dB on', () => {
    assert.ok(Math.abs(magnitudeOf(-40) - VOICE) < 30);
    const gate = new EnergyGate({ ...GATE_DEFAULTS, threshold: magnitudeOf(-30) });
    assert.deepEqual(hear(gate, 900, 200), []);
    assert.deepEqual(hear(gate, 1_100, 200), [['opened', 60]]);
  });
});
