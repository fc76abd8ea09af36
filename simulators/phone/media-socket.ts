import { WebSocket, type RawData } from 'ws';
import type { Address } from './address';
import { DelayLine, type NetworkOptions } from './network';

/** How long the application may take to answer the upgrade, in ms. */
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** How long the application may take to answer our close frame, in ms. */
const CLOSE_TIMEOUT_MS = 1_000;

/** What a stream wants to know of its socket. */
export interface MediaSocketListener {
  opened(): void;
  received(data: Buffer, isBinary: boolean): void;
  /** Once, at the very end. `error`: what went wrong on the connection, if anything; `stopped`: the phone company closed it itself. */
  closed(code: number, error: NodeJS.ErrnoException | undefined, stopped: boolean): void;
}

/**
 * The phone company's end of a media stream's WebSocket, over the simulated distance. Knows nothing of the messages on it.
 */
export class MediaSocket {
  private socket: WebSocket | undefined;
  private readonly toApplication: DelayLine<string | (() => void)>;
  private readonly fromApplication: DelayLine<() => void>;
  private closeTimer: NodeJS.Timeout | undefined;
  private stopping = false;
  private over = false;

  constructor(
    network: NetworkOptions,
    private readonly listener: MediaSocketListener,
  ) {
    this.toApplication = new DelayLine(network, (item) => {
      if (typeof item !== 'string') item();
      else if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(item);
    });
    this.fromApplication = new DelayLine(network, (act) => act());
  }

  /** Does the socket exist still? */
  get connected(): boolean {
    return this.socket !== undefined && !this.over;
  }

  /** Opens it; whatever comes of it is told to the listener. `url` is what the public knows. */
  open(url: URL, address: Address, headers: Record<string, string>): void {
    this.toApplication.push(() => this.connect(url, address, headers));
  }

  send(text: string): void {
    this.toApplication.push(text);
  }

  /** Closes it with code 1000, behind all that was sent. */
  stop(): void {
    if (this.over || this.stopping) return;
    this.stopping = true;
    this.toApplication.push(() => {
      if (!this.socket || this.socket.readyState === WebSocket.CONNECTING) {
        this.socket?.terminate();
        return this.end(1000, undefined);
      }
      this.socket.close(1000);
      this.closeTimer = setTimeout(() => this.socket?.terminate(), CLOSE_TIMEOUT_MS);
    });
  }

  /** The connection breaks: no close frame. Tells nobody. */
  drop(): void {
    this.over = true;
    this.socket?.terminate();
    this.release();
  }

  private connect(url: URL, address: Address, headers: Record<string, string>): void {
    if (this.over || this.stopping) return;
    const host = address.host.includes(':') ? `[${address.host}]` : address.host;
    const socket = new WebSocket(`ws://${host}:${address.port}${url.pathname}${url.search}`, {
      perMessageDeflate: false,
      handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      followRedirects: false,
      headers: { host: url.host, 'x-forwarded-proto': url.protocol.slice(0, -1), ...headers },
    });
    this.socket = socket;
    let failure: NodeJS.ErrnoException | undefined;
    socket.on('open', () =>
      this.fromApplication.push(() => {
        if (!this.over && !this.stopping) this.listener.opened();
      }),
    );
    socket.on('message', (data: RawData, isBinary) =>
      this.fromApplication.push(() => {
        // `ws` gives a Buffer, unless its binaryType is changed.
        if (!this.over) this.listener.received(data as Buffer, isBinary);
      }),
    );
    socket.on('error', (error: NodeJS.ErrnoException) => {
      failure ??= error;
    });
    socket.on('close', (code) => {
      clearTimeout(this.closeTimer);
      // What was under way is delivered first: the close frame came after it.
      this.fromApplication.push(() => this.end(code, failure));
    });
  }

  private end(code: number, error: NodeJS.ErrnoException | undefined): void {
    if (this.over) return;
    this.over = true;
    this.release();
    this.listener.closed(code, error, this.stopping);
  }

  private release(): void {
    clearTimeout(this.closeTimer);
    this.toApplication.cut();
    this.fromApplication.cut();
  }
}
