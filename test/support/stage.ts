/** A stage for flow tests: a real Node-RED, the simulated world, and an example deployed on it as shipped. */
import assert from 'node:assert/strict';
import { TELNYX_SIGNING_SEED } from '../../simulators/keys';
import { World } from '../../simulators/world';
import type { WorldOptions } from '../../simulators/world';
import type { CallerScript, PhoneCall } from '../../simulators/phone';
import type { RingOptions } from '../../simulators/phone/carrier';
import type { CallReport } from '../../simulators/phone/report';
import { atCarrier, CARRIER, pathAtCarrier } from './carriers';
import { change, KEYS, pointed } from './example';
import { live, Runtime, until } from './runtime';
import type { DeployType, FlowNode } from './runtime';

/** Delays of the simulated providers: short, so that tests are quick; never 0, so that things happen in between. */
const QUICK: WorldOptions = {
  openai: { firstTokenMs: 80, tokenMs: 10 },
  cartesia: { firstAudioMs: 60 },
  elevenlabs: { firstAudioMs: 60 },
};

/** How somebody rings, on any carrier. */
export interface StoryRing extends Partial<RingOptions> {
  /** As in the example, whose ends are Twilio's; default `/twilio/voice`. */
  path?: string;
  /** The stream is never opened though it was asked for; the caller waits in silence. */
  refuseStream?: boolean;
}

/** All simulators' options with the keys that the examples' accounts expect. */
export function worldOptions(options: WorldOptions = {}): WorldOptions {
  return {
    twilio: { accountSid: KEYS.TWILIO_ACCOUNT_SID, authToken: KEYS.TWILIO_AUTH_TOKEN, ...options.twilio },
    telnyx: { apiKey: KEYS.TELNYX_API_KEY, signingSeed: TELNYX_SIGNING_SEED, ...options.telnyx },
    deepgram: { apiKey: KEYS.DEEPGRAM_API_KEY, ...options.deepgram },
    openai: { apiKey: KEYS.OPENAI_API_KEY, ...options.openai },
    cartesia: { apiKey: KEYS.CARTESIA_API_KEY, ...options.cartesia },
    elevenlabs: { apiKey: KEYS.ELEVENLABS_API_KEY, ...options.elevenlabs },
  };
}

export class Stage {
  private constructor(
    readonly nodeRed: Runtime,
    readonly world: World,
  ) {}

  /** @param settings of Node-RED, besides its usual ones */
  static async set(options: WorldOptions = {}, settings: Record<string, unknown> = {}): Promise<Stage> {
    Object.assign(process.env, KEYS);
    const { openai, cartesia, elevenlabs } = options;
    const quick = {
      ...options,
      openai: { ...QUICK.openai, ...openai },
      cartesia: { ...QUICK.cartesia, ...cartesia },
      elevenlabs: { ...QUICK.elevenlabs, ...elevenlabs },
    };
    const world = await new World(worldOptions(quick)).start();
    return new Stage(await Runtime.start(settings), world);
  }

  async strike(): Promise<void> {
    await this.nodeRed.stop();
    await this.world.stop();
  }

  /** An example (or any flow) at this run's carrier, with its accounts pointed at the simulators, ready to be deployed. */
  prepare(flows: readonly FlowNode[]): FlowNode[] {
    const at = pointed(atCarrier(flows), { ...this.world.addresses, publicUrl: this.nodeRed.url });
    // For another address than OpenAI's own, "auto" takes Chat Completions; the examples mean the Responses API.
    return change(at, 'llm-agent', { api: 'responses' });
  }

  async deploy(flows: readonly FlowNode[], type: DeployType = 'full'): Promise<void> {
    await this.nodeRed.deploy(flows, type);
  }

  /** Somebody rings, by way of this run's carrier. */
  ring(script: CallerScript, options: StoryRing = {}): PhoneCall {
    const { path = '/twilio/voice', ...rest } = options;
    return this.world[CARRIER].ring({ webhookUrl: this.nodeRed.url + pathAtCarrier(path), script, ...rest });
  }

  /** Rings, and waits for the call's end. */
  async call(script: CallerScript, options: StoryRing = {}): Promise<CallReport> {
    return this.ring(script, options).ended;
  }

  /** Everything of all calls is gone, on our side and at the simulators. */
  async nothingIsLeft(): Promise<void> {
    const left = async (): Promise<string[]> => {
      const open = { ...this.world.open, ...(await live()) };
      return Object.entries(open)
        .filter(([, count]) => count !== 0)
        .map(([what, count]) => `${count} ${what}`);
    };
    await until('nothing is left', async () => (await left()).length === 0, 8_000).catch(() => undefined);
    assert.deepEqual(await left(), [], 'left behind');
  }
}

/** Words as they are compared: without case and punctuation. */
export function plain(text: string): string {
  return text
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s]/gu, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The report of a call in which all went by the protocol and the caller's script came to its end. */
export function wentWell(report: CallReport): void {
  assert.equal(report.failure, undefined, `${report.failure ?? ''} - heard: "${report.heardText}"`);
  assert.deepEqual(report.findings, []);
}

/** What the caller heard, exactly, each word once and in order. */
export function heard(report: CallReport, ...utterances: string[]): void {
  assert.equal(plain(report.heardText), plain(utterances.join(' ')));
}
