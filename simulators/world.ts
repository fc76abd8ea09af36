/** The whole outside world on loopback: a phone company with its callers, Deepgram, OpenAI and Cartesia. */
import { CartesiaSimulator } from './cartesia';
import type { CartesiaOptions } from './cartesia';
import { DeepgramSimulator } from './deepgram';
import type { DeepgramOptions } from './deepgram';
import { OpenAiSimulator } from './openai';
import type { OpenAiOptions } from './openai';
import { PhoneCompany } from './twilio';
import type { PhoneCompanyOptions } from './twilio';

/** Options of each part; plain data. */
export interface WorldOptions {
  twilio?: PhoneCompanyOptions;
  deepgram?: DeepgramOptions;
  openai?: OpenAiOptions;
  cartesia?: CartesiaOptions;
}

/** The base URLs that account nodes are given. */
export interface WorldAddresses {
  twilio: string;
  deepgram: string;
  openai: string;
  cartesia: string;
}

export class World {
  readonly twilio: PhoneCompany;
  readonly deepgram: DeepgramSimulator;
  readonly openai: OpenAiSimulator;
  readonly cartesia: CartesiaSimulator;

  constructor(options: WorldOptions = {}) {
    this.twilio = new PhoneCompany(options.twilio);
    this.deepgram = new DeepgramSimulator(options.deepgram);
    this.openai = new OpenAiSimulator(options.openai);
    this.cartesia = new CartesiaSimulator(options.cartesia);
  }

  async start(): Promise<this> {
    await Promise.all([this.twilio.start(), this.deepgram.start(), this.openai.start(), this.cartesia.start()]);
    return this;
  }

  async stop(): Promise<void> {
    await this.twilio.stop();
    await Promise.all([this.deepgram.close(), this.openai.close(), this.cartesia.close()]);
  }

  get addresses(): WorldAddresses {
    return {
      twilio: this.twilio.url,
      deepgram: this.deepgram.url,
      openai: this.openai.url,
      cartesia: this.cartesia.url,
    };
  }

  /** What is open now, by provider; when all calls are over, all of it must be 0. */
  get open(): Record<string, number> {
    const open: Record<string, number> = {};
    for (const [name, counts] of Object.entries({
      twilio: this.twilio.open,
      deepgram: this.deepgram.open,
      openai: this.openai.open,
      cartesia: this.cartesia.open,
    })) {
      for (const [what, count] of Object.entries(counts)) open[`${name} ${what}`] = count;
    }
    return open;
  }
}
