import { afterAll, beforeAll, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { exceptions } from './openai-overlay.ts';
import { OpenaiSchema } from './openai-schema.ts';

// What the gateway answers of its own at the paths beside the model calls must be what OpenAI's document says.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const ant = { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { value: ANT_KEY } };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers: { ant } }) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(() => gateway?.stop());

type Json = { readonly [name: string]: unknown };

const schema = new OpenaiSchema(exceptions);
const MODEL = 'ant/ok/tools?calls=1';
const ITEM = { type: 'message', role: 'user', content: 'Hello' };

/** The answer, which follows the schema of this name. */
async function valid(name: string, method: string, path: string, body?: Json): Promise<Json> {
  const response = await fetch(`${gateway.url}/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const said = (await response.json()) as Json;
  expect({ path, faults: schema.faults(name, said), said }).toEqual({ path, faults: [], said });
  expect(response.ok).toBe(name !== 'ErrorResponse');
  return said;
}

it('a response that is kept is one, and so are its items', async () => {
  const tools = [{ type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } }];
  const { id } = await valid('Response', 'POST', '/responses', { model: MODEL, input: [ITEM], instructions: 'Be brief.', tools });
  await valid('Response', 'GET', `/responses/${id}`);
  await valid('ResponseItemList', 'GET', `/responses/${id}/input_items`);
  await valid('CompactResource', 'POST', '/responses/compact', { model: 'ant/ok/text?words=3', previous_response_id: id });
  await valid('ErrorResponse', 'GET', '/responses/resp_unknown');
});

it('a conversation is one, and so are its items', async () => {
  const { id } = await valid('ConversationResource', 'POST', '/conversations', { items: [ITEM], metadata: { a: 'b' } });
  await valid('Response', 'POST', '/responses', { model: MODEL, input: 'Hello', conversation: id });
  await valid('ConversationResource', 'GET', `/conversations/${id}`);
  await valid('ConversationResource', 'POST', `/conversations/${id}`, { metadata: { c: 'd' } });
  await valid('ConversationItemList', 'GET', `/conversations/${id}/items`);
  await valid('ConversationItemList', 'POST', `/conversations/${id}/items`, { items: [ITEM] });
  await valid('DeletedConversationResource', 'DELETE', `/conversations/${id}`);
});

it('counts, models and errors are what they are called', async () => {
  await valid('TokenCountsResource', 'POST', '/responses/input_tokens', { model: MODEL, input: 'Hello' });
  await valid('ListModelsResponse', 'GET', '/models');
  await valid('Model', 'GET', '/models/ant%2Fclaude-sonnet-4-5');
  await valid('ErrorResponse', 'GET', '/models/nobody%2Fknows');
  await valid('ErrorResponse', 'POST', '/chat/completions', { model: MODEL });
});
