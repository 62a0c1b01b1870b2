import { expect, it } from 'vitest';
import type { ChatChunk } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import { errorCodes, GatewayError } from '../../src/core/errors.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { Frame } from '../../src/core/sse.ts';
import { Wire } from '../../src/core/wire.ts';
import { openaiChat } from '../../src/dialects/openai-chat/index.ts';
import { openaiCompletions } from '../../src/dialects/openai-completions/index.ts';
import { openaiResponses } from '../../src/dialects/openai-responses/index.ts';
import { openai as models } from '../../src/kinds/llm/models/shapes.ts';
import { embeddings } from '../../src/kinds/llm/operations/embeddings/index.ts';
import { openJson } from '../../src/kinds/llm/operations/open.ts';
import { bodyOf, framesOf, hasFailed, isOwn, OPTIONS, objectsIn, understood } from './answers.ts';
import { exceptions } from './openai-overlay.ts';
import { EVENTS, OpenaiSchema } from './openai-schema.ts';

// What the gateway writes in OpenAI's dialects must be what OpenAI's own document says a server sends. See NOTICE.

/** Something a client gets, and the schema that it must follow. */
interface Written {
  readonly name: string;
  readonly schema: string;
  readonly value: JsonObject;
}

const eventSchema = ({ type }: JsonObject) => EVENTS.get(String(type)) ?? `no event is called ${type}`;
const chunkSchema = (name: string) => (frame: JsonObject) => (frame.error === undefined ? name : 'ErrorResponse');

const WHOLE: ReadonlyMap<Dialect, string> = new Map([
  [openaiChat, 'CreateChatCompletionResponse'],
  [openaiCompletions, 'CreateCompletionResponse'],
  [openaiResponses, 'Response'],
]);
const STREAMED: ReadonlyMap<Dialect, (frame: JsonObject) => string> = new Map([
  [openaiChat, chunkSchema('CreateChatCompletionStreamResponse')],
  [openaiCompletions, chunkSchema('CreateCompletionResponse')],
  [openaiResponses, eventSchema],
]);

const heard = (dialect: Dialect) => understood.filter((each) => dialect !== openaiResponses || !isOwn(each, dialect));

function wholeIn(dialect: Dialect): readonly Written[] {
  const schema = WHOLE.get(dialect) ?? '';
  return heard(dialect).flatMap((each) => (hasFailed(each) ? [] : [{ name: each.name, schema, value: bodyOf(each.chunks, dialect) }]));
}

function streamedIn(dialect: Dialect): readonly Written[] {
  const schemaOf = STREAMED.get(dialect) ?? String;
  return heard(dialect).flatMap(({ name, chunks }) =>
    objectsIn(framesOf(chunks, dialect)).map((value) => ({ name, schema: schemaOf(value), value })),
  );
}

const schema = new OpenaiSchema(exceptions);

function faultsOf(all: readonly Written[], by = schema) {
  return all.flatMap(({ name, schema, value }) => {
    const faults = by.faults(schema, value);
    return faults.length === 0 ? [] : [{ name, schema, faults, value }];
  });
}

const HELLO: readonly ChatChunk[] = [
  { type: 'start', id: 'msg_1', model: 'model-a', created: 1_800_000_000 },
  { type: 'text', part: 0, choice: 0, text: 'Hello.' },
  { type: 'finish', choice: 0, reason: 'stop' },
  { type: 'usage', usage: { input: 3, output: 2 } },
  { type: 'end' },
];

const WEATHER = { type: 'function', name: 'get_weather', parameters: { type: 'object', properties: {} } };
const calls: readonly (readonly [string, JsonObject])[] = [
  ['nothing but a text', { model: 'm', input: 'Hello' }],
  ['a tool with little said of it', { model: 'm', input: 'Hello', tools: [{ type: 'function', name: 'now' }], tool_choice: 'required' }],
  [
    'tools of many kinds',
    {
      model: 'm',
      input: 'Hello',
      tools: [WEATHER, { ...WEATHER, strict: false, description: 'It rains.' }, { type: 'web_search' }, { type: 'custom', name: 'shell' }],
      tool_choice: { type: 'function', name: 'get_weather' },
      parallel_tool_calls: false,
      max_tool_calls: 2,
    },
  ],
  [
    'a form for the answer',
    { model: 'm', input: 'Hello', text: { format: { type: 'json_schema', name: 'person', schema: { type: 'object' } }, verbosity: 'low' } },
  ],
  ['any JSON', { model: 'm', input: 'Hello', text: { format: { type: 'json_object' } } }],
  [
    'settings',
    {
      model: 'm',
      input: 'Hello',
      instructions: 'Be brief.',
      reasoning: { effort: 'low', summary: 'auto' },
      temperature: 0.5,
      top_p: 0.9,
      top_logprobs: 2,
      metadata: { a: 'b' },
      store: false,
      max_output_tokens: 20,
      truncation: 'auto',
      service_tier: 'auto',
      user: 'u',
      safety_identifier: 's',
      prompt_cache_key: 'k',
    },
  ],
  ['what came before', { model: 'm', input: 'Hello', previous_response_id: 'resp_1' }],
  ['a conversation', { model: 'm', input: 'Hello', conversation: 'conv_1' }],
  [
    'null for what is not said',
    { model: 'm', input: 'Hello', tools: null, temperature: null, metadata: null, text: null, reasoning: null },
  ],
];

const request = (body: JsonObject) => ({ ...OPTIONS, call: Wire.of(body).fields });

