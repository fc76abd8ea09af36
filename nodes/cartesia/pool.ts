import { ProviderError } from '../call/errors';
import { PROVIDER } from './events';
import { CartesiaSocket } from './socket';
import type { Endpoint } from './socket';

/** How many calls share a socket: what one slow or broken connection can hurt. */
const CALLS_PER_SOCKET = 10;

/** The sockets of one endpoint and key. */
type Group = Map<CartesiaSocket, Set<Lease>>;

const groups = new Map<string, Group>();
const sockets = new Set<CartesiaSocket>();
let leases = 0;

/**
 * One call's share in a socket. The socket is opened when the call comes, for the greeting's sake, and closed when the
 * last call leaves it; a lost one is replaced when it is needed.
 */
export class Lease {
  private socket: CartesiaSocket | undefined;
  private users = 1;

  constructor(
    readonly key: string,
    private readonly endpoint: Endpoint,
  ) {
    leases++;
  }

  /**
   * A socket that is open: this call's, or joined or opened now.
   * @throws ProviderError; or what Node.js says of a URL or header that cannot be
   */
  async connect(): Promise<CartesiaSocket> {
    if (this.users <= 0) throw new Error('The call has ended.');
    if (this.endpoint.apiKey === '') {
      throw new ProviderError(PROVIDER, 'authentication', 'the account has no API key');
    }
    if (!this.socket?.usable) this.socket = join(this);
    return this.socket.ready;
  }

  /** One more user: an utterance that goes on after the settings have changed. */
  retain(): this {
    this.users++;
    return this;
  }

  /** One user less; with the last the call leaves the socket. */
  release(): void {
    if (--this.users !== 0) return;
    leases--;
    const { socket } = this;
    this.socket = undefined;
    if (socket) part(this, socket);
  }

  /** For the pool. */
  open(onGone: (socket: CartesiaSocket) => void): CartesiaSocket {
    const socket = new CartesiaSocket(this.endpoint, onGone, (closed) => sockets.delete(closed));
    sockets.add(socket);
    return socket;
  }
}

/** A lease for a call that speaks at this endpoint. */
export function lease(endpoint: Endpoint): Lease {
  return new Lease(endpointKey(endpoint), endpoint);
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
  let contexts = 0;
  for (const socket of sockets) contexts += socket.busy;
  return { sockets: sockets.size, leases, contexts };
}

function join(one: Lease): CartesiaSocket {
  const group: Group = groups.get(one.key) ?? new Map<CartesiaSocket, Set<Lease>>();
  for (const [socket, calls] of group) {
    if (calls.size >= CALLS_PER_SOCKET) continue;
    calls.add(one);
    return socket;
  }
  const socket = one.open((gone) => {
    group.delete(gone);
    if (group.size === 0 && groups.get(one.key) === group) groups.delete(one.key);
  });
  group.set(socket, new Set([one]));
  groups.set(one.key, group);
  return socket;
}

function part(one: Lease, socket: CartesiaSocket): void {
  const calls = groups.get(one.key)?.get(socket);
  calls?.delete(one);
  if (calls?.size === 0) socket.leave();
}
