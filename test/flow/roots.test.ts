import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { after, before, describe, it } from 'mocha';
import type { RingOptions } from '../../simulators/twilio';
import { World } from '../../simulators/world';
import { atCarrier, byCarrier, CARRIER } from '../support/carriers';
import { change, example, KEYS, pointed } from '../support/example';
import { freePort, NodeRedProcess } from '../support/node-red-process';
import { makeUserDir, NODE_RED, until } from '../support/runtime';
import { heard, plain, wentWell, worldOptions } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
/** The kinds of webhook that the carrier may be set to. */
const METHODS = byCarrier<Pick<RingOptions, 'method'>[]>('GET and JSON webhooks', {
  twilio: [{ method: 'POST' }, { method: 'GET' }, { method: 'JSON' }],
  telnyx: [{}],
});
const NODE_RED_DIR = dirname(require.resolve(`${NODE_RED}/package.json`));

/** Node-RED as users start it, in a process of its own. */
describe('Node-RED as a user starts it', () => {
  let world: World;
  before(async () => {
    Object.assign(process.env, KEYS);
    world = await new World(worldOptions()).start();
  });
  after(() => world.stop());

  async function start(
    admin: string,
    root: string,
  ): Promise<{ nodeRed: NodeRedProcess; publicUrl: string; end: () => void }> {
    const port = await freePort();
    const publicUrl = `http://127.0.0.1:${port}${root === '/' ? '' : root}`;
    const flow = change(pointed(atCarrier(example('01')), { ...world.addresses, publicUrl }), 'llm-agent', {
      api: 'responses',
    });
    const userDir = makeUserDir();
    const more = { httpAdminRoot: admin, httpNodeRoot: root, credentialSecret: false };
    // A flow file holds no credentials: they come as the editor would send them.
    const nodeRed = await NodeRedProcess.start(NODE_RED_DIR, userDir, [], more, port);
    const response = await fetch(`${nodeRed.url}${admin === '/' ? '' : admin}/flows`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(flow),
    });
    assert.equal(response.status, 204, await response.text());
    // The answer comes before the flows run: the log tells when.
    await until('the flow is started', () => nodeRed.log.split('Started flows').length > 2, 20_000);
    return { nodeRed, publicUrl, end: () => rmSync(userDir, { recursive: true, force: true }) };
  }

  for (const [admin, root] of [
    ['/', '/'],
    ['/admin', '/'],
    ['/', '/red'],
  ] as const) {
    it(`with httpAdminRoot ${admin} and httpNodeRoot ${root}: webhooks (of ${METHODS.length} kinds) and media socket work`, async () => {
      const { nodeRed, publicUrl, end } = await start(admin, root);
      try {
        for (const odd of METHODS) {
          const webhookUrl = `${publicUrl}/${CARRIER}/voice`;
          const call = world[CARRIER].ring({ webhookUrl, ...odd, script: [{ waitForSilence: 500 }, { hangUp: true }] });
          const report = await call.ended;
          wentWell(report);
          heard(report, GREETING);
        }
      } finally {
        await nodeRed.stop();
        end();
      }
    }).timeout(60_000);
  }

  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} ends the calls politely`, async () => {
      const { nodeRed, publicUrl, end } = await start('/', '/');
      const call = world[CARRIER].ring({ webhookUrl: `${publicUrl}/${CARRIER}/voice`, script: [] });
      await call.heard((_word, text) => plain(text).endsWith('help you'));
      await nodeRed.stop(signal);
      const report = await call.ended;
      end();
      const goodbye = report.heard.filter(({ source }) => source === 'carrier').map(({ text }) => text);
      assert.equal(plain(goodbye.join(' ')), 'goodbye');
      assert.equal(report.status, 'completed');
      assert.notEqual(report.endedBy, 'caller');
    }).timeout(60_000);
  }
});
