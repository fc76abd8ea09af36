import assert from 'node:assert/strict';
import { after, before, describe, it } from 'mocha';
import type * as Remote from '../../simulators/remote';
import type { CallerScript } from '../../simulators/phone';
import type { RingOptions } from '../../simulators/phone/carrier';
import type { CallReport } from '../../simulators/phone/report';
import { atCarrier, byCarrier, CARRIER, ringFarAway } from '../support/carriers';
import { change, example, KEYS, pointed } from '../support/example';
import { live, PACKAGE_ROOT, Runtime, until } from '../support/runtime';
import { heard, plain, wentWell, worldOptions } from '../support/stage';

const GREETING = 'Hello, this is Acme. How can I help you?';
const LONG = Array.from({ length: 40 }, (_, i) => `word${i + 10}`).join(' ');

/** The simulators in another process, and the phone company 150 ms +- 50 away: no word can be looked up, none is on time. */
describe('simulators in another process, far away', () => {
  let world: Remote.RemoteWorld;
  let nodeRed: Runtime;
  before(async () => {
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the built one: the child process runs it
    const { RemoteWorld } = require(`${PACKAGE_ROOT}/dist/simulators/remote.js`) as typeof Remote;
    Object.assign(process.env, KEYS);
    const network = { delayMs: 150, jitterMs: 50 };
    world = await RemoteWorld.start(
      worldOptions({
        twilio: { network },
        telnyx: { network },
        openai: {
          replies: [
            { match: 'everything', reply: LONG },
            { match: 'stop', reply: 'I stopped.' },
          ],
        },
        cartesia: { chunkBytes: 1111 },
      }),
    );
    nodeRed = await Runtime.start();
    const flow = pointed(atCarrier(example('01')), { ...world.addresses, publicUrl: nodeRed.url });
    await nodeRed.deploy(change(flow, 'llm-agent', { api: 'responses' }));
  });
  after(async () => {
    await until('nothing is left here', async () => (await live()).sessions === 0);
    const open = Object.entries(await world.open()).filter(([, count]) => count > 0);
    await nodeRed.stop();
    await world.stop();
    assert.deepEqual(open, [], 'nothing is left there');
  });

  const ring = (script: CallerScript, options: Partial<RingOptions> = {}): Promise<CallReport> =>
    ringFarAway(world, { webhookUrl: `${nodeRed.url}/${CARRIER}/voice`, script, ...options });

  const conversation: CallerScript = [
    { waitForSilence: 700 },
    { say: 'Do you open on Sunday' },
    { waitForSilence: 700 },
    { say: 'And on Monday' },
    { waitForSilence: 700 },
    { hangUp: true },
  ];

  it('the caller hears each word once and in order', async () => {
    const report = await ring(conversation);
    wentWell(report);
    heard(report, GREETING, 'You said: Do you open on Sunday.', 'You said: And on Monday.');
  });

  const odd = byCarrier('odd media', { twilio: { lateTimestamps: 400 }, telnyx: { framesOutOfOrder: true } });
  it(`also with odd chunk sizes, and ${Object.keys(odd).join()}`, async () => {
    const report = await ring(conversation, { chunkBytes: 137, ...odd });
    wentWell(report);
    heard(report, GREETING, 'You said: Do you open on Sunday.', 'You said: And on Monday.');
  });

  it('caller interrupts: no word in the history that the caller had not begun to hear, at most one missing', async () => {
    const before = (await world.requests()).length;
    // Several callers, each cutting at another word: jitter makes each cut another one.
    const reports = await Promise.all(
      [3, 5, 7, 9, 11, 13].map((words) =>
        ring([
          { waitForSilence: 700 },
          { say: `Tell me everything caller${words}` },
          { interruptAfterWords: words, say: `Stop caller${words}` },
          { waitForSilence: 700 },
          { hangUp: true },
        ]),
      ),
    );
    const requests = (await world.requests()).slice(before);
    for (const report of reports) {
      wentWell(report);
      const name = /caller\d+/.exec(report.said.map(({ text }) => text).join(' '))?.[0] ?? '?';
      const cut = plain(report.heardText)
        .split(' ')
        .filter((word) => word.startsWith('word'));
      const last = requests.findLast(({ messages }) =>
        messages.some(({ text }) => text.toLowerCase().includes(`stop ${name}`)),
      );
      const kept = plain(
        last?.messages.find(({ role, text }) => role === 'assistant' && text.includes('word10'))?.text ?? '',
      )
        .split(' ')
        .filter((word) => word.startsWith('word'));
      assert.deepEqual(kept, cut.slice(0, kept.length), `${name} heard ${cut.join(' ')}`);
      assert.ok(cut.length - kept.length <= 1, `${name} heard ${cut.length} words, ${kept.length} were kept`);
    }
  }).timeout(40_000);
});
