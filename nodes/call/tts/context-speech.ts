import type { Account } from '../account';
import type { Call } from '../call';
import type { NodeSlot, Status } from '../node-slot';
import { placesOf } from './places';
import type { SharedPlaces } from './shared-places';
import type { Lease, PooledSocket, SocketPool } from './socket-pool';
import type { ContextSocket } from './contexts';
import { TtsSession } from './session';
import type { Synthesis, SynthesisListener, SynthesisOrder } from './session';
import type { SynthesisSettings } from './synthesis';

/** How long a clip may take to begin, ms: nobody waits for it. */
const CLIP_MS = 5_000;

/** The settings of a TTS node whose provider speaks in contexts. */
export interface ContextSpeechSettings<Endpoint, Voice> {
  account: Account;
  endpoint: Endpoint;
  voice: Voice;
  /** How many contexts the account's plan allows at once. */
  concurrency: number;
}

/** What a provider is asked to begin an utterance with; the rest it knows itself. */
export type UtteranceSettings<Voice> = Omit<SynthesisSettings<Voice>, 'provider' | 'pace' | 'patience'>;

/** What such a node keeps for one call: its share in the sockets, and the utterances under way. */
export abstract class ContextSpeech<
  Endpoint extends { apiKey: string; baseUrl: string },
  S extends PooledSocket & ContextSocket<Voice>,
  Voice,
> extends TtsSession<ContextSpeechSettings<Endpoint, Voice>> {
  private lease: Lease<Endpoint, S>;
  private released = false;

  constructor(
    call: Call,
    slot: NodeSlot<ContextSpeechSettings<Endpoint, Voice>>,
    private readonly pool: SocketPool<Endpoint, S>,
  ) {
    super(call, slot);
    this.lease = pool.lease(this.settings.endpoint);
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

  /** Begins one utterance at the provider. */
  protected abstract utter(settings: UtteranceSettings<Voice>, listener: SynthesisListener): Synthesis;

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
    const { firstAudioMs, listener } = order;
    return this.utter({ ...this.common(), firstAudioMs, urgent: () => order.urgent() }, listener);
  }

  protected synthesiseAside(listener: SynthesisListener): Synthesis | undefined {
    const place = this.places().tryTake(this.settings.concurrency);
    if (!place) return undefined;
    return this.utter({ ...this.common(), firstAudioMs: CLIP_MS, urgent: () => true, place }, listener);
  }

  protected voiceKey(): string {
    const { account, endpoint, voice } = this.settings;
    return JSON.stringify([this.pool.setting.provider, account.id, endpoint.baseUrl, voice]);
  }

  private common(): Pick<SynthesisSettings<Voice>, 'lease' | 'voice' | 'places' | 'concurrency'> {
    const { voice, concurrency } = this.settings;
    return { lease: this.currentLease(), voice, places: this.places(), concurrency };
  }

  private places(): SharedPlaces {
    return placesOf(this.pool.setting.provider, this.settings.account.id);
  }

  /** After a Deploy with another account the next utterance goes there; the one under way keeps its own share. */
  private currentLease(): Lease<Endpoint, S> {
    const { endpoint } = this.settings;
    if (this.lease.key !== this.pool.setting.keyOf(endpoint)) {
      this.lease.release();
      this.lease = this.pool.lease(endpoint);
    }
    return this.lease;
  }
}
