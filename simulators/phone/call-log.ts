import type { CallReport, DialReport, MarkReport, StreamEnd } from './report';
import { StreamRecord, type PhoneStream, type StreamListener } from './stream-record';

/** What a stream is about. */
export interface StreamFacts {
  streamId: string;
  url: string;
  customParameters: Record<string, string>;
}

/** What the call does when something happens on a stream, besides keeping a record of it. */
export interface StreamEvents {
  started(streamId: string): void;
  stopped(stream: PhoneStream, streamId: string, how: StreamEnd): void;
  frameSent(): void;
  audioReceived(audio: Buffer): void;
  cleared(atMs: number): void;
  marked(name: string): void;
  echoed(name: string): void;
}

/** What is kept of one call's streams, marks, clears and dials for its report. */
export class CallLog {
  readonly dials: DialReport[] = [];
  private readonly clears: { atMs: number }[] = [];
  private readonly marks: MarkReport[] = [];
  private readonly streams: StreamRecord[] = [];
  private readonly streamsOver: Promise<unknown>[] = [];

  /** @param now ms since the call was answered */
  constructor(
    private readonly now: () => number,
    private readonly events: StreamEvents,
  ) {}

  /** Sockets that exist now. */
  get openSockets(): number {
    return this.streams.filter(({ stream }) => stream.connected).length;
  }

  /** Keeps the record of a new stream from its making to its end; see `PhoneCall.follow`. */
  follow(
    { streamId, url, customParameters }: StreamFacts,
    make: (listener: StreamListener) => PhoneStream,
    told: Pick<StreamListener, 'opened' | 'ended'>,
  ): { stream: PhoneStream; over: Promise<StreamEnd> } {
    const { events } = this;
    const atMs = (): number => Math.round(this.now());
    let settleOver: (how: StreamEnd) => void = () => {};
    const over = new Promise<StreamEnd>((resolve) => (settleOver = resolve));
    const stream = make({
      opened: () => {
        record.openedAtMs = atMs();
        events.started(streamId);
        told.opened();
      },
      frameSent: () => events.frameSent(),
      audioReceived: (audio) => events.audioReceived(audio),
      cleared: () => {
        const clearedAt = atMs();
        this.clears.push({ atMs: clearedAt });
        events.cleared(clearedAt);
      },
      markReceived: (name) => {
        this.marks.push(record.marked(name, atMs()));
        events.marked(name);
      },
      markEchoed: (name) => {
        record.echoed(atMs());
        events.echoed(name);
      },
      ended: (how, error, closeCode) => {
        record.ended(how, closeCode, atMs());
        told.ended(how, error, closeCode);
        events.stopped(stream, streamId, how);
        settleOver(how);
      },
    });
    const record = new StreamRecord(streamId, stream, url, customParameters);
    this.streams.push(record);
    this.streamsOver.push(over);
    return { stream, over };
  }

  /** Resolves when no stream is left. */
  async allOver(): Promise<void> {
    await Promise.all(this.streamsOver);
  }

  report(): Pick<CallReport, 'clears' | 'marks' | 'streams' | 'dials' | 'oddPayloads'> {
    const streams = this.streams.map((record) => record.report());
    return {
      clears: [...this.clears],
      marks: this.marks.map((mark) => ({ ...mark })),
      streams,
      dials: this.dials.map((dial) => ({ ...dial })),
      oddPayloads: streams.reduce((sum, stream) => sum + stream.oddPayloads, 0),
    };
  }
}
