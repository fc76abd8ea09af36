import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { hearWords, isSilent, speakWords } from '../../../../simulators/audio';

/** One webhook as the application got it. */
export interface Received {
  method: string;
  path: string;
  url: URL;
  headers: http.IncomingHttpHeaders;
  body: string;
  fields: Record<string, string>;
}

export interface Answer {
  status?: number;
  type?: string;
  body?: string;
}

interface Start {
  streamSid: string;
  callSid: string;
  customParameters: Record<string, string>;
}

/** The application's end of one media stream, with the messages exactly as they came. */
export class Agent {
  readonly messages: Record<string, unknown>[] = [];
  private readonly waiting: (() => void)[] = [];
  closed: number | undefined;

  constructor(
    readonly socket: WebSocket,
    readonly request: http.IncomingMessage,
  ) {
    socket.on('message', (data) => {
      this.messages.push(JSON.parse((data as Buffer).toString('utf8')) as Record<string, unknown>);
      this.wake();
    });
    socket.on('close', (code) => {
      this.closed = code;
      this.wake();
    });
    socket.on('error', () => {});
  }

  /** Resolves when the condition holds; it is asked after each message. */
  async until<T>(condition: () => T | undefined | false): Promise<T> {
    for (;;) {
      const result = condition();
      if (result !== undefined && result !== false) return result;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  message(
    event: string,
    test: (message: Record<string, unknown>) => boolean = () => true,
  ): Promise<Record<string, unknown>> {
    return this.until(() => this.messages.find((each) => each['event'] === event && test(each)));
  }

  async start(): Promise<Start> {
    return (await this.message('start'))['start'] as Start;
  }

  /** Resolves when the caller has said this and nothing else, and is silent again. */
  async heard(text: string): Promise<void> {
    await this.until(() => hearWords(this.audio()) === text && isSilent(this.audio().subarray(-800)));
  }

  get streamSid(): string {
    return String(this.messages.find((each) => each['event'] === 'start')?.['streamSid']);
  }

  say(text: string): void {
    this.media(speakWords(text).audio);
  }

  media(audio: Buffer): void {
    this.send({ event: 'media', streamSid: this.streamSid, media: { payload: audio.toString('base64') } });
  }

  mark(name: string): void {
    this.send({ event: 'mark', streamSid: this.streamSid, mark: { name } });
  }

  clear(): void {
    this.send({ event: 'clear', streamSid: this.streamSid });
  }

  marks(): string[] {
    return this.messages
      .filter((each) => each['event'] === 'mark')
      .map((each) => (each['mark'] as { name: string }).name);
  }

  /** All audio of the caller so far. */
  audio(): Buffer {
    const media = this.messages
      .filter((each) => each['event'] === 'media')
      .map((each) => each['media'] as { payload: string });
    return Buffer.concat(media.map(({ payload }) => Buffer.from(payload, 'base64')));
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

/** The least application: answers webhooks as the test says, hands out each stream's socket. */
export class Application {
  readonly received: Received[] = [];
  readonly agents: Agent[] = [];
  /** Answers by path; a string is TwiML. */
  readonly answers = new Map<
    string,
    Answer | string | ((received: Received) => Answer | string | Promise<Answer | string>)
  >();
  /** What is done with each new stream. */
  onAgent: (agent: Agent) => unknown = () => {};
  /** Status with which upgrades are refused. */
  refuseUpgrade: number | undefined;
  private readonly server = http.createServer((request, response) => void this.serve(request, response));
  private readonly sockets = new WebSocketServer({ noServer: true });
  private readonly waiting: (() => void)[] = [];

  async start(): Promise<this> {
    this.server.on('upgrade', (request, socket, head) => {
      if (this.refuseUpgrade)
        return void socket.end(`HTTP/1.1 ${this.refuseUpgrade} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      this.sockets.handleUpgrade(request, socket, head, (websocket) => {
        const agent = new Agent(websocket, request);
        this.agents.push(agent);
        this.onAgent(agent);
      });
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return this;
  }

  async stop(): Promise<void> {
    for (const { socket } of this.agents) socket.terminate();
    this.server.closeAllConnections();
    this.server.close();
    await once(this.server, 'close');
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  url(path: string): string {
    return `http://${this.host}${path}`;
  }

  /** TwiML that connects to this application. */
  stream(inside = '', connect = '', attributes = ''): string {
    return `<?xml version="1.0" encoding="UTF-8"?><Response><Connect ${connect}><Stream url="ws://${this.host}/media" ${attributes}>${inside}</Stream></Connect></Response>`;
  }

  /** The webhooks of one path. */
  at(path: string): Received[] {
    return this.received.filter((each) => each.path === path);
  }

  async requested(path: string, count = 1): Promise<Received> {
    for (;;) {
      const found = this.at(path)[count - 1];
      if (found) return found;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const url = new URL(request.url ?? '/', `http://${request.headers.host}`);
    const isForm = request.headers['content-type']?.startsWith('application/x-www-form');
    const fields = Object.fromEntries(isForm ? new URLSearchParams(body) : url.searchParams);
    const received = { method: request.method ?? '', path: url.pathname, url, headers: request.headers, body, fields };
    this.received.push(received);
    for (const resolve of this.waiting.splice(0)) resolve();
    const known = this.answers.get(url.pathname) ?? { status: 404 };
    const answer = typeof known === 'function' ? await known(received) : known;
    const { status = 200, type = 'text/xml', body: text = '' } = typeof answer === 'string' ? { body: answer } : answer;
    response.writeHead(status, { 'content-type': type }).end(text);
  }
}
