import { SocketPool } from '../call/tts/socket-pool';
import type { Lease as SocketLease } from '../call/tts/socket-pool';
import { PROVIDER } from './events';
import { CartesiaSocket } from './socket';
import type { Endpoint } from './socket';

/** How many calls share a socket: what one slow or broken connection can hurt. */
const CALLS_PER_SOCKET = 10;

/** The sockets of this process to Cartesia. */
export const pool = new SocketPool<Endpoint, CartesiaSocket>({
  provider: PROVIDER,
  callsPerSocket: CALLS_PER_SOCKET,
  keyOf: endpointKey,
  open: (endpoint, onGone, onClosed) => new CartesiaSocket(endpoint, onGone, onClosed),
});

/** One call's share in Cartesia's sockets. */
export type Lease = SocketLease<Endpoint, CartesiaSocket>;

/** A lease for a call that speaks at this endpoint. */
export function lease(endpoint: Endpoint): Lease {
  return pool.lease(endpoint);
}

/** The same for those who may share sockets: URL, key, version and headers. */
export function endpointKey(endpoint: Endpoint): string {
  return JSON.stringify([
    endpoint.baseUrl,
    endpoint.apiKey,
    endpoint.apiVersion,
    Object.entries(endpoint.headers).sort(([a], [b]) => (a < b ? -1 : 1)),
  ]);
}

/** For tests: what is open in this process. All are 0 when no call is left. */
export function countSockets(): { sockets: number; leases: number; contexts: number } {
  return pool.count();
}
