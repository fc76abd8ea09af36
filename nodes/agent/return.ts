import { record } from './model';

/** What came of a transfer, by the `reason` of `call.resumed`: told to the model, which tells it to the caller. */
const OUTCOMES: Readonly<Record<string, string>> = {
  busy: 'the line was busy',
  'no-answer': 'nobody answered',
  failed: 'the connection could not be made',
  canceled: 'the transfer was called off before anybody answered',
};

/**
 * The instructions for the first words to a caller who is back with the agent.
 * @param payload of `call.resumed`: { reason, to }; a flow may have put a name in place of the number
 */
export function returnInstructions(payload: unknown): string {
  const { reason, to } = record(payload);
  const whom = typeof to === 'string' && to.trim() !== '' ? to.trim() : 'somebody else';
  if (reason === 'completed') {
    return (
      `The caller has been put through to ${whom}, they have talked, and the other side has hung up. ` +
      'The caller is back with you now, on the same call: say so in one short sentence, and ask what else you can do.'
    );
  }
  const why = OUTCOMES[typeof reason === 'string' ? reason : ''] ?? 'it did not work';
  return (
    `The caller was to be put through to ${whom}, but ${why}. ` +
    'The caller is back with you now, on the same call: say so in one short sentence, and ask how to go on.'
  );
}
