import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { readWorkerSettings } from '../../../nodes/call/workers/settings';

describe('the settings of worker threads', () => {
  it('are none for calls of this runtime, whatever else the node says, and for a node that was saved before there were any', () => {
    assert.equal(readWorkerSettings({}), undefined);
    assert.equal(readWorkerSettings({ runIn: 'runtime', workers: 'many', workerMemory: 1 }), undefined);
  });

  it('have the defaults that the edit dialog shows', () => {
    const defaults = {
      workers: undefined,
      callsPerWorker: undefined,
      memoryMb: 256,
      oldCallsMs: 3_600_000,
      nodeTypes: [],
      apology: 'We are sorry, there is a technical problem. Please call again.',
    };
    assert.deepEqual(readWorkerSettings({ runIn: 'workers' }), defaults);
    const asSaved = { workers: '', callsPerWorker: '', workerMemory: 256, oldCalls: 60, workerNodes: '' };
    assert.deepEqual(readWorkerSettings({ runIn: 'workers', ...asSaved, workerApology: '' }), defaults);
  });

  it('take types of nodes with commas between: Node-RED has some with a space in the name', () => {
    const types = readWorkerSettings({ runIn: 'workers', workerNodes: 'csv, file in;\n xml ,' })?.nodeTypes;
    assert.deepEqual(types, ['csv', 'file in', 'xml']);
  });

  it('are refused in words', () => {
    const wrong: [Record<string, unknown>, RegExp][] = [
      [{ runIn: 'threads' }, /runIn must be one of runtime, workers/],
      [{ runIn: 'workers', workers: 0 }, /workers must be a number from 1 to 256/],
      [{ runIn: 'workers', callsPerWorker: 0 }, /callsPerWorker must be a number from 1/],
      [{ runIn: 'workers', workerMemory: 8 }, /workerMemory must be a number from 32/],
      [{ runIn: 'workers', oldCalls: 'never' }, /oldCalls must be a number/],
    ];
    for (const [config, words] of wrong) assert.throws(() => readWorkerSettings(config), words);
  });
});
