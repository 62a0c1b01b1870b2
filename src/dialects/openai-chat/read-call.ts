import type { Chat, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import {
  optionalArray,
  optionalBoolean,
  optionalNumber,
  optionalObject,
  optionalString,
  present,
  requiredModel,
  requiredObject,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStop } from '../../core/openai/fields.ts';
import { extraOf, ID } from './fields.ts';
import { readMessages } from './read-messages.ts';

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'tools',
  'functions',
  'tool_choice',
  'function_call',
  'parallel_tool_calls',
  'max_tokens',
  'max_completion_tokens',
  'temperature',
  'top_p',
  'stop',
  'n',
  'seed',
  'presence_penalty',
  'frequency_penalty',
  'response_format',
  'reasoning_effort',
  'user',
]);

/** Source: platform.openai.com, API reference, "Create chat completion". */
export function readCall(body: JsonObject): Chat {
  const toolChoice = readToolChoice(body.tool_choice) ?? readFunctionChoice(body.function_call);
  const responseFormat = readFormat(body.response_format);
  const effort = optionalString(body.reasoning_effort, 'reasoning_effort');
  const extra = {
    ...rest(body, KNOWN),
    ...present({
      tool_choice: toolChoice === undefined ? (body.tool_choice ?? undefined) : undefined,
      response_format: responseFormat === undefined ? unreadFormat(body.response_format) : undefined,
      stream_options: rest(optionalObject(body.stream_options, 'stream_options') ?? {}, INCLUDE_USAGE),
    }),
  };
  return {
    model: requiredModel(body.model),
    messages: readMessages(body.messages),
    tools: readTools(body),
    ...present({
      toolChoice,
      parallelToolCalls: optionalBoolean(body.parallel_tool_calls, 'parallel_tool_calls'),
      maxTokens: optionalNumber(body.max_completion_tokens, 'max_completion_tokens') ?? optionalNumber(body.max_tokens, 'max_tokens'),
      temperature: optionalNumber(body.temperature, 'temperature'),
      topP: optionalNumber(body.top_p, 'top_p'),
      stop: readStop(body.stop),
      choices: optionalNumber(body.n, 'n'),
      seed: optionalNumber(body.seed, 'seed'),
      presencePenalty: optionalNumber(body.presence_penalty, 'presence_penalty'),
      frequencyPenalty: optionalNumber(body.frequency_penalty, 'frequency_penalty'),
      responseFormat,
      reasoning: effort === undefined ? undefined : { effort },
      user: optionalString(body.user, 'user'),
    }),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    extra: Object.keys(extra).length === 0 ? {} : { [ID]: extra },
  };
}

/** Whether usage is streamed is between the gateway and each side: it is no property of the call. */
const INCLUDE_USAGE = new Set(['include_usage']);

function readTools(body: JsonObject): readonly Tool[] {
  const tools = optionalArray(body.tools, 'tools') ?? [];
  const functions = optionalArray(body.functions, 'functions') ?? [];
  return [
    ...tools.map((tool, index) => readTool(requiredObject(tool, `tools[${index}]`), `tools[${index}]`)),
    ...functions.map((value, index) => readFunction(requiredObject(value, `functions[${index}]`), `functions[${index}]`)),
  ];
}

const TOOL_FIELDS = new Set(['type', 'function', 'cache_control']);
const FUNCTION_FIELDS = new Set(['name', 'description', 'parameters', 'strict']);

function readTool(tool: JsonObject, at: string): Tool {
  if ((tool.type ?? 'function') !== 'function') return { type: 'raw', dialect: ID, value: tool };
  const fields = requiredObject(tool.function, `${at}.function`);
  const left = { ...rest(tool, TOOL_FIELDS), ...present({ function: rest(fields, FUNCTION_FIELDS) }) };
  return {
    ...readFunction(fields, `${at}.function`),
    ...present({ cache: optionalObject(tool.cache_control, `${at}.cache_control`) }),
    ...extraOf(Object.keys(left).length === 0 ? undefined : left),
  };
}

function readFunction(fields: JsonObject, at: string): Tool & { type: 'function' } {
  return {
    type: 'function',
    name: requiredString(fields.name, `${at}.name`),
    ...present({
      description: optionalString(fields.description, `${at}.description`),
      parameters: fields.parameters ?? undefined,
      strict: optionalBoolean(fields.strict, `${at}.strict`),
    }),
  };
}

/** `undefined` for an absent choice and for one of a kind that only this dialect knows. */
function readToolChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'auto' || value === 'none' || value === 'required') return { mode: value };
  // Mistral's word for `required`.
  if (value === 'any') return { mode: 'required' };
  if (!isObject(value) || value.type !== 'function') return undefined;
  const named = requiredObject(value.function, 'tool_choice.function');
  return { mode: 'tool', name: requiredString(named.name, 'tool_choice.function.name') };
}

/** The older form: `"auto"`, `"none"` or `{name}`. */
function readFunctionChoice(value: Json | undefined): ToolChoice | undefined {
  if (value === 'auto' || value === 'none') return { mode: value };
  const name = isObject(value) ? asString(value.name) : undefined;
  return name === undefined ? undefined : { mode: 'tool', name };
}

function readFormat(value: Json | undefined): ResponseFormat | undefined {
  const format = optionalObject(value, 'response_format');
  if (format?.type === 'json_object') return { type: 'json' };
  if (format?.type !== 'json_schema') return undefined;
  const schema = requiredObject(format.json_schema, 'response_format.json_schema');
  return {
    type: 'schema',
    schema: schema.schema ?? {},
    ...present({
      name: optionalString(schema.name, 'response_format.json_schema.name'),
      description: optionalString(schema.description, 'response_format.json_schema.description'),
      strict: optionalBoolean(schema.strict, 'response_format.json_schema.strict'),
    }),
  };
}

/** Formats that only some vendors know (grammars, regular expressions). `text` is the default and says nothing. */
const unreadFormat = (value: Json | undefined) => (isObject(value) && value.type !== 'text' ? value : undefined);
