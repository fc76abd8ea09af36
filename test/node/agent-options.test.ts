/** Further fields and headers of the request, of the node and of a flow: as the model's server sees them. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { until } from '../unit/call/utterance';
import { AgentStage } from './agent-stage';

let stage: AgentStage;

describe('Options and headers', () => {
  beforeEach(async () => {
    stage = new AgentStage();
    await stage.set();
  });
  afterEach(() => stage.strike());

  for (const api of ['responses', 'chat'] as const) {
    const nested =
      api === 'responses'
        ? { reasoning: { summary: 'auto' }, text: { verbosity: 'low' } }
        : { stream_options: { include_obfuscation: true }, verbosity: 'low' };
    const limit = api === 'responses' ? 'max_output_tokens' : 'max_completion_tokens';

    it(`${api}: reach the wire, win over the settings, and are put together with them`, async () => {
      const options = { ...nested, metadata: { team: 'voice' }, [limit]: 77, model: 'gpt-5.6-luna' };
      const headers = { 'x-team': 'voice', 'OpenAI-Project': 'proj_1' };
      await stage.load({
        ...{ api, model: 'gpt-5.4-mini', reasoningEffort: 'low' },
        ...{ options: JSON.stringify(options), headers: JSON.stringify(headers) },
      });
      stage.send('transcript', 'Hello');
      await stage.said(0);
      const [request] = stage.requests;
      assert.deepEqual(stage.simulator.refusals, []);
      assert.deepEqual(request?.body.metadata, { team: 'voice' });
      assert.deepEqual([request?.body[limit], request?.model], [77, 'gpt-5.6-luna']);
      assert.deepEqual([request?.body.stream, request?.body.store], [true, false]);
      if (api === 'responses') assert.deepEqual(request?.body.reasoning, { effort: 'low', summary: 'auto' });
      else assert.deepEqual(request?.body.stream_options, { include_usage: true, include_obfuscation: true });
      assert.deepEqual([request?.headers['x-team'], request?.headers['openai-project']], ['voice', 'proj_1']);
      assert.equal(request?.key, 'simulator-key');
    });

    it(`${api}: a flow gives others for its call, from the next request on; null takes a field out`, async () => {
      await stage.load({ api, options: '{"user": "a"}', headers: '{"x-team": "a"}' });
      stage.send('transcript', 'One');
      await stage.playOut();
      stage.send('agent.set', { options: { metadata: { ticket: '7' }, [limit]: null }, headers: { 'x-team': 'b' } });
      stage.send('transcript', 'Two');
      await stage.said(1);
      const [before, after] = stage.requests;
      assert.deepEqual([before?.body.user, before?.headers['x-team']], ['a', 'a']);
      assert.deepEqual([after?.body.user, after?.headers['x-team']], [undefined, 'b'], 'in the stead of the others');
      assert.deepEqual(after?.body.metadata, { ticket: '7' });
      assert.equal(limit in (after?.body ?? {}), false);
      assert.equal(after?.body.store, false);
    });
  }

  for (const [config, words] of [
    [{ options: '{"store": true}' }, /store is always false/],
    [{ options: '{"stream": false}' }, /stream is always true/],
    [{ headers: '{"Authorization": "Bearer mine"}' }, /the key in the account node/],
    [{ headers: '{"Content-Type": "text/plain"}' }, /belongs to the connection/],
    [{ headers: '{"x y": "z"}' }, /characters that no header can have/],
  ] as const) {
    it(`${JSON.stringify(config)} is refused in words, and the events of the call pass all the same`, async () => {
      // One that had been right before a Deploy would go on with that: this one never was.
      const id = `agent${String(words)}`;
      await stage.load({ id, ...config });
      stage.send('call.started', {}, {}, id);
      await until('an error', () => stage.caught.length > 0);
      assert.equal(stage.of('call.started').length, 1);
      assert.match(stage.caught[0]?.error.message ?? '', words);
      assert.equal(stage.requests.length, 0);
    });
  }
});
