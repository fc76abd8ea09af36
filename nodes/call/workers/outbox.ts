import { packFrames } from './frames';
import type { Frame } from './frames';
import type { FramesItem } from './protocol';

/** Posts a batch. @param transfer memory that is handed over and not copied */
export type Post<Item> = (batch: readonly (Item | FramesItem)[], transfer: readonly ArrayBuffer[]) => void;

/**
 * What one thread tells another, gathered: to wake a thread costs more than to tell it a dozen things. Whatever is told in one turn of
 * the event loop goes together; frames of audio that can wait wait a few ms for company. The order is kept.
 */
export class Outbox<Item> {
  private items: (Item | FramesItem)[] = [];
  private frames: Frame[] = [];
  private timer: NodeJS.Timeout | undefined;
  private immediate: NodeJS.Immediate | undefined;
  private closed = false;

  /** @param waitMs how long frames wait for company at most; 0: for the end of the turn */
  constructor(
    private readonly post: Post<Item>,
    private readonly waitMs: number,
  ) {}

  /** Tells something: at the end of this turn, and before it what has been waiting. */
  send(item: Item): void {
    if (this.closed) return;
    this.pack();
    this.items.push(item);
    this.soon();
  }

  /** Hands on a frame. The audio is copied when it goes: it must stay as it is until then. */
  frame(n: number, audio: Buffer, mark = ''): void {
    if (this.closed) return;
    this.frames.push({ n, audio, mark });
    if (this.waitMs === 0) this.soon();
    else if (!this.timer && !this.immediate) this.timer = setTimeout(this.flush, this.waitMs);
  }

  /** Posts what there is, now. */
  readonly flush = (): void => {
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.timer = undefined;
    this.immediate = undefined;
    this.pack();
    if (this.items.length === 0) return;
    const batch = this.items;
    this.items = [];
    const transfer: ArrayBuffer[] = [];
    for (const item of batch) if (isFrames(item)) transfer.push(item.bytes.buffer as ArrayBuffer);
    this.post(batch, transfer);
  };

  /** Nothing goes any more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
    clearImmediate(this.immediate);
    this.items = [];
    this.frames = [];
  }

  private soon(): void {
    this.immediate ??= setImmediate(this.flush);
  }

  private pack(): void {
    if (this.frames.length === 0) return;
    this.items.push({ t: 'frames', bytes: packFrames(this.frames) });
    this.frames = [];
  }
}

function isFrames(item: unknown): item is FramesItem {
  return (item as { t?: unknown }).t === 'frames';
}
