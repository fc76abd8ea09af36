import type { Call } from './call';
import type { VoiceMessage } from './message';

/**
 * Takes a message for a node of ours; never throws.
 * @param call of which it was sent, where a session sent it: it need not be looked up then
 */
export type Take = (msg: VoiceMessage, call: Call | undefined) => void;

/**
 * Messages that go straight from one node of ours to the next, along the only wire between the two.
 *
 * Node-RED makes some fifteen objects for each message on a wire, for hooks, errors and completions: at a hundred messages a second
 * and call a fifth of all that is ever allocated. Here nothing is made. What counts stays as it is there: a message takes one turn of the
 * event loop to the next node, and the messages of a wire arrive in the order in which they were sent.
 */
export class StraightWires {
  /** Three places for each message: who takes it, the message, its call. */
  private queue: unknown[] = [];
  private spare: unknown[] = [];
  private scheduled = false;

  /** Has the message taken in the next turn of the event loop. */
  send(take: Take, msg: VoiceMessage, call?: Call): void {
    this.queue.push(take, msg, call);
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.flush);
  }

  /** What is sent meanwhile is taken a turn later: everybody's message moves one node a turn. */
  private readonly flush = (): void => {
    const { queue } = this;
    this.queue = this.spare;
    this.scheduled = false;
    for (let i = 0; i < queue.length; i += 3) {
      (queue[i] as Take)(queue[i + 1] as VoiceMessage, queue[i + 2] as Call | undefined);
    }
    queue.length = 0;
    this.spare = queue;
  };
}

export const straightWires = new StraightWires();
