import { SocketPool } from '../call/tts/socket-pool';
import type { Lease as SocketLease } from '../call/tts/socket-pool';
import { PROVIDER } from './errors';
import { ElevenLabsSocket } from './socket';
import type { Endpoint } from './socket';

/** Of a socket's five contexts two calls need two each, and one is left for what was cut and is not final yet. */
const CALLS_PER_SOCKET = 2;

/** The sockets of this process to ElevenLabs. */
export const pool = new SocketPool<Endpoint, ElevenLabsSocket>({
  provider: PROVIDER,
  callsPerSocket: CALLS_PER_SOCKET,
  // Voice and model stand in the path.
  keyOf: (endpoint) =>
    JSON.stringify([
      endpoint.baseUrl,
      endpoint.path,
      endpoint.apiKey,
      Object.entries(endpoint.headers).sort(([a], [b]) => (a < b ? -1 : 1)),
    ]),
  open: (endpoint, onGone, onClosed) => new ElevenLabsSocket(endpoint, onGone, onClosed),
});

/** One call's share in ElevenLabs' sockets. */
export type Lease = SocketLease<Endpoint, ElevenLabsSocket>;
