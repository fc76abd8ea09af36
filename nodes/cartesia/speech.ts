import type { Account } from '../call/account';
import type { Call } from '../call/call';
import type { NodeSlot, Status } from '../call/node-slot';
import { placesOf } from '../call/places';
import type { Place, Places } from '../call/places';
import { TtsSession } from '../call/tts-session';
import type { Synthesis, SynthesisListener, SynthesisOrder } from '../call/tts-session';
import { PROVIDER } from './events';
import { endpointKey, lease } from './pool';
import type { Lease } from './pool';
import type { VoiceSettings } from './requests';
import type { Endpoint } from './socket';
import { CartesiaSynthesis } from './synthesis';

/** How long a clip may take to begin: nobody waits for it. */
const CLIP_MS = 5_000;

/** The settings of a cartesia-tts node. */
export interface CartesiaSettings {
  account: Account;
  endpoint: Endpoint;
  voice: VoiceSettings;
  /** How many contexts the account's plan allows at once. */
  concurrency: number;
}

/** What a cartesia-tts node keeps for one call: its share in a socket, and the utterances under way. */
export class CartesiaSpeech extends TtsSession<CartesiaSettings> {
  private lease: Lease;
  private released = false;

  constructor(call: Call, slot: NodeSlot<CartesiaSettings>) {
    super(call, slot);
    this.lease = lease(this.settings.endpoint);
    this.show({ fill: 'blue', shape: 'ring', text: 'common.status.connecting' });
    // For the greeting's sake. If it fails, the first words try again, and say what is wrong.
    const shown = (status: Status): (() => void) =>
      this.guard(() => {
        if (!this.released) this.show(status);
      });
    this.lease
      .connect()
      .then(
        shown({ fill: 'green', shape: 'dot', text: 'common.status.live' }),
        shown({ fill: 'yellow', shape: 'ring', text: 'common.status.degraded' }),
      );
  }

  override callEnded(): void {
    super.callEnded();
    if (this.released) return;
    this.released = true;
    this.lease.release();
  }

  protected override release(): void {
    super.release();
    if (this.slot.sessions.size <= 1) this.show({ fill: 'blue', shape: 'ring', text: 'common.status.idle' });
  }

  protected synthesise(order: SynthesisOrder): Synthesis {
    const { voice, concurrency } = this.settings;
    return new CartesiaSynthesis(
      {
        lease: this.currentLease(),
        voice,
        places: this.places(),
        concurrency,
        firstAudioMs: order.firstAudioMs,
        urgent: () => order.urgent(),
      },
      order.listener,
    );
  }

  protected synthesiseAside(listener: SynthesisListener): Synthesis | undefined {
    const { voice, concurrency } = this.settings;
    const places = this.places();
    const place: Place | undefined = places.tryTake(concurrency);
    if (!place) return undefined;
    return new CartesiaSynthesis(
      { lease: this.currentLease(), voice, places, concurrency, firstAudioMs: CLIP_MS, urgent: () => true, place },
      listener,
    );
  }

  protected voiceKey(): string {
    const { account, endpoint, voice } = this.settings;
    return JSON.stringify([PROVIDER, account.id, endpoint.baseUrl, voice]);
  }

  private places(): Places {
    return placesOf(PROVIDER, this.settings.account.id);
  }

  /** After a Deploy with another account the next utterance goes there; the one under way keeps its own share. */
  private currentLease(): Lease {
    const { endpoint } = this.settings;
    if (this.lease.key !== endpointKey(endpoint)) {
      this.lease.release();
      this.lease = lease(endpoint);
    }
    return this.lease;
  }
}
