import type { Chat, ResponseFormat, Tool, ToolChoice } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { writeItems } from './write-items.ts';

export function writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const isOwn = chat.extra[ID] !== undefined;
  const { [CHAT]: fromChat = {}, ...others } = chat.extra;
  const extra = { ...readChatExtra(fromChat, loss), ...ownExtra(others, '', loss) };
  const tools = chat.tools.flatMap<JsonObject>((tool) => writeTool(tool, isOwn, loss) ?? []);
  const { instructions, input } = writeItems(chat.messages, quirks, loss);
  nameLosses(chat, loss);
  const said: JsonObject = {
    model: chat.model,
    instructions,
    input,
    stream: chat.stream ? true : undefined,
    tools: tools.length === 0 ? undefined : tools,
    ...writeToolUse(chat, tools.length > 0, loss),
    max_output_tokens: chat.maxTokens,
    temperature: chat.temperature,
    top_p: chat.topP,
    text: merged(extra.text, present({ format: writeFormat(chat.responseFormat, quirks, loss) })),
    reasoning: merged(extra.reasoning, present({ effort: chat.reasoning?.effort })),
    user: chat.user,
    ...writeKeeping(chat, isOwn, extra),
  };
  return { body: { ...extra, ...present(said) }, loss: [...loss] };
}

/** The fields over those that only this dialect knows; `undefined` where there are none at all. */
function merged(own: Json | undefined, fields: JsonObject): JsonObject | undefined {
  const both = { ...(isObject(own) && own), ...fields };
  return Object.keys(both).length === 0 ? undefined : both;
}

const CHAT = 'openai-chat';
/** What OpenAI's two dialects say in the same words. */
const SHARED = new Set([
  'metadata',
  'moderation',
  'prompt_cache_key',
  'prompt_cache_options',
  'prompt_cache_retention',
  'safety_identifier',
  'service_tier',
]);

function readChatExtra(fields: JsonObject, loss: Set<string>): JsonObject {
  const shared: { [field: string]: Json | undefined } = {};
  for (const [name, value] of Object.entries(fields)) {
    if (SHARED.has(name)) shared[name] = value;
    else if (name === 'verbosity') shared.text = { verbosity: value };
    // Nothing is kept anyway.
    else if (name !== 'store' || value !== false) loss.add(name);
  }
  return shared;
}

const ENCRYPTED = 'reasoning.encrypted_content';
/** Models that do not reason refuse to be asked for encrypted reasoning. */
const UNREASONING = /(?:^|\/)(?:gpt-3|gpt-4|chatgpt-|gpt-5[^/]*-chat)/;

/**
 * Whether the provider keeps the answer: as a caller of this dialect said it, and never for others, who do not expect
 * it. Where nothing is kept, reasoning survives only if it comes encrypted and is sent back.
 */
function writeKeeping(chat: Chat, isOwn: boolean, extra: JsonObject): JsonObject {
  if (isOwn && chat.store !== false) return {};
  const include = isArray(extra.include) ? extra.include : [];
  const encrypted = UNREASONING.test(chat.model) || include.includes(ENCRYPTED) ? [] : [ENCRYPTED];
  const wanted = [...include, ...encrypted];
  return { store: false, include: wanted.length === 0 ? undefined : wanted };
}

/** How tools are to be used: there is nothing to be told where there are none. */
function writeToolUse(chat: Chat, hasTools: boolean, loss: Set<string>): JsonObject {
  if (!hasTools) {
    if (chat.toolChoice !== undefined) loss.add('tool_choice');
    if (chat.parallelToolCalls !== undefined) loss.add('parallel_tool_calls');
    return {};
  }
  return present({
    tool_choice: chat.toolChoice === undefined ? undefined : writeToolChoice(chat.toolChoice),
    parallel_tool_calls: chat.parallelToolCalls,
  });
}

const writeToolChoice = (choice: ToolChoice): Json => (choice.mode === 'tool' ? { type: 'function', name: choice.name } : choice.mode);

function writeTool(tool: Tool, isOwn: boolean, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    const written = writeRawTool(tool.dialect, tool.value);
    if (written === undefined) loss.add(`tools.${(isObject(tool.value) && asString(tool.value.type)) || 'raw'}`);
    return written;
  }
  if (tool.cache !== undefined) loss.add('cache_control');
  const { name, description, parameters, strict } = tool;
  return {
    ...ownExtra(tool.extra, 'tools.', loss),
    type: 'function',
    name,
    ...present({ description }),
    parameters: parameters ?? { type: 'object', properties: {} },
    // Here alone schemas are strict unless it is said that they are not: elsewhere silence means no.
    ...(isOwn ? present({ strict }) : { strict: strict ?? false }),
  };
}

/** A custom tool of OpenAI's chat is the same tool, one level flatter here. */
function writeRawTool(dialect: string, value: Json): JsonObject | undefined {
  if (!isObject(value)) return undefined;
  if (dialect === ID) return value;
  if (dialect !== CHAT || value.type !== 'custom' || !isObject(value.custom)) return undefined;
  const { format, ...fields } = value.custom;
  if (!isObject(format) || format.type !== 'grammar' || !isObject(format.grammar))
    return { type: 'custom', ...fields, ...present({ format }) };
  return { type: 'custom', ...fields, format: { type: 'grammar', ...format.grammar } };
}

function writeFormat(format: ResponseFormat | undefined, quirks: Quirks, loss: Set<string>): JsonObject | undefined {
  if (format === undefined) return undefined;
  if (format.type === 'json') return { type: 'json_object' };
  if (quirks.jsonSchema === false) {
    loss.add('response_format.json_schema');
    return { type: 'json_object' };
  }
  const { name, description, schema, strict } = format;
  // The API asks for a name; other dialects know none.
  return { type: 'json_schema', name: name ?? 'response', schema, ...present({ description, strict }) };
}

/** Names what has no counterpart, as callers of the other dialects know it. */
function nameLosses(chat: Chat, loss: Set<string>): void {
  if (chat.stop !== undefined && chat.stop.length > 0) loss.add('stop');
  if ((chat.choices ?? 1) > 1) loss.add('n');
  if (chat.seed !== undefined) loss.add('seed');
  if (chat.topK !== undefined) loss.add('top_k');
  if ((chat.presencePenalty ?? 0) !== 0) loss.add('presence_penalty');
  if ((chat.frequencyPenalty ?? 0) !== 0) loss.add('frequency_penalty');
  if (chat.reasoning?.budgetTokens !== undefined) loss.add('reasoning.budget_tokens');
  if (chat.reasoning?.mode !== undefined) loss.add('reasoning.mode');
}
