import type { Faults } from '../faults';
import type { PhoneCall } from './call';
import type { PhoneCallOptions } from './call-options';
import type { LineBehaviour } from './line';

/** An incoming call of any carrier: somebody rings the application's number. Plain data. */
export interface RingOptions extends Partial<PhoneCallOptions> {
  /** Where the application wants to be told of calls, as the public knows it. */
  webhookUrl: string;
  /** Time-out of a webhook in ms; default: the carrier's own. */
  webhookTimeoutMs?: number;
  /** Size of the inbound media payloads in bytes, default 160. The size is not promised: try 137. */
  chunkBytes?: number;
}

/** A simulated phone company as tests see it, whichever it is: a story that needs no more than this runs on every carrier. */
export interface SimulatedCarrier<Ring extends RingOptions = RingOptions, Call extends PhoneCall = PhoneCall> {
  /** What an account node has as `baseUrl`. */
  readonly url: string;
  /** What is open now. After a test all of it must be 0. */
  readonly open: { calls: number; sockets: number; requests: number };
  /** Faults of the REST API; see faults.ts. */
  readonly faults: Faults;
  /** All calls that are remembered, by the carrier's own name of each. */
  readonly calls: ReadonlyMap<string, Call>;
  /** Listens on loopback; port 0: any. */
  start(port?: number): Promise<this>;
  /** Ends all calls and closes everything. */
  stop(): Promise<void>;
  /** Somebody calls the application. */
  ring(options: Ring): Call;
  /** Resolves with the next call that begins, e.g. one that the application places. */
  nextCall(): Promise<Call>;
  /** Sets what happens when a number is called. */
  setLine(number: string, behaviour: LineBehaviour): void;
}
