import type { Hearing, SttConnection, SttConnectionEvents, SttProvider, Unfinished } from '../call/stt/connection';
import { isRecord } from '../call/stt/connection';
import { SttSocket } from '../call/stt/socket';
import type { ListenSettings, Reader, Reading } from './listen';
import { LISTEN_ERRORS } from './listen-error';
import { NovaReader } from './listen-v1';
import { FluxReader } from './listen-v2';

/** One socket to Deepgram, with the reader of its protocol: v1 (Nova) or v2 (Flux). */
export class DeepgramConnection implements SttConnection {
  readonly pieceBytes: number;
  readonly alwaysFlowing: boolean;
  readonly answersAll = true;
  readonly patienceMs: number;
  readonly quietMs: number;
  readonly lifetimeMs = Infinity;
  readonly pending = false;
  readonly finished = false;
  private readonly reader: Reader;
  private readonly socket: SttSocket;

  constructor(
    settings: ListenSettings,
    hearing: Hearing,
    private readonly events: SttConnectionEvents,
  ) {
    this.reader = settings.flux ? new FluxReader(hearing) : new NovaReader(settings, hearing);
    const { pieceBytes, keepAlive, patienceMs, quietMs } = this.reader;
    this.pieceBytes = pieceBytes;
    this.alwaysFlowing = keepAlive === undefined;
    this.patienceMs = patienceMs;
    this.quietMs = quietMs;
    const { url, headers, apiKey } = settings;
    const all = apiKey === '' ? headers : { authorization: `Token ${apiKey}`, ...headers };
    this.socket = new SttSocket(url, all, LISTEN_ERRORS, {
      opened: () => events.opened(),
      message: events.guard((text: string | undefined) => this.message(text)),
      lost: (error) => events.lost(error),
    });
  }

  get waiting(): number {
    return this.socket.waiting;
  }

  send(audio: Uint8Array): void {
    this.socket.send(audio);
  }

  keepAlive(): void {
    if (this.reader.keepAlive !== undefined) this.socket.send(this.reader.keepAlive);
  }

  overdue(): undefined {
    return undefined;
  }

  farewell(): void {
    for (const text of this.reader.farewell) this.socket.send(text);
  }

  unfinished(): Unfinished {
    return this.reader.unfinished();
  }

  close(): void {
    this.socket.close();
  }

  terminate(): void {
    this.socket.terminate();
  }

  private message(text: string | undefined): void {
    const reading = this.read(text);
    if (reading === 'useful') this.events.answered();
    else if (reading === 'wrong') this.events.nonsense(text);
    else if (reading !== 'unknown') this.events.lost(reading);
  }

  private read(text: string | undefined): Reading {
    let message: unknown;
    try {
      message = JSON.parse(text ?? '');
    } catch {
      return 'wrong';
    }
    return isRecord(message) ? this.reader.read(message) : 'wrong';
  }
}

export const DEEPGRAM: SttProvider<ListenSettings> = {
  name: 'deepgram',
  connect: (settings, hearing, events) => new DeepgramConnection(settings, hearing, events),
};
