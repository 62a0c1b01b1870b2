import type { Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { writeUsage } from './usage.ts';

export type Status = 'in_progress' | 'completed' | 'incomplete' | 'failed';

/** What a response is at one moment. */
export interface ResponseState {
  readonly id: string;
  /** Unix seconds. */
  readonly created: number;
  readonly model: string;
  readonly status: Status;
  readonly output: readonly JsonObject[];
  readonly usage?: Usage | undefined;
  /** Why it is incomplete. */
  readonly reason?: string | undefined;
  /** Why it failed. */
  readonly error?: JsonObject | undefined;
  /** What it repeats of the call: `repeatedCall`. */
  readonly call: JsonObject;
}

/**
 * The `response` object, with every field that OpenAI's reference or Open Responses requires. When it was completed is
 * not known here, and null says so.
 */
export function responseObject({ id, created, model, status, output, usage, reason, error, call }: ResponseState): JsonObject {
  return {
    id,
    object: 'response',
    created_at: created,
    status,
    completed_at: null,
    error: error ?? null,
    incomplete_details: reason === undefined ? null : { reason },
    ...call,
    model,
    output,
    usage: usage === undefined ? null : writeUsage(usage),
  };
}

/** Source: https://platform.openai.com/docs/api-reference/responses/object: what stands there for fields that a call leaves out. */
const DEFAULTS: { readonly [field: string]: Json } = {
  background: false,
  frequency_penalty: 0,
  instructions: null,
  max_output_tokens: null,
  max_tool_calls: null,
  metadata: {},
  parallel_tool_calls: true,
  presence_penalty: 0,
  previous_response_id: null,
  prompt_cache_key: null,
  safety_identifier: null,
  store: true,
  temperature: 1,
  tool_choice: 'auto',
  top_logprobs: 0,
  top_p: 1,
  truncation: 'disabled',
};

/** Fields that a response repeats only where the call has them. */
const OPTIONAL = ['context_management', 'prompt', 'prompt_cache_retention', 'user'];

/** What a response repeats of the call that it answers. */
export function repeatedCall(call: Fields | undefined): JsonObject {
  const given = (name: string): Json | undefined => call?.get(name) ?? undefined;
  const tier = asString(given('service_tier'));
  return {
    ...Object.fromEntries(Object.entries(DEFAULTS).map(([name, value]) => [name, given(name) ?? value])),
    ...present(Object.fromEntries(OPTIONAL.map((name) => [name, given(name)]))),
    ...conversationOf(given('conversation')),
    reasoning: { effort: null, summary: null, ...objectOf(given('reasoning')) },
    service_tier: tier === undefined || tier === 'auto' ? 'default' : tier,
    text: textOf(objectOf(given('text'))),
    tools: toolsOf(given('tools')),
  };
}

const objectOf = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});

function conversationOf(value: Json | undefined): JsonObject {
  if (value === undefined) return {};
  return { conversation: typeof value === 'string' ? { id: value } : value };
}

function textOf(text: JsonObject): JsonObject {
  const format = objectOf(text.format);
  if (format.type !== 'json_schema') return { ...text, format: format.type === undefined ? { type: 'text' } : format };
  return { ...text, format: { description: null, ...format, strict: format.strict ?? false } };
}

function toolsOf(tools: Json | undefined): Json {
  if (!isArray(tools)) return [];
  return tools.map((tool) =>
    isObject(tool) && tool.type === 'function' ? { description: null, parameters: null, ...tool, strict: tool.strict ?? true } : tool,
  );
}

/** The id of a response: the upstream's where it is one of this dialect, else made of the exchange's. */
export function responseId(upstream: string | undefined, { id }: Pick<ReplyWriterOptions, 'id'>): string {
  return upstream?.startsWith('resp_') ? upstream : `resp_${id.replace(/^[a-z]+_/, '').replaceAll(/[^a-zA-Z0-9]/g, '')}`;
}
