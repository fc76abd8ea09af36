import { ProviderError } from '../../errors';
import type { LossCause } from './pool-worker';

/** What goes to Catch, and stands in the log, when workers fail: what happened, and what to do. `code` is the cause in one word. */

const WHAT: Record<LossCause, { what: (words: string) => string; advice: string }> = {
  crashed: {
    what: (words) => `crashed (${words})`,
    advice: 'look for code of a Function node that throws in a timer or a callback',
  },
  stuck: {
    what: () => 'did nothing else for a second and was ended',
    advice: 'look for an endless loop, or very long work, in a Function node',
  },
  memory: {
    what: () => 'needed more memory than it may and was ended',
    advice: 'look for what grows in a Function node or in context, or raise the memory of a worker in the node by which calls come in', // prettier-ignore
  },
};

/**
 * A worker ended unasked.
 * @param withCall the error is that of one of its calls
 * @returns makes the error: each call gets one of its own
 */
export function lossOf(cause: LossCause, error: Error, withCall: boolean): () => ProviderError {
  const { what, advice } = WHAT[cause];
  const [whose, then] = withCall
    ? ['the worker thread of this call', '; the caller hears the apology, and the call is ended']
    : ['a worker thread', ''];
  const words = `${whose} ${what(error.message)}${then}`;
  return () => new ProviderError('workers', 'unavailable', words, { code: cause, advice: ` - ${advice}.` });
}

/** The flow as it is deployed does not start in a worker. @param goesOn that which ran before takes calls still */
export function notStarted(error: Error, goesOn: boolean): ProviderError {
  const advice = goesOn
    ? ' - new calls go on in the flow as it was deployed before.'
    : ' - callers hear the apology until it starts.';
  const words = `the flow does not start in a worker thread: ${error.message}`;
  return new ProviderError('workers', 'settings', words, { code: 'start', advice });
}

/** A worker that was to take the place of one that had failed did not start. */
export function notReplaced(error: Error, againMs: number): ProviderError {
  const again = againMs === 0 ? 'at once' : `in ${againMs / 1_000} s`;
  const words = `a worker thread could not be started again: ${error.message}`;
  return new ProviderError('workers', 'unavailable', words, {
    code: 'start',
    advice: ` - it is tried again ${again}.`,
  });
}

/** A call waited for a worker, and there is none. */
export function noWorker(error: Error | undefined): ProviderError {
  const why = error ? `: ${error.message}` : ' in time';
  return new ProviderError('workers', 'unavailable', `no worker thread was there for this call${why}`, {
    code: 'start',
    advice: ' - the caller hears the apology, and the call is ended.',
  });
}

/** The worker in which a call was to live has another flow, or could not make the node. */
export function noInNode(): ProviderError {
  const words = 'the flow in the worker thread of this call has no such node, or its settings there are wrong';
  return new ProviderError('workers', 'settings', words, {
    code: 'start',
    advice: ' - the caller hears the apology, and the call is ended; deploy a flow that starts.',
  });
}

/** As it stands under a node. */
export function shortly(error: Error): string {
  const words = `no worker: ${error.message}`;
  return words.length > 60 ? `${words.slice(0, 59)}…` : words;
}
