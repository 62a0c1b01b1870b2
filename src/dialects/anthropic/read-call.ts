import type { Chat, Message, Reasoning, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { CallHead } from '../../core/dialect.ts';
import {
  invalid,
  optionalArray,
  optionalBoolean,
  optionalCount,
  optionalNumber,
  optionalObject,
  optionalString,
  optionalStrings,
  present,
  requiredModel,
  requiredString,
  rest,
} from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { extraOf, ID } from './fields.ts';
import { readContent } from './read-content.ts';

/** Usage is part of every answer in this dialect: a caller always wants it. */
export function readHead(fields: Fields): CallHead {
  return {
    model: requiredModel(fields.get('model')),
    stream: optionalBoolean(fields.get('stream'), 'stream') ?? false,
    wantsUsage: true,
  };
}

/** The fields with a place in the canonical chat; all others travel in `extra`. */
const KNOWN = [
  'model',
  'stream',
  'system',
  'messages',
  'tools',
  'max_tokens',
  'temperature',
  'top_p',
  'top_k',
  'stop_sequences',
  'metadata',
  'thinking',
  'output_config',
  'output_format',
  'tool_choice',
];

/** Source: docs.claude.com, Messages API, request body; also of the version 2026-10-21, which has fewer fields. */
export function readCall(body: JsonObject): Chat {
  const { reasoning, responseFormat, user, toolChoice, left } = readSettings(body);
  return {
    model: requiredModel(body.model),
    messages: [...readSystem(body.system), ...readMessages(body.messages)],
    tools: (optionalArray(body.tools, 'tools') ?? []).map((tool, index) => readTool(tool, `tools.${index}`)),
    ...toolChoice,
    ...present({
      maxTokens: optionalCount(body.max_tokens, 'max_tokens'),
      temperature: optionalNumber(body.temperature, 'temperature'),
      topP: optionalNumber(body.top_p, 'top_p'),
      topK: optionalNumber(body.top_k, 'top_k'),
      stop: optionalStrings(body.stop_sequences, 'stop_sequences'),
      reasoning,
      responseFormat,
      user,
    }),
    stream: optionalBoolean(body.stream, 'stream') ?? false,
    // Present even when empty: it says that the call came in this dialect, and its settings are meant as it means them.
    extra: { [ID]: { ...rest(body, KNOWN), ...left } },
  };
}

/** Settings that are objects: what has a place in the canonical form, and what is left of each. */
function readSettings(body: JsonObject) {
  const thinking = optionalObject(body.thinking, 'thinking') ?? {};
  const output = optionalObject(body.output_config, 'output_config') ?? {};
  const metadata = optionalObject(body.metadata, 'metadata') ?? {};
  const choice = optionalObject(body.tool_choice, 'tool_choice');
  const format = readFormat(output.format ?? body.output_format);
  const mode = readMode(thinking.type);
  const reasoning: Reasoning = present({
    mode,
    budgetTokens: optionalCount(thinking.budget_tokens, 'thinking.budget_tokens'),
    effort: optionalString(output.effort, 'output_config.effort'),
  });
  const toolChoice = choice === undefined ? {} : readToolChoice(choice);
  return {
    reasoning: Object.keys(reasoning).length === 0 ? undefined : reasoning,
    responseFormat: format,
    user: optionalString(metadata.user_id, 'metadata.user_id'),
    toolChoice: toolChoice ?? {},
    left: present({
      thinking: rest(thinking, mode === undefined ? ['budget_tokens'] : ['type', 'budget_tokens']),
      output_config: rest(output, format === undefined ? ['effort'] : ['effort', 'format']),
      output_format: format === undefined ? (body.output_format ?? undefined) : undefined,
      metadata: rest(metadata, ['user_id']),
      tool_choice: toolChoice === undefined ? choice : undefined,
    }),
  };
}

const readMode = (type: Json | undefined) => (type === 'enabled' || type === 'adaptive' || type === 'disabled' ? type : undefined);

function readFormat(value: Json | undefined): ResponseFormat | undefined {
  if (!isObject(value) || value.type !== 'json_schema' || value.schema === undefined) return undefined;
  return { type: 'schema', schema: value.schema };
}

const CHOICES: ReadonlyMap<Json | undefined, 'auto' | 'required' | 'none'> = new Map([
  ['auto', 'auto'],
  ['any', 'required'],
  ['none', 'none'],
]);

/** `undefined` for a choice of a kind that is not known here. */
function readToolChoice(choice: JsonObject): { readonly toolChoice: ToolChoice; readonly parallelToolCalls?: boolean } | undefined {
  const disabled = optionalBoolean(choice.disable_parallel_tool_use, 'tool_choice.disable_parallel_tool_use');
  const parallel = disabled === undefined ? {} : { parallelToolCalls: !disabled };
  if (choice.type === 'tool') {
    return { toolChoice: { mode: 'tool', name: requiredString(choice.name, 'tool_choice.name') }, ...parallel };
  }
  const mode = CHOICES.get(choice.type);
  return mode === undefined ? undefined : { toolChoice: { mode }, ...parallel };
}

function readSystem(value: Json | undefined): readonly Message[] {
  if (value === undefined || value === null || value === '') return [];
  return [{ role: 'system', content: readContent(value, 'system') }];
}

function readMessages(value: Json | undefined): readonly Message[] {
  const messages = optionalArray(value, 'messages');
  if (messages === undefined) throw invalid('messages', 'an array');
  return messages.map((message, index) => readMessage(message, `messages.${index}`));
}

function readMessage(message: Json, at: string): Message {
  if (!isObject(message)) throw invalid(at, 'an object');
  const role = message.role;
  if (role !== 'user' && role !== 'assistant' && role !== 'system') throw invalid(`${at}.role`, '"user", "assistant" or "system"');
  const left = rest(message, ['role', 'content']);
  return {
    role,
    content: readContent(message.content, `${at}.content`),
    // The extra of a system message among the turns, even an empty one, keeps its place when it is written here again.
    ...extraOf(role === 'system' ? (left ?? {}) : left),
  };
}

function readTool(tool: Json, at: string): Tool {
  if (!isObject(tool)) throw invalid(at, 'an object');
  const type = tool.type ?? 'custom';
  if (type !== 'custom') return { type: 'raw', dialect: ID, value: tool };
  return {
    type: 'function',
    name: requiredString(tool.name, `${at}.name`),
    ...present({
      description: optionalString(tool.description, `${at}.description`),
      parameters: tool.input_schema,
      strict: optionalBoolean(tool.strict, `${at}.strict`),
      cache: optionalObject(tool.cache_control, `${at}.cache_control`),
    }),
    ...extraOf(rest(tool, ['type', 'name', 'description', 'input_schema', 'strict', 'cache_control'])),
  };
}
