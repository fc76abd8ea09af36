import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import { hearWords, isSilent, speakWords } from '../../../../simulators/audio';
import type { TelnyxCompany } from '../../../../simulators/telnyx';

export type Json = Record<string, unknown>;

/** One webhook as the application got it. */
export interface Received {
  path: string;
  headers: http.IncomingHttpHeaders;
  body: string;
  id: string;
  type: string;
  payload: Json;
  meta: { attempt: number; delivered_to: string };
}

/** Wakes whoever waits for something to change. */
class Changes {
  private readonly waiting: (() => void)[] = [];

  wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Resolves when the condition holds; it is asked after each change. */
  async until<T>(condition: () => T | undefined | false): Promise<T> {
    for (;;) {
      const result = condition();
      if (result !== undefined && result !== false) return result;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }
}

/** The application's end of one media stream, with the messages exactly as they came. */
export class Agent extends Changes {
  readonly messages: Json[] = [];
  closed: number | undefined;

  constructor(
    readonly socket: WebSocket,
    readonly request: http.IncomingMessage,
  ) {
    super();
    socket.on('message', (data) => {
      this.messages.push(JSON.parse((data as Buffer).toString('utf8')) as Json);
      this.wake();
    });
    socket.on('close', (code) => {
      this.closed = code;
      this.wake();
    });
    socket.on('error', () => {});
  }

  message(event: string, test: (message: Json) => boolean = () => true): Promise<Json> {
    return this.until(() => this.messages.find((each) => each['event'] === event && test(each)));
  }

  async start(): Promise<Json> {
    return (await this.message('start'))['start'] as Json;
  }

  say(text: string): void {
    this.media(speakWords(text).audio);
  }

  media(audio: Buffer): void {
    this.send({ event: 'media', media: { payload: audio.toString('base64') } });
  }

  mark(name: string): void {
    this.send({ event: 'mark', mark: { name } });
  }

  clear(): void {
    this.send({ event: 'clear' });
  }

  /** Resolves when what was sent before has arrived: an empty mark comes back behind it. */
  async through(): Promise<void> {
    this.send({ event: 'clear' });
    this.mark('through');
    await this.message('mark', (each) => (each['mark'] as { name: string }).name === 'through');
  }

  frames(track = 'inbound'): { chunk: string; timestamp: string; payload: string }[] {
    return this.messages
      .filter((each) => each['event'] === 'media')
      .map((each) => each['media'] as { track: string; chunk: string; timestamp: string; payload: string })
      .filter((each) => each.track === track);
  }

  /** All audio of the caller so far, put in order by `chunk`. */
  audio(track = 'inbound'): Buffer {
    const inOrder = this.frames(track).sort((a, b) => Number(a.chunk) - Number(b.chunk));
    return Buffer.concat(inOrder.map(({ payload }) => Buffer.from(payload, 'base64')));
  }

  /** Resolves when the caller has said this and nothing else, and is silent again. */
  async heard(text: string): Promise<void> {
    await this.until(() => hearWords(this.audio()) === text && isSilent(this.audio().subarray(-800)));
  }

  errors(): Json[] {
    return this.messages.filter((each) => each['event'] === 'error').map((each) => each['payload'] as Json);
  }

  send(message: object): void {
    this.socket.send(JSON.stringify(message));
  }
}

/** The least application: takes webhooks, commands, and hands out each stream's socket. */
export class Application extends Changes {
  readonly received: Received[] = [];
  readonly agents: Agent[] = [];
  /** Status of the answer to each webhook; a promise that never resolves: no answer. */
  status: (received: Received) => number | Promise<number> = () => 200;
  /** What is done on each event. */
  on: (received: Received) => unknown = () => {};
  refuseUpgrade: number | undefined;
  private readonly server = http.createServer((request, response) => void this.serve(request, response));
  private readonly sockets = new WebSocketServer({ noServer: true });

  constructor(private readonly phone: TelnyxCompany) {
    super();
  }

  async start(): Promise<this> {
    this.server.on('upgrade', (request, socket, head) => {
      if (this.refuseUpgrade)
        return void socket.end(`HTTP/1.1 ${this.refuseUpgrade} No\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
      this.sockets.handleUpgrade(request, socket, head, (websocket) => {
        this.agents.push(new Agent(websocket, request));
        this.wake();
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

  get webhookUrl(): string {
    return `http://${this.host}/events`;
  }

  /** The stream that a voice agent needs: nothing of it is the default but the codecs. */
  get stream(): Json {
    return {
      stream_url: `ws://${this.host}/media/4f1c`,
      stream_track: 'inbound_track',
      stream_bidirectional_mode: 'rtp',
      stream_bidirectional_codec: 'PCMU',
    };
  }

  agent(number = 1): Promise<Agent> {
    return this.until(() => this.agents[number - 1]);
  }

  /** The n-th webhook of this type. */
  event(type: string, number = 1): Promise<Received> {
    return this.until(() => this.received.filter((each) => each.type === type)[number - 1]);
  }

  types(): string[] {
    return this.received.map((each) => each.type);
  }

  /** A command on a call; resolves with status and body. */
  async command(id: string, name: string, body: unknown = {}): Promise<[number, Json]> {
    return this.request('POST', `/calls/${encodeURIComponent(id)}/actions/${name}`, body);
  }

  async request(method: string, path: string, body?: unknown, key = this.phone.apiKey): Promise<[number, Json]> {
    const response = await fetch(this.phone.url + path, {
      method,
      headers: {
        authorization: `Bearer ${key}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    return [response.status, (await response.json()) as Json];
  }

  private async serve(request: http.IncomingMessage, response: http.ServerResponse): Promise<void> {
    let body = '';
    for await (const chunk of request) body += String(chunk);
    const { data, meta } = JSON.parse(body) as {
      data: { id: string; event_type: string; payload: Json };
      meta: Received['meta'];
    };
    const received: Received = {
      path: request.url ?? '',
      headers: request.headers,
      body,
      id: data.id,
      type: data.event_type,
      payload: data.payload,
      meta,
    };
    this.received.push(received);
    this.on(received);
    this.wake();
    response.writeHead(await this.status(received)).end();
  }
}

/** Code of the first error in an answer. */
export function codeOf(body: Json): string | undefined {
  return (body['errors'] as { code: string }[] | undefined)?.[0]?.code;
}
