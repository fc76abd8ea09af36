import type { NetworkOptions } from './network';
import type { CallerScript } from './script';

/** What any carrier knows of a call before it begins. Plain data. */
export interface PhoneCallOptions {
  from: string;
  to: string;
  /** What the person on the phone does; default: listens, until somebody hangs up. */
  script?: CallerScript;
  /** The caller gives up after so many ms, default 2 min: no test hangs for ever. */
  maxDurationMs?: number;
  /** So many ms after the stream's start its TCP connection breaks, without any goodbye. */
  dropStreamAfterMs?: number;
  network?: NetworkOptions;
}
