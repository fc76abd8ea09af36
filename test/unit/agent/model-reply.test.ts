import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { ModelReply } from '../../../nodes/agent/model-reply';
import type { ModelEvent, ModelRequest } from '../../../nodes/agent/model';

const REQUEST: ModelRequest = {
  ...{ api: 'responses', baseUrl: 'http://127.0.0.1/v1', apiKey: '', model: 'any', instructions: '', messages: [] },
  ...{ maxTokens: 10, temperature: undefined, reasoningEffort: undefined, options: {}, headers: {} },
};

describe('A reply in the making', () => {
  it('is over with its last word, and its request still ends with the call: the rest of the body may never come', async () => {
    let given: AbortSignal | undefined;
    async function* neverEnds(_request: ModelRequest, signal: AbortSignal): AsyncGenerator<ModelEvent> {
      given = signal;
      yield { type: 'text', text: 'Yes.' };
      yield { type: 'end', finish: 'stop' };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    }
    const reply = new ModelReply(REQUEST, neverEnds);
    const written = await new Promise<string>((resolve) => {
      let text = '';
      reply.listen(
        {
          begun: true,
          text: (piece) => (text += piece),
          end: () => resolve(text),
          failed: (error) => assert.fail(error),
          retry: () => false,
          strange: (error) => assert.fail(error),
        },
        1_000,
      );
    });
    assert.equal(written, 'Yes.');
    assert.equal(given?.aborted, false);
    reply.abort();
    assert.equal(given?.aborted, true);
  });
});
