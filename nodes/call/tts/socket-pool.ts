/** Sockets to a provider that calls share, and each call's part in them. */
import { ProviderError } from '../errors';

/** A socket as the pool sees it. */
export interface PooledSocket {
  /** Resolves with the socket when it is open; rejects with a ProviderError if it never will be. */
  readonly ready: Promise<this>;
  /** True while something new can be begun on it (once it is ready). */
  readonly usable: boolean;
  /** How much is under way on it. */
  readonly busy: number;
  /** Nothing new; closes when what is under way is over. */
  leave(): void;
}

/** What the pool must know of a provider. */
export interface PoolSetting<Endpoint, S extends PooledSocket> {
  provider: string;
  /** How many calls share a socket: what one slow or broken connection can hurt. */
  callsPerSocket: number;
  /** The same for those who may share sockets. */
  keyOf(endpoint: Endpoint): string;
  /**
   * @param onGone told once, when the socket can take nothing new for good: it is leaving, or lost
   * @param onClosed told once, when nothing is left of it
   */
  open(endpoint: Endpoint, onGone: (socket: S) => void, onClosed: (socket: S) => void): S;
}

/** The sockets of one endpoint and key, with the calls on each. */
type Group<Endpoint extends { apiKey: string }, S extends PooledSocket> = Map<S, Set<Lease<Endpoint, S>>>;

export class SocketPool<Endpoint extends { apiKey: string }, S extends PooledSocket> {
  private readonly groups = new Map<string, Group<Endpoint, S>>();
  private readonly sockets = new Set<S>();
  private leases = 0;

  constructor(readonly setting: PoolSetting<Endpoint, S>) {}

  /** A lease for a call that speaks at this endpoint. */
  lease(endpoint: Endpoint): Lease<Endpoint, S> {
    this.leases++;
    return new Lease(this, this.setting.keyOf(endpoint), endpoint);
  }

  /** For tests: what is open in this process. All are 0 when no call is left. */
  count(): { sockets: number; leases: number; contexts: number } {
    let contexts = 0;
    for (const socket of this.sockets) contexts += socket.busy;
    return { sockets: this.sockets.size, leases: this.leases, contexts };
  }

  /**
   * For `Lease`: a socket with room, of those that this call is on, else of those that have room for a call, else a new one.
   * @throws what Node.js says of a URL or header that cannot be
   */
  join(lease: Lease<Endpoint, S>): S {
    const group: Group<Endpoint, S> = this.groups.get(lease.key) ?? new Map<S, Set<Lease<Endpoint, S>>>();
    let found: S | undefined;
    for (const [socket, calls] of group) {
      if (!socket.usable) continue;
      if (calls.has(lease)) return socket;
      if (calls.size < this.setting.callsPerSocket) found ??= socket;
    }
    if (!found) {
      found = this.setting.open(
        lease.endpoint,
        (gone) => {
          group.delete(gone);
          if (group.size === 0 && this.groups.get(lease.key) === group) this.groups.delete(lease.key);
        },
        (closed) => this.sockets.delete(closed),
      );
      this.sockets.add(found);
      group.set(found, new Set());
      this.groups.set(lease.key, group);
    }
    group.get(found)?.add(lease);
    return found;
  }

  /** For `Lease`: the call has left; sockets that nobody is on any more close. */
  part(lease: Lease<Endpoint, S>): void {
    this.leases--;
    for (const [socket, calls] of [...(this.groups.get(lease.key) ?? [])]) {
      if (calls.delete(lease) && calls.size === 0) socket.leave();
    }
  }
}

/**
 * One call's share in the sockets. The first is opened when the call comes, for the greeting's sake, another where one has no
 * room, and each is closed when the last call leaves it; a lost one is replaced when it is needed.
 */
export class Lease<Endpoint extends { apiKey: string }, S extends PooledSocket> {
  private users = 1;

  /** @param key the same for those who may share sockets */
  constructor(
    private readonly pool: SocketPool<Endpoint, S>,
    readonly key: string,
    readonly endpoint: Endpoint,
  ) {}

  /**
   * A socket that is open: this call's, or joined or opened now.
   * @throws ProviderError; or what Node.js says of a URL or header that cannot be
   */
  async connect(): Promise<S> {
    if (this.users <= 0) throw new Error('The call has ended.');
    if (this.endpoint.apiKey === '') {
      throw new ProviderError(this.pool.setting.provider, 'authentication', 'the account has no API key');
    }
    return this.pool.join(this).ready;
  }

  /** One more user: an utterance that goes on after the settings have changed. */
  retain(): this {
    this.users++;
    return this;
  }

  /** One user less; with the last the call leaves its sockets. */
  release(): void {
    if (--this.users === 0) this.pool.part(this);
  }
}
