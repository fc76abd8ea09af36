/** A bare WebSocket client for the simulators' tests: what came, and promises for what is to come. */
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';

export type Message = Record<string, unknown>;

export class Client {
  readonly messages: Message[] = [];
  /** Frames that are not JSON. */
  readonly garbage: string[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  private waiting: (() => void)[] = [];
  private over = false;

  private constructor(readonly socket: WebSocket) {
    socket.on('message', (data: Buffer) => {
      try {
        this.messages.push(JSON.parse(data.toString()) as Message);
      } catch {
        this.garbage.push(data.toString());
      }
      this.wake();
    });
    socket.on('error', () => undefined);
    this.closed = new Promise((resolve) =>
      socket.on('close', (code, reason) => {
        this.over = true;
        this.wake();
        resolve({ code, reason: reason.toString() });
      }),
    );
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<Client> {
    const client = new Client(new WebSocket(url, { headers, perMessageDeflate: false }));
    await once(client.socket, 'open');
    return client;
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first message, past or to come, that fits. */
  async until(fits: (message: Message) => boolean, what = fits.toString()): Promise<Message> {
    for (;;) {
      const found = this.messages.find(fits);
      if (found !== undefined) return found;
      if (this.over) throw new Error(`closed before ${what}; got ${JSON.stringify(this.messages).slice(0, 2000)}`);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  ofType(type: string): Message[] {
    return this.messages.filter((message) => message['type'] === type);
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** Wait until a simulator has noticed something that it tells in no message, such as a closed socket. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

export interface Refused {
  status: number;
  headers: IncomingMessage['headers'];
  body: string;
}

/** The HTTP answer to a handshake that is refused; rejects with the socket's error if there is no answer. */
export async function refused(url: string, headers: Record<string, string> = {}): Promise<Refused> {
  const socket = new WebSocket(url, { headers, perMessageDeflate: false });
  return new Promise((resolve, reject) => {
    socket.on('error', reject);
    socket.on('open', () => {
      socket.terminate();
      reject(new Error('The handshake was accepted'));
    });
    socket.on('unexpected-response', (_request, response) => {
      let body = '';
      response.on('data', (data: Buffer) => (body += data.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
  });
}
