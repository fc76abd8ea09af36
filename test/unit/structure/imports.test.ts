import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { filesBelow, importsOf, read, violations } from './imports';
import type { Rule } from './imports';

const NODES: Rule = { top: 'nodes', shared: ['call'], topFilesShared: false, above: [] };
/** The demo plays with all of them. */
const SIMULATORS: Rule = { top: 'simulators', shared: ['phone'], topFilesShared: true, above: ['demo'] };

/** A provider's file that should not be: each line breaks the house in another way. */
const BAD = `
import { a } from '../twilio/rest';
import type { B } from '../openai/realtime';
export * from '../telnyx/fields';
import c = require('../cartesia/socket');
const d = require('../deepgram/listen') as unknown;
const e = import('../elevenlabs/context');
type F = import('../agent/settings').Settings;
import { g } from '../../simulators/audio';
`;
const GOOD = `
import { readFileSync } from 'node:fs';
import { WebSocket } from 'ws';
import { ProviderError } from '../call/errors';
import type { Reader } from './listen';
export type { Reader } from './listen';
// import { no } from '../twilio/rest';
const text = "import { no } from '../twilio/rest'";
`;

describe('a folder is all that a provider takes', () => {
  for (const rule of [NODES, SIMULATORS]) {
    it(`${rule.top}/: no provider's folder imports from another's`, () => {
      const files = filesBelow(rule.top, '.ts');
      const imports = files.flatMap((file) => importsOf(file, read(file)));
      // Each provider's files were read, and use what is shared.
      for (const provider of ['twilio', 'telnyx', 'deepgram', 'openai', 'cartesia', 'elevenlabs']) {
        assert.ok(
          imports.some(({ from, to }) => from.startsWith(`${rule.top}/${provider}/`) && !to.includes(`/${provider}`)),
          provider,
        );
      }
      assert.deepEqual(violations(rule, imports), []);
    });
  }

  it('nodes/call/, which all share, imports from no provider and not from the agent', () => {
    const imports = filesBelow('nodes/call', '.ts').flatMap((file) => importsOf(file, read(file)));
    assert.ok(imports.length > 100);
    assert.deepEqual(
      imports.filter(({ to }) => !to.startsWith('nodes/call/')),
      [],
    );
  });

  it('finds whoever breaks it, however it is written', () => {
    const found = violations(NODES, importsOf('nodes/acme/acme-stt.ts', BAD));
    assert.deepEqual(
      found.map((line) => /'(.*?)'/.exec(line)?.[1]),
      [
        '../twilio/rest',
        '../openai/realtime',
        '../telnyx/fields',
        '../cartesia/socket',
        '../deepgram/listen',
        '../elevenlabs/context',
        '../agent/settings',
        '../../simulators/audio',
      ],
    );
    assert.match(found[0] ?? '', /^nodes\/acme\/acme-stt\.ts imports '\.\.\/twilio\/rest': twilio\/ is another's$/);
    assert.deepEqual(violations(NODES, importsOf('nodes/acme/acme-stt.ts', GOOD)), []);
  });

  it('finds what is shared but imports a provider, and a simulator that leans on another', () => {
    const shared = importsOf('nodes/call/node.ts', "import { a } from '../twilio/rest';");
    assert.equal(violations(NODES, shared).length, 1);
    const leaning = importsOf(
      'simulators/acme/index.ts',
      "import { a } from '../twilio';\nimport { b } from '../audio';\nimport { c } from '../phone/line';",
    );
    assert.deepEqual(violations(SIMULATORS, leaning), [
      "simulators/acme/index.ts imports '../twilio': twilio/ is another's",
    ]);
  });
});
