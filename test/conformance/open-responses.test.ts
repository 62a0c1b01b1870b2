import Ajv from 'ajv';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import schemas from './open-responses.schema.json';

// What the gateway writes itself must be what Open Responses says a server sends. See NOTICE for the schemas.

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const document = {
    providers: {
      chat: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' }, dialects: ['openai-chat'] },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
    },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(() => gateway?.stop());

type Json = { readonly [name: string]: unknown };

/** The specification's own text allows a schema there; its schema says that there is none. */
const corrected = { ...schemas, JsonSchemaResponseFormat: { ...schemas.JsonSchemaResponseFormat, properties: {} } };
const ajv = new Ajv({ strict: false, allErrors: true });
ajv.addSchema({ $id: 'https://open.responses/schema', components: { schemas: corrected } });

/** The type that a schema of an event allows. */
const typeOf = (schema: object) => /"type":\{[^{}]*"enum":\["([a-z_.]+)"\]/.exec(JSON.stringify(schema))?.[1];
/** The names of the schemas of events, by type. */
const EVENTS = new Map(
  Object.entries(schemas).flatMap(([name, schema]): (readonly [string, string])[] => {
    const type = name.endsWith('StreamingEvent') ? typeOf(schema) : undefined;
    return type === undefined ? [] : [[type, name]];
  }),
);

/** What is wrong with a value, by the schema of this name. */
function faults(name: string, value: unknown): readonly string[] {
  const validate = ajv.compile({ $ref: `https://open.responses/schema#/components/schemas/${name}` });
  return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

const post = (body: Json) =>
  fetch(`${gateway.url}/v1/responses`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
const eventsOf = (text: string): readonly Json[] =>
  text.split('\n\n').flatMap((frame) => {
    const data = /^data: (.+)$/m.exec(frame)?.[1];
    return data === undefined ? [] : [JSON.parse(data) as Json];
  });

const TOOLS = [{ type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } }];
const FORMAT = { format: { type: 'json_schema', name: 'person', schema: { type: 'object' }, strict: false } };
const calls: readonly (readonly [string, Json])[] = [
  ['text', { model: 'ok/text?words=3' }],
  [
    'instructions and settings',
    { model: 'ok/text?words=2', instructions: 'Be brief.', temperature: 0.5, metadata: { a: 'b' }, store: false },
  ],
  ['tool calls', { model: 'ok/tools?calls=2', tools: TOOLS, tool_choice: 'auto' }],
  ['structured output', { model: 'ok/json', text: FORMAT, reasoning: { effort: 'low' } }],
  ['an answer that was cut off', { model: 'ok/length', max_output_tokens: 3 }],
  ['thinking', { model: 'ok/thinking' }],
  ['usage that the vendor did not count', { model: 'ok/text?usage=absent' }],
];

it('finds what is missing', () => {
  expect(faults('ResponseResource', { id: 'resp_1' })).not.toEqual([]);
  expect(faults('ResponseOutputTextDeltaStreamingEvent', { type: 'response.output_text.delta', delta: 'x' })).not.toEqual([]);
  expect(EVENTS.size).toBeGreaterThan(20);
});

describe.each(['chat', 'ant'])('answers of an upstream of %s', (provider) => {
  it.each(calls)('are responses: %s', async (_what, { model, ...call }) => {
    const response = await post({ input: 'Hello', ...call, model: `${provider}/${model}` });
    expect(response.status).toBe(200);
    expect(faults('ResponseResource', await response.json())).toEqual([]);
  });

  it.each(calls)('are streams of known events: %s', async (_what, { model, ...call }) => {
    const response = await post({ input: 'Hello', ...call, model: `${provider}/${model}`, stream: true });
    const events = eventsOf(await response.text());
    expect(events.length).toBeGreaterThan(5);
    for (const event of events) expect([event.type, ...faults(EVENTS.get(String(event.type)) ?? 'unknown', event)]).toEqual([event.type]);
  });

  it('are streams of known events where they break off', async () => {
    const events = eventsOf(await (await post({ input: 'Hello', model: `${provider}/fault/reset?n=6`, stream: true })).text());
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'response.failed']);
    for (const event of events) expect([event.type, ...faults(EVENTS.get(String(event.type)) ?? 'unknown', event)]).toEqual([event.type]);
  });
});
