/** The whole outside world on loopback: phone companies with their callers, Deepgram, OpenAI, Cartesia and ElevenLabs. */
import { CartesiaSimulator } from './cartesia';
import type { CartesiaOptions } from './cartesia';
import { DeepgramSimulator } from './deepgram';
import type { DeepgramOptions } from './deepgram';
import { ElevenLabsSimulator } from './elevenlabs';
import type { ElevenLabsOptions } from './elevenlabs';
import { OpenAiSimulator } from './openai';
import type { OpenAiOptions } from './openai';
import { TelnyxCompany } from './telnyx';
import type { TelnyxOptions } from './telnyx';
import { PhoneCompany } from './twilio';
import type { PhoneCompanyOptions } from './twilio';

/** Options of each part; plain data. */
export interface WorldOptions {
  twilio?: PhoneCompanyOptions;
  telnyx?: TelnyxOptions;
  deepgram?: DeepgramOptions;
  openai?: OpenAiOptions;
  cartesia?: CartesiaOptions;
  elevenlabs?: ElevenLabsOptions;
}

/** The base URLs that account nodes are given. */
export interface WorldAddresses {
  twilio: string;
  telnyx: string;
  deepgram: string;
  openai: string;
  cartesia: string;
  elevenlabs: string;
}

export class World {
  readonly twilio: PhoneCompany;
  readonly telnyx: TelnyxCompany;
  readonly deepgram: DeepgramSimulator;
  readonly openai: OpenAiSimulator;
  readonly cartesia: CartesiaSimulator;
  readonly elevenlabs: ElevenLabsSimulator;

  constructor(options: WorldOptions = {}) {
    this.twilio = new PhoneCompany(options.twilio);
    this.telnyx = new TelnyxCompany(options.telnyx);
    this.deepgram = new DeepgramSimulator(options.deepgram);
    this.openai = new OpenAiSimulator(options.openai);
    this.cartesia = new CartesiaSimulator(options.cartesia);
    this.elevenlabs = new ElevenLabsSimulator(options.elevenlabs);
  }

  async start(): Promise<this> {
    await Promise.all([
      this.twilio.start(),
      this.telnyx.start(),
      this.deepgram.start(),
      this.openai.start(),
      this.cartesia.start(),
      this.elevenlabs.start(),
    ]);
    return this;
  }

  async stop(): Promise<void> {
    await Promise.all([this.twilio.stop(), this.telnyx.stop()]);
    await Promise.all([this.deepgram.close(), this.openai.close(), this.cartesia.close(), this.elevenlabs.close()]);
  }

  get addresses(): WorldAddresses {
    return {
      twilio: this.twilio.url,
      telnyx: this.telnyx.url,
      deepgram: this.deepgram.url,
      openai: this.openai.url,
      cartesia: this.cartesia.url,
      elevenlabs: this.elevenlabs.url,
    };
  }

  /** What is open now, by provider; when all calls are over, all of it must be 0. */
  get open(): Record<string, number> {
    const open: Record<string, number> = {};
    for (const [name, counts] of Object.entries({
      twilio: this.twilio.open,
      telnyx: this.telnyx.open,
      deepgram: this.deepgram.open,
      openai: this.openai.open,
      cartesia: this.cartesia.open,
      elevenlabs: this.elevenlabs.open,
    })) {
      for (const [what, count] of Object.entries(counts)) open[`${name} ${what}`] = count;
    }
    return open;
  }
}
