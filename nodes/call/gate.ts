import type { VoiceMessage } from './message';

/** A send that waits until the flows run again. */
interface Held {
  holder: GateHolder;
  output: number;
  msg: VoiceMessage;
  /** Sent once already, and perhaps lost on its way. */
  again: boolean;
}

/** Whoever sends through the gate: a session. */
export interface GateHolder {
  /** Sends at once, by the node's present instance. */
  deliver(output: number, msg: VoiceMessage): void;
  /** What was sent in the last moments and has reached no node of ours yet. */
  takeUnseen(): { output: number; msg: VoiceMessage }[];
  /** True if a node of ours has received this message meanwhile. */
  wasSeen(msg: VoiceMessage): boolean;
}

/** How much of one session's audio waits at most: 10 s of 20 ms frames; the oldest goes first. Events never go. */
const MAX_AUDIO_HELD = 500;

/**
 * One gate per process, shut while a Deploy restarts nodes.
 *
 * Node-RED silently drops what is sent to a stopped node until the slowest node of the flows has closed. So nothing is
 * sent from `flows:stopping` to `flows:started`, whatever the type of Deploy; and what was on its way through a foreign
 * node (which loses its input the moment it is stopped) is sent once more if it never arrived.
 */
export class Gate {
  private shut = false;
  private held: Held[] = [];
  private readonly audioHeld = new Map<GateHolder, number>();
  private readonly waiting: (() => void)[] = [];

  get isOpen(): boolean {
    return !this.shut;
  }

  /** Sends now, or when the gate opens. */
  send(holder: GateHolder, output: number, msg: VoiceMessage): void {
    if (!this.shut) holder.deliver(output, msg);
    else this.hold({ holder, output, msg, again: false });
  }

  /** `flows:stopping`: from here on everything waits. */
  close(holders: Iterable<GateHolder>): void {
    if (this.shut) return;
    this.shut = true;
    for (const holder of holders) {
      for (const { output, msg } of holder.takeUnseen()) this.hold({ holder, output, msg, again: true });
    }
  }

  /** `flows:started`: what waited goes out, in its order. */
  open(): void {
    if (!this.shut) return;
    this.shut = false;
    const held = this.held;
    this.held = [];
    this.audioHeld.clear();
    for (const { holder, output, msg, again } of held) {
      // What arrived after all is left out; behind other outputs than the first nobody can tell.
      if (!again || output > 0 || !holder.wasSeen(msg)) holder.deliver(output, msg);
    }
    for (const resolve of this.waiting.splice(0)) resolve();
  }

  /** Resolves when the gate is open; false if it was not within `timeoutMs`. */
  async whenOpen(timeoutMs: number): Promise<boolean> {
    if (!this.shut) return true;
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve(true);
      };
      // Flows that stay stopped must not pile up those who wait for them.
      const timer = setTimeout(() => {
        this.waiting.splice(this.waiting.indexOf(go), 1);
        resolve(false);
      }, timeoutMs);
      this.waiting.push(go);
    });
  }

  private hold(held: Held): void {
    this.held.push(held);
    if (held.msg.topic !== 'audio') return;
    const count = (this.audioHeld.get(held.holder) ?? 0) + 1;
    this.audioHeld.set(held.holder, count);
    if (count <= MAX_AUDIO_HELD) return;
    const oldest = this.held.findIndex((other) => other.holder === held.holder && other.msg.topic === 'audio');
    if (oldest >= 0) this.held.splice(oldest, 1);
    this.audioHeld.set(held.holder, count - 1);
  }
}
