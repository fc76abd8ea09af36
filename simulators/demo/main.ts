/**
 * The demo (`npm start`): a real Node-RED with its editor, example 01 deployed with its accounts pointed at simulators,
 * and a simulated caller who rings. The terminal shows the call as it happens.
 */
import { KEYS } from '../keys';
import { DemoNodeRed } from './node-red';
import { Terminal } from './terminal';
import { GREETING, judge, REPLIES, SCRIPT } from './story';
import { World } from '../world';

/** Everything of a call must be gone so soon after its end, ms. */
const GONE_WITHIN_MS = 5_000;
/** How long the end of the demo waits for the goodbye to be heard, ms. */
const GOODBYE_MS = 4_000;

async function main(): Promise<number> {
  const once = process.argv.includes('--once');
  const terminal = new Terminal();
  Object.assign(process.env, KEYS);
  const world = await new World({
    twilio: { accountSid: KEYS.TWILIO_ACCOUNT_SID, authToken: KEYS.TWILIO_AUTH_TOKEN },
    deepgram: { apiKey: KEYS.DEEPGRAM_API_KEY },
    openai: { apiKey: KEYS.OPENAI_API_KEY, replies: REPLIES, firstTokenMs: 200, tokenMs: 20 },
    cartesia: { apiKey: KEYS.CARTESIA_API_KEY, firstAudioMs: 90 },
    elevenlabs: { apiKey: KEYS.ELEVENLABS_API_KEY, firstAudioMs: 90 },
  }).start();
  const nodeRed = await DemoNodeRed.start(Number(process.env.PORT ?? 1880), world.addresses, GREETING);
  terminal.welcome(nodeRed);
  nodeRed.onMessage((type, msg) => terminal.message(type, msg));

  const ring = async (): Promise<string[]> => {
    const call = world.twilio.ring({
      webhookUrl: `${nodeRed.url}/twilio/voice`,
      script: SCRIPT,
    });
    terminal.rings(call);
    const report = await call.ended;
    const wrong = judge(report, world.openai.requests.at(-1)?.messages ?? []);
    wrong.push(...(await leftBehind(nodeRed, world)));
    terminal.ended(report, wrong);
    return wrong;
  };

  const stop = async (): Promise<void> => {
    await nodeRed.sayGoodbye();
    // The callers hear it, and the phone company tells Node-RED that it is over, before the lights go out.
    const over = Promise.all([...world.twilio.calls.values()].map((call) => call.ended));
    await Promise.race([over, new Promise((resolve) => setTimeout(resolve, GOODBYE_MS))]);
    await nodeRed.stop();
    await world.stop();
  };

  if (once) {
    const wrong = await ring();
    await stop();
    return wrong.length === 0 ? 0 : 1;
  }
  return new Promise((resolve) => {
    let ringing = Promise.resolve();
    let leaving = false;
    const again = (): void => {
      ringing = ringing.then(async () => {
        if (leaving) return;
        await ring();
        if (!leaving) terminal.invite(nodeRed);
      });
    };
    again();
    process.stdin.on('data', again);
    process.stdin.resume();
    const leave = (): void => {
      if (leaving) return;
      leaving = true;
      terminal.leaving();
      process.stdin.pause();
      void stop().then(() => resolve(0));
    };
    process.on('SIGINT', leave);
    process.on('SIGTERM', leave);
  });
}

/** Counts what is still open of the call, on our side and at the simulators, once it has had time to go. */
async function leftBehind(nodeRed: DemoNodeRed, world: World): Promise<string[]> {
  const open = (): [string, number][] =>
    Object.entries({
      ...world.open,
      'Node-RED calls': nodeRed.calls(),
      'Node-RED sessions': nodeRed.sessions(),
    }).filter(([, count]) => count > 0);
  const until = Date.now() + GONE_WITHIN_MS;
  while (open().length > 0 && Date.now() < until) await new Promise((resolve) => setTimeout(resolve, 50));
  return open().map(([what, count]) => `Still open after the call: ${count} ${what}`);
}

main().then(
  (code) => process.exit(code),
  (err: unknown) => {
    console.error(err instanceof Error ? err.message : err);
    process.exit(1);
  },
);
