/**
 * The simulated world in a process of its own, steered over Node's IPC channel by `RemoteWorld`: started with
 * `child_process.fork`. Everything that crosses is plain data.
 */
import type { CallReport as TelnyxReport, RingOptions as TelnyxRing } from './telnyx';
import type { CallReport, RingOptions } from './twilio';
import type { OpenAiRequest } from './openai';
import { World } from './world';
import type { WorldAddresses, WorldOptions } from './world';

/** What the steering process may ask; each is answered once, with the same `id`. */
export type Request =
  | { id: number; do: 'start'; options: WorldOptions }
  | { id: number; do: 'ring'; options: RingOptions }
  | { id: number; do: 'ring-telnyx'; options: TelnyxRing }
  | { id: number; do: 'requests' }
  | { id: number; do: 'open' }
  | { id: number; do: 'stop' };

/** The answers, by what was asked. */
export interface Answers {
  start: WorldAddresses;
  ring: CallReport;
  'ring-telnyx': TelnyxReport;
  requests: Pick<OpenAiRequest, 'model' | 'instructions' | 'messages' | 'aborted'>[];
  open: Record<string, number>;
  stop: null;
}

export type Response = { id: number; answer: Answers[keyof Answers] } | { id: number; error: string };

let world: World | undefined;

async function answer(request: Request): Promise<Answers[keyof Answers]> {
  if (request.do === 'start') {
    world = await new World(request.options).start();
    return world.addresses;
  }
  if (!world) throw new Error('The world has not been started.');
  switch (request.do) {
    case 'ring':
      return world.twilio.ring(request.options).ended;
    case 'ring-telnyx':
      return world.telnyx.ring(request.options).ended;
    case 'requests':
      return world.openai.requests.map(({ model, instructions, messages, aborted }) => ({
        model,
        instructions,
        messages,
        aborted,
      }));
    case 'open':
      return world.open;
    case 'stop':
      await world.stop();
      return null;
  }
}

process.on('message', (request: Request) => {
  answer(request).then(
    (value) => process.send?.({ id: request.id, answer: value } satisfies Response),
    (error: unknown) => process.send?.({ id: request.id, error: String(error) } satisfies Response),
  );
});
process.on('disconnect', () => process.exit(0));
