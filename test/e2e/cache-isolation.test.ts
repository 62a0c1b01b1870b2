import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';

// A part of what test/isolation tries by the thousand, against the running gateway: what differs is not answered again.

let gateway: TestGateway;
let others: readonly string[];

async function publish(more: object = {}): Promise<void> {
  const document = {
    providers: { up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' } } },
    models: { m: ['up/ok/text?words=3&id=isolated'], n: ['up/ok/text?words=3&id=isolated'] },
    policies: [{ use: 'cache', ttl: 300 }],
    ...more,
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
}

beforeAll(async () => {
  gateway = await startTestGateway();
  await publish();
  const families = await Promise.all(['one', 'two'].map((name) => makeFamily(gateway, name)));
  others = (await Promise.all(families.map(({ app }) => makeKey(gateway, { app, name: 'k' })))).map(({ key }) => key);
});
afterAll(() => gateway?.stop());

type Body = { readonly [field: string]: unknown };
interface Form {
  readonly path: (model: string) => string;
  /** `mark` keeps the calls of one test apart from all others. */
  readonly body: (model: string, mark: string) => Body;
  readonly variants: readonly Body[];
}

const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
const schema = (name: string) => ({
  type: 'object',
  properties: { [name]: { type: 'string' } },
  required: [name],
  additionalProperties: false,
});
const chatTool = (name: string) => ({ type: 'function', function: { name, parameters: schema('a') } });
const user = (content: unknown) => ({ role: 'user', content });

const forms: { readonly [name: string]: Form } = {
  'chat completions': {
    path: () => '/v1/chat/completions',
    body: (model, mark) => ({ model, messages: [user(mark)] }),
    variants: [
      { messages: [{ role: 'system', content: 'Be brief.' }, user('Hello')] },
      { messages: [{ role: 'system', content: 'Be long.' }, user('Hello')] },
      { messages: [{ role: 'developer', content: 'Be long.' }, user('Hello')] },
      { messages: [user('Hi'), { role: 'assistant', content: 'Ho' }, user('Hello')] },
      { messages: [user('Hi'), { role: 'assistant', content: 'Hu' }, user('Hello')] },
      { messages: [user([{ type: 'text', text: 'Hello', x_unknown: 1 }])] },
      { messages: [user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}` } }])] },
      { messages: [user([{ type: 'image_url', image_url: { url: `data:image/png;base64,${PIXEL}`, detail: 'low' } }])] },
      { tools: [chatTool('f')] },
      { tools: [chatTool('g')] },
      { tools: [chatTool('f'), chatTool('g')] },
      { tools: [chatTool('f'), chatTool('g')], tool_choice: 'required' },
      { tools: [chatTool('f'), chatTool('g')], tool_choice: { type: 'function', function: { name: 'g' } } },
      { tools: [chatTool('f'), chatTool('g')], parallel_tool_calls: false },
      { response_format: { type: 'json_object' } },
      { response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: schema('a') } } },
      { response_format: { type: 'json_schema', json_schema: { name: 'a', strict: true, schema: schema('b') } } },
      ...['temperature', 'top_p', 'presence_penalty', 'frequency_penalty', 'seed', 'max_completion_tokens', 'n', 'x_vendor'].map(
        (name) => ({ [name]: 1 }),
      ),
      { stop: 'x' },
      { reasoning_effort: 'low' },
      { reasoning_effort: 'high' },
    ],
  },
  messages: {
    path: () => '/v1/messages',
    body: (model, mark) => ({ model, max_tokens: 50, messages: [user(mark)] }),
    variants: [
      { system: 'Be brief.' },
      { system: [{ type: 'text', text: 'Be brief.', cache_control: { type: 'ephemeral' } }] },
      { max_tokens: 51 },
      { temperature: 0.5 },
      { top_k: 3 },
      { stop_sequences: ['x'] },
      { tools: [{ name: 'f', input_schema: schema('a') }] },
      { tools: [{ name: 'f', input_schema: schema('a') }], tool_choice: { type: 'any' } },
      { messages: [user([{ type: 'text', text: 'Hello', x_unknown: 1 }])] },
    ],
  },
  responses: {
    path: () => '/v1/responses',
    body: (model, mark) => ({ model, input: mark, store: false }),
    variants: [
      { instructions: 'Be brief.' },
      { max_output_tokens: 50 },
      { temperature: 0.5 },
      { text: { format: { type: 'json_schema', name: 'a', schema: schema('a'), strict: true } } },
      { tools: [{ type: 'function', name: 'f', parameters: schema('a'), strict: true }] },
      { include: ['reasoning.encrypted_content'] },
      { x_vendor: 1 },
    ],
  },
  gemini: {
    path: (model) => `/v1beta/models/${model}:generateContent`,
    body: (_model, mark) => ({ contents: [{ role: 'user', parts: [{ text: mark }] }] }),
    variants: [
      { systemInstruction: { parts: [{ text: 'Be brief.' }] } },
      { generationConfig: { temperature: 0.5 } },
      { generationConfig: { topK: 3 } },
      { generationConfig: { responseMimeType: 'application/json' } },
      { generationConfig: { responseMimeType: 'application/json', responseJsonSchema: schema('a') } },
      { tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: schema('a') }] }] },
      { safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'BLOCK_NONE' }] },
      { safetySettings: [{ category: 'HARM_CATEGORY_HARASSMENT', threshold: 'OFF' }] },
    ],
  },
  converse: {
    path: (model) => `/model/${model}/converse`,
    body: (_model, mark) => ({ messages: [user([{ text: mark }])] }),
    variants: [
      { system: [{ text: 'Be brief.' }] },
      { inferenceConfig: { temperature: 0.5 } },
      { inferenceConfig: { maxTokens: 50 } },
      { toolConfig: { tools: [{ toolSpec: { name: 'f', inputSchema: { json: schema('a') } } }] } },
      { additionalModelRequestFields: { top_k: 3 } },
    ],
  },
};

async function ask({ path }: Form, model: string, body: Body, key = KEY): Promise<string> {
  const response = await fetch(gateway.url + path(model), {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  expect(response.status, `${JSON.stringify(body)} ${text}`).toBe(200);
  return response.headers.get('x-weir-cache') ?? '';
}

describe.each(Object.entries(forms))('calls of %s', (_name, form) => {
  it('are answered again only where nothing differs', async () => {
    const mark = crypto.randomUUID();
    const base = form.body('m', mark);
    const bodies = [base, ...form.variants.map((variant) => ({ ...base, ...variant }))];
    for (const body of bodies) expect(await ask(form, 'm', body), JSON.stringify(body)).toBe('miss');
    expect(await ask(form, 'n', { ...base, ...('model' in base ? { model: 'n' } : {}) })).toBe('miss');
    for (const key of others) expect(await ask(form, 'm', base, key)).toBe('miss');
    for (const body of bodies) expect(await ask(form, 'm', body), JSON.stringify(body)).toBe('hit');
  });

  it('are answered anew under another configuration, and after all was thrown away', async () => {
    const base = form.body('m', crypto.randomUUID());
    expect([await ask(form, 'm', base), await ask(form, 'm', base)]).toEqual(['miss', 'hit']);
    await publish({ limits: { ping: 5_000 + Math.floor(performance.now()) } });
    expect([await ask(form, 'm', base), await ask(form, 'm', base)]).toEqual(['miss', 'hit']);
    expect((await gateway.admin('/cache', { method: 'DELETE', body: '{}' })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    expect([await ask(form, 'm', base), await ask(form, 'm', base)]).toEqual(['miss', 'hit']);
  });
});
