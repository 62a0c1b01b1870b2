import type { Chat, Reasoning, ResponseFormat, Tool } from '../../core/chat.ts';
import type { CallHead } from '../../core/dialect.ts';
import {
  invalid,
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  present,
  requiredModel,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { extraOf, ID } from './fields.ts';
import { readMessages } from './read-messages.ts';

/** An answer streams unless the caller says otherwise, and its last line always holds the usage. */
export function readHead(fields: Fields): CallHead {
  return { model: requiredModel(fields.get('model')), stream: readStream(fields.get('stream')), wantsUsage: true };
}

const readStream = (value: Json | undefined) => optionalBoolean(value, 'stream') ?? true;

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = ['model', 'messages', 'stream', 'tools', 'format', 'options', 'think'];
const KNOWN_OPTIONS = ['num_predict', 'temperature', 'top_p', 'top_k', 'seed', 'stop', 'presence_penalty', 'frequency_penalty'];

/** Source: https://docs.ollama.com/api/chat and the server's `api/types.go`. */
export function readCall(body: JsonObject): Chat {
  const options = optionalObject(body.options, 'options') ?? {};
  const maxTokens = optionalNumber(options.num_predict, 'options.num_predict');
  // -1 means without limit and -2 until the context is full: neither is a number of tokens.
  const limited = maxTokens !== undefined && maxTokens >= 0;
  const left = rest(options, limited ? KNOWN_OPTIONS : KNOWN_OPTIONS.slice(1));
  const extra = { ...rest(body, KNOWN), ...present({ options: left }) };
  return {
    model: requiredModel(body.model),
    messages: readMessages(body.messages),
    tools: (optionalArray(body.tools, 'tools') ?? []).map((tool, index) => readTool(tool, `tools[${index}]`)),
    ...present({
      maxTokens: limited ? maxTokens : undefined,
      temperature: optionalNumber(options.temperature, 'options.temperature'),
      topP: optionalNumber(options.top_p, 'options.top_p'),
      topK: optionalNumber(options.top_k, 'options.top_k'),
      seed: optionalNumber(options.seed, 'options.seed'),
      stop: readStop(options.stop),
      presencePenalty: optionalNumber(options.presence_penalty, 'options.presence_penalty'),
      frequencyPenalty: optionalNumber(options.frequency_penalty, 'options.frequency_penalty'),
      responseFormat: readFormat(body.format),
      reasoning: readThink(body.think),
    }),
    stream: readStream(body.stream),
    extra: Object.keys(extra).length === 0 ? {} : { [ID]: extra },
  };
}

const readStop = (value: Json | undefined) => (typeof value === 'string' ? [value] : optionalStrings(value, 'options.stop'));

/** `"json"`, or a JSON Schema. */
function readFormat(value: Json | undefined): ResponseFormat | undefined {
  if (value === undefined || value === null || value === '') return undefined;
  if (value === 'json') return { type: 'json' };
  if (!isObject(value)) throw invalid('format', '"json" or a JSON Schema');
  return { type: 'schema', schema: value };
}

/** Whether to think, or how hard. */
function readThink(value: Json | undefined): Reasoning | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'boolean') return { mode: value ? 'enabled' : 'disabled' };
  if (typeof value === 'string') return { effort: value };
  throw invalid('think', 'a boolean or a level');
}

function readTool(value: Json, at: string): Tool {
  const tool = requiredObject(value, at);
  if ((tool.type ?? 'function') !== 'function') return { type: 'raw', dialect: ID, value: tool };
  const fields = requiredObject(tool.function, `${at}.function`);
  const left = {
    ...rest(tool, ['type', 'function']),
    ...present({ function: rest(fields, ['name', 'description', 'parameters']) }),
  };
  return {
    type: 'function',
    name: requiredString(fields.name, `${at}.function.name`),
    ...present({
      description: optionalString(fields.description, `${at}.function.description`),
      parameters: fields.parameters ?? undefined,
    }),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}
