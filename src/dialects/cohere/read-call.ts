import type { Chat, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { CallHead } from '../../core/dialect.ts';
import {
  optionalArray,
  optionalBoolean,
  optionalCount,
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

/** The last event of a stream always holds the usage. */
export function readHead(fields: Fields): CallHead {
  return {
    model: requiredModel(fields.get('model')),
    stream: optionalBoolean(fields.get('stream'), 'stream') ?? false,
    wantsUsage: true,
  };
}

/** The fields with a place in the canonical chat; all others (`documents`, `citation_options`, `safety_mode`, …) travel in `extra`. */
const KNOWN = [
  'model',
  'stream',
  'messages',
  'tools',
  'strict_tools',
  'tool_choice',
  'max_tokens',
  'stop_sequences',
  'temperature',
  'seed',
  'frequency_penalty',
  'presence_penalty',
  'k',
  'p',
  'response_format',
  'thinking',
];

/** Source: https://docs.cohere.com/reference/chat */
export function readCall(body: JsonObject): Chat {
  const strict = optionalBoolean(body.strict_tools, 'strict_tools') ?? false;
  const toolChoice = readToolChoice(body.tool_choice);
  const responseFormat = readFormat(optionalObject(body.response_format, 'response_format'));
  const extra = {
    ...rest(body, KNOWN),
    ...present({
      tool_choice: toolChoice === undefined ? (body.tool_choice ?? undefined) : undefined,
      response_format: responseFormat === undefined ? unreadFormat(body.response_format) : undefined,
    }),
  };
  return {
    model: requiredModel(body.model),
    messages: readMessages(body.messages),
    tools: (optionalArray(body.tools, 'tools') ?? []).map((tool, index) => readTool(tool, strict, `tools[${index}]`)),
    ...present({
      toolChoice,
      maxTokens: optionalCount(body.max_tokens, 'max_tokens'),
      stop: optionalStrings(body.stop_sequences, 'stop_sequences'),
      temperature: optionalNumber(body.temperature, 'temperature'),
      seed: optionalNumber(body.seed, 'seed'),
      frequencyPenalty: optionalNumber(body.frequency_penalty, 'frequency_penalty'),
      presencePenalty: optionalNumber(body.presence_penalty, 'presence_penalty'),
      topK: optionalNumber(body.k, 'k'),
      topP: optionalNumber(body.p, 'p'),
      responseFormat,
      reasoning: readThinking(optionalObject(body.thinking, 'thinking')),
    }),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    extra: Object.keys(extra).length === 0 ? {} : { [ID]: extra },
  };
}

/** Absent, it is for the model to choose. */
function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'REQUIRED') return { mode: 'required' };
  return value === 'NONE' ? { mode: 'none' } : undefined;
}

function readFormat(format: JsonObject | undefined): ResponseFormat | undefined {
  if (format?.type !== 'json_object') return undefined;
  // `schema` is its older name.
  const schema = format.json_schema ?? format.schema;
  return isObject(schema) ? { type: 'schema', schema } : { type: 'json' };
}

const unreadFormat = (value: Json | undefined) => (isObject(value) && value.type !== 'text' ? value : undefined);

function readThinking(thinking: JsonObject | undefined): Reasoning | undefined {
  if (thinking === undefined) return undefined;
  const mode = thinking.type === 'enabled' || thinking.type === 'disabled' ? thinking.type : undefined;
  return present({ mode, budgetTokens: optionalCount(thinking.token_budget, 'thinking.token_budget') });
}

function readTool(value: Json, strict: boolean, at: string): Tool {
  const tool = requiredObject(value, at);
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
      strict: strict || undefined,
    }),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}
