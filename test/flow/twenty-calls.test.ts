import { after, before, describe, it } from 'mocha';
import { example } from '../support/example';
import { heard, Stage, wentWell } from '../support/stage';

describe('twenty calls at once', () => {
  let stage: Stage;
  before(async () => {
    stage = await Stage.set({ cartesia: { concurrency: 40 } });
    await stage.deploy(
      stage.prepare(example('01')).map((node) => (node.type === 'cartesia-tts' ? { ...node, concurrency: 40 } : node)),
    );
  });
  after(() => stage.strike());

  it('each with its own script: no word crosses from one call to another', async () => {
    const callers = Array.from({ length: 20 }, (_, i) => i + 1);
    const reports = await Promise.all(
      callers.map((n) =>
        stage.call(
          [
            { pause: (n * 37) % 400 },
            { waitForSilence: 400, timeoutMs: 20_000 },
            { say: `I am caller number${n}` },
            { waitForSilence: 400, timeoutMs: 20_000 },
            { say: `Again number${n} speaking` },
            { waitForSilence: 400, timeoutMs: 20_000 },
            { hangUp: true },
          ],
          { from: `+1555000${String(n).padStart(4, '0')}` },
        ),
      ),
    );
    for (const [i, report] of reports.entries()) {
      const n = i + 1;
      wentWell(report);
      heard(
        report,
        'Hello, this is Acme. How can I help you?',
        `You said: I am caller number${n}.`,
        `You said: Again number${n} speaking.`,
      );
    }
    await stage.nothingIsLeft();
  }).timeout(60_000);
});
