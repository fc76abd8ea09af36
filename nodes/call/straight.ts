import type { VoiceMessage } from './message';

/** Takes a message for a node of ours; never throws. */
export type Take = (msg: VoiceMessage) => void;

/**
 * Messages that go straight from one node of ours to the next, along the only wire between the two.
 *
 * Node-RED makes some fifteen objects for each message on a wire, for hooks, errors and completions: at a hundred messages a second
 * and call a fifth of all that is ever allocated. Here nothing is made. What counts stays as it is there: a message takes one turn of the
 * event loop to the next node, and the messages of a wire arrive in the order in which they were sent.
 */
export class StraightWires {
  private queue: (Take | VoiceMessage)[] = [];
  private spare: (Take | VoiceMessage)[] = [];
  private scheduled = false;

  /** Has the message taken in the next turn of the event loop. */
  send(take: Take, msg: VoiceMessage): void {
    this.queue.push(take, msg);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flush);
  }

  /** What is sent meanwhile is taken a turn later: everybody's message moves one node a turn. */
  private readonly flush = (): void => {
    const { queue } = this;
    this.queue = this.spare;
    this.scheduled = false;
    for (let i = 0; i < queue.length; i += 2) (queue[i] as Take)(queue[i + 1] as VoiceMessage);
    queue.length = 0;
    this.spare = queue;
  };
}

export const straightWires = new StraightWires();