/** Answers repeat the calls that they answer. */
const repeated: readonly Written[] = calls.flatMap(([name, call]) => [
  { name, schema: 'Response', value: bodyOf(HELLO, openaiResponses, request(call)) },
  ...objectsIn(framesOf(HELLO, openaiResponses, request(call))).map((value) => ({ name, schema: eventSchema(value), value })),
]);

const errors: readonly GatewayError[] = [
  ...Object.keys(errorCodes).map((code) => new GatewayError(code as keyof typeof errorCodes, 'It broke.', { param: 'model' })),
  new GatewayError('upstream_rejected', 'No.', { status: 400, vendorCode: 'context_length_exceeded', vendorType: 'invalid_request_error' }),
];
const failed: readonly Written[] = [openaiChat, openaiCompletions, openaiResponses].flatMap((dialect) =>
  errors.flatMap((error) => [
    { name: error.code, schema: 'ErrorResponse', value: dialect.writeError(error, 'req_01k').body },
    ...objectsIn([Frame.of(dialect.errorFrame(error, 'req_01k'))]).map((value) => ({
      name: error.code,
      schema: STREAMED.get(dialect)?.(value) ?? '',
      value,
    })),
  ]),
);

const VECTORS = [
  [0.5, -1],
  [0, 0.25],
];
/** What vendors answer to a call for two vectors, by the name of their form. */
const embedded: readonly (readonly [string, string, readonly JsonObject[]])[] = [
  ['gemini', 'gemini-embedding-001', [{ embeddings: VECTORS.map((values) => ({ values })), usageMetadata: { promptTokenCount: 4 } }]],
  ['gemini', 'gemini-embedding-001', [{ embeddings: VECTORS.map((values) => ({ values })) }]],
  ['cohere', 'embed-v4.0', [{ id: 'x', embeddings: { float: VECTORS }, meta: { billed_units: { input_tokens: 4 } } }]],
  ['ollama', 'nomic-embed-text', [{ model: 'nomic-embed-text', embeddings: VECTORS, prompt_eval_count: 4 }]],
  ['bedrock', 'amazon.titan-embed-text-v2:0', VECTORS.map((embedding) => ({ embedding, inputTextTokenCount: 2 }))],
];
const vectors: readonly Written[] = embedded.flatMap(([shape, model, replies]) =>
  (['float', 'base64'] as const).map((encoding_format) => {
    const call = openJson(embeddings, JSON.stringify({ model, input: ['a', 'b'], encoding_format }), new Headers());
    const value = embeddings.translate?.(call, shape, model)?.answer(replies).body ?? {};
    return { name: `${shape} as ${encoding_format}`, schema: 'CreateEmbeddingResponse', value };
  }),
);

const LISTED = [
  { id: 'openai/gpt-5', owner: 'openai', context: 400_000, maxOutput: 128_000 },
  { id: 'mine', owner: 'weir' },
];
const listed: readonly Written[] = [
  ...LISTED.map((model) => ({ name: model.id, schema: 'Model', value: models.one(model) })),
  ...['', 'limit=1'].map((query) => ({
    name: query,
    schema: 'ListModelsResponse',
    value: models.list(LISTED, new URLSearchParams(query)),
  })),
];

const dialects = [openaiChat, openaiCompletions, openaiResponses];
const all: readonly (readonly [string, readonly Written[]])[] = [
  ...dialects.flatMap((dialect): (readonly [string, readonly Written[]])[] => [
    [`whole answers of ${dialect.id}`, wholeIn(dialect)],
    [`streams of ${dialect.id}`, streamedIn(dialect)],
  ]),
  ['answers that repeat the call', repeated],
  ['errors', failed],
  ['embeddings of other vendors', vectors],
  ['models', listed],
];

it.each(all)('%s are valid', (_what, written) => {
  expect(written.length).toBeGreaterThan(3);
  expect(faultsOf(written).slice(0, 5)).toEqual([]);
});

it('takes every kind of event that the gateway makes of its own accord', () => {
  expect(EVENTS.size).toBeGreaterThan(50);
  const said = new Set(streamedIn(openaiResponses).map(({ value }) => value.type));
  expect([...said].filter((type) => !EVENTS.has(String(type)))).toEqual([]);
  expect(said.size).toBeGreaterThan(18);
});

it('finds what is missing, what is of another type, and what nobody knows', () => {
  const whole = bodyOf(HELLO, openaiChat);
  const { id: _, ...nameless } = whole;
  expect(schema.faults('CreateChatCompletionResponse', whole)).toEqual([]);
  expect(schema.faults('CreateChatCompletionResponse', nameless)).not.toEqual([]);
  expect(schema.faults('CreateChatCompletionResponse', { ...whole, created: '1' })).not.toEqual([]);
  expect(schema.faults('CreateChatCompletionResponse', { ...whole, createdAt: 1 })).not.toEqual([]);
  const response = bodyOf(HELLO, openaiResponses);
  expect(schema.faults('Response', { ...response, output: [{ type: 'function_call', name: 'x' }] })).not.toEqual([]);
  expect(schema.faults('Response', { ...response, output: [{ type: 'unknown' }] })).not.toEqual([]);
});

const everything = all.flatMap(([, written]) => written);

it.each(exceptions)('the exception at $at is needed', (exception) => {
  const [first = ''] = exception.at.split('/');
  const without = new OpenaiSchema(exceptions.filter((each) => each !== exception));
  expect(exception.why.length).toBeGreaterThan(10);
  expect(
    everything.some(({ schema, value }) => without.faults(schema, value).length > 0),
    first,
  ).toBe(true);
});
