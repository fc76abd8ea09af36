/** Example 11: the people on a list are rung, at most two at a time; who has a machine finds a message on it. */
import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { KEYS } from '../../simulators/keys';
import type { PhoneCall } from '../../simulators/phone';
import type { World } from '../../simulators/world';
import type * as History from '../../nodes/call/dial/history';
import { CARRIER, DIAL, IN } from '../support/carriers';
import { change, example, the } from '../support/example';
import { catchAll, sinkAt } from '../support/flows';
import { ONE_WORKER, sharedContext } from '../support/run-in';
import { heart, PACKAGE_ROOT, until } from '../support/runtime';
import type { FlowNode } from '../support/runtime';
import { plain, Stage, wentWell } from '../support/stage';

const [MIA, BEN, ZOE] = ['+14155550123', '+14155550124', '+14155550125'] as const;

describe('a list is rung (example 11)', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({}, sharedContext());
  });
  after(() => stage.strike());
  beforeEach(() => {
    for (const number of [MIA, BEN, ZOE]) phones().setLine(number, {});
    stage.nodeRed.forget();
    history().clear();
  });
  afterEach(() => stage.nothingIsLeft());

  const phones = (): World['twilio'] | World['telnyx'] => stage.world[CARRIER];
  const history = (): History.DialHistory =>
    // eslint-disable-next-line @typescript-eslint/no-require-imports -- the very module instance that the nodes use
    (require(`${PACKAGE_ROOT}/dist/nodes/call/dial/history.js`) as typeof History).dialHistory;
  const flow = (): FlowNode[] => change(stage.prepare(example('11')), IN, ONE_WORKER);
  /** The button of the inject node. */
  const press = async (): Promise<void> => {
    const { status } = await fetch(`${stage.nodeRed.url}/inject/${the(example('11'), 'inject').id}`, {
      method: 'POST',
    });
    assert.equal(status, 200);
  };
  const ended = (count: number): Promise<void> =>
    until(
      `${count} calls are over`,
      () => stage.nodeRed.received('events').filter(({ topic }) => topic === 'call.ended').length === count,
      20_000,
    );

  it('as shipped: one confirms, one has a machine, one is busy; never more than two ring or talk', async () => {
    await stage.deploy(sinkAt(catchAll(flow()), IN, 1, 'events'));
    stage.world.openai.replies.push({ match: 'yes', reply: 'Then we see you on Monday.' });
    phones().setLine(MIA, {
      script: [{ waitForSilence: 500 }, { say: 'Yes it does' }, { waitForSilence: 500 }, { hangUp: true }],
    });
    phones().setLine(BEN, { machine: { greeting: 'this is Ben please leave a message' } });
    phones().setLine(ZOE, { outcome: 'busy' });
    const calls: PhoneCall[] = [];
    let most = 0;
    const note = (call: PhoneCall): void => {
      calls.push(call);
      most = Math.max(most, heart().registry.count().calls);
    };
    phones().on('call', note);
    await press();
    await until('all have been rung', () => calls.length === 3, 20_000);
    phones().off('call', note);
    const [spoke, left] = await Promise.all(
      [MIA, BEN].map((number) => calls.find(({ to }) => to === number)?.ended ?? assert.fail(`${number} was not rung`)),
    );
    assert.ok(spoke && left);
    await ended(3);
    wentWell(spoke);
    assert.equal(
      plain(spoke.heardText),
      'hello mia this is acme we expect you monday at nine does that still suit you then we see you on monday',
    );
    assert.equal(
      plain(left.messageLeft ?? ''),
      'hello ben this is acme we expect you monday at ten if you cannot come please call us goodbye',
    );
    assert.equal(most, 2, 'at a time');
    const statuses = stage.nodeRed.received('events').filter(({ topic }) => topic === 'call.status');
    const ofZoe = statuses.filter(({ call }) => (call as { to: string }).to === ZOE);
    assert.equal((ofZoe.at(-1)?.payload as { status: string }).status, 'busy');
    assert.deepEqual(stage.nodeRed.received('errors'), []);
  });

  it('a number that is not allowed is told, and the next one rings in its place', async () => {
    const flows = flow();
    const list = JSON.stringify([{ to: '+19005550123' }, { to: '112' }, { to: ZOE, parameters: { name: 'Zoe' } }]);
    await stage.deploy(sinkAt(catchAll(change(flows, 'inject', { payload: list })), IN, 1, 'events'));
    phones().setLine(ZOE, { outcome: 'busy' });
    const called = phones().nextCall();
    await press();
    assert.equal((await called).to, ZOE);
    await ended(1);
    assert.equal(stage.nodeRed.received('errors').length, 2);
    assert.equal(the(flows, DIAL).allowed, '${NUMBERS_ALLOWED}');
    assert.equal(KEYS.NUMBERS_ALLOWED, '+1415');
  });
});
