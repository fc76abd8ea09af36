import { RecentKeys } from '../recent';
import { Relay } from './relay';
import type { SpokenInfo, Voice } from './relay';

/** How many utterances of a call are synthesised or wait for their text at once; beyond, new text is refused. */
export const MAX_UTTERANCES = 64;
const IDS_REMEMBERED = 256;

/** The utterances of one call that its TTS nodes are at work on: shared, for each may speak a part of one. */
export class Relays {
  private readonly open = new Map<string, Relay>();
  /** Utterances that were given up, or whose text had ended. */
  private readonly dead = new RecentKeys(IDS_REMEMBERED);
  private readonly written = new RecentKeys(IDS_REMEMBERED);

  /** True for an utterance of which no word may be spoken any more. */
  isDead(id: string): boolean {
    return this.dead.has(id);
  }

  /** True if the last piece of its text has been spoken: what comes now stands behind it. */
  wasWritten(id: string): boolean {
    return this.written.has(id);
  }

  get full(): boolean {
    return this.open.size >= MAX_UTTERANCES;
  }

  get(id: string): Relay | undefined {
    return this.open.get(id);
  }

  begin(info: SpokenInfo): Relay {
    const { id } = info;
    const relay: Relay = new Relay(
      info,
      () => this.written.add(id),
      () => {
        if (this.open.get(id) === relay) this.open.delete(id);
      },
    );
    this.open.set(id, relay);
    return relay;
  }

  /** Nothing more is spoken of an utterance, by any TTS; of one that nobody knows yet neither. */
  giveUp(id: string): void {
    this.dead.add(id);
    this.open.get(id)?.giveUp();
  }

  /** Nothing more is spoken of what may be interrupted, or of anything. */
  giveUpAll(which: 'interruptible' | 'all'): void {
    for (const { info } of [...this.open.values()]) if (which === 'all' || info.interruptible) this.giveUp(info.id);
  }

  /** A TTS node is gone. */
  leave(voice: Voice): void {
    for (const relay of [...this.open.values()]) relay.leave(voice);
  }
}
