import type { Chat, Tool } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { writeThinking } from './thinking.ts';
import { writeMessages } from './write-messages.ts';

/** The body alone: model and streaming stand in the URL. Source: https://ai.google.dev/api/generate-content */
export function writeCall(chat: Chat): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const { system, contents } = writeMessages(chat.messages, chat.model, loss);
  const tools = writeTools(chat.tools, loss);
  const own = unfolded(chat.extra[ID] ?? {});
  nameLosses(chat, loss);
  return {
    body: {
      ...own,
      ...present({
        systemInstruction: system.length === 0 ? undefined : { parts: system },
        contents,
        tools: tools.length === 0 ? undefined : tools,
        toolConfig: merged(own.toolConfig, writeToolConfig(chat, loss)),
        generationConfig: merged(own.generationConfig, writeConfig(chat, loss)),
      }),
    },
    loss: [...loss],
  };
}

/** Fields kept by their path, put back where they stood. */
function unfolded(fields: JsonObject): JsonObject {
  let body: JsonObject = {};
  for (const [path, value] of Object.entries(fields)) body = merged(body, put(path.split('.'), value)) ?? body;
  return body;
}

const put = ([name = '', ...rest]: readonly string[], value: Json | undefined): JsonObject => ({
  [name]: rest.length === 0 ? value : put(rest, value),
});

/** Both messages in one, field by field; `undefined` where neither says anything. */
function merged(own: Json | undefined, fields: JsonObject): JsonObject | undefined {
  const before = isObject(own) ? own : {};
  const both = { ...before };
  for (const [name, value] of Object.entries(fields)) {
    const inner = before[name];
    both[name] = isObject(value) && isObject(inner) ? merged(inner, value) : value;
  }
  return Object.keys(both).length === 0 ? undefined : both;
}

/** All functions in one tool: several tools of functions are refused by some models. */
function writeTools(tools: readonly Tool[], loss: Set<string>): readonly JsonObject[] {
  const functions: JsonObject[] = [];
  const others: JsonObject[] = [];
  for (const tool of tools) {
    if (tool.type === 'function') functions.push(writeFunction(tool, loss));
    else if (tool.dialect === ID && isObject(tool.value)) others.push(tool.value);
    else loss.add(`tools.${(isObject(tool.value) && typeof tool.value.type === 'string' && tool.value.type) || tool.dialect}`);
  }
  return functions.length === 0 ? others : [{ functionDeclarations: functions }, ...others];
}

/** A schema is said whole, as JSON Schema: the API's own subset knows less of it. */
function writeFunction(tool: Extract<Tool, { type: 'function' }>, loss: Set<string>): JsonObject {
  if (tool.cache !== undefined) loss.add('cache_control');
  if (tool.strict === true) loss.add('tools.function.strict');
  return {
    ...ownExtra(tool.extra, 'tools.', loss),
    name: tool.name,
    ...present({ description: tool.description, parametersJsonSchema: isObject(tool.parameters) ? tool.parameters : undefined }),
  };
}

const MODES = { auto: 'AUTO', none: 'NONE', required: 'ANY', tool: 'ANY' } as const;

function writeToolConfig({ toolChoice, parallelToolCalls, tools }: Chat, loss: Set<string>): JsonObject {
  if (parallelToolCalls === false) loss.add('parallel_tool_calls');
  if (toolChoice === undefined) return {};
  if (tools.length === 0) {
    if (toolChoice.mode === 'required' || toolChoice.mode === 'tool') loss.add('tool_choice');
    return {};
  }
  const only = toolChoice.mode === 'tool' ? { allowedFunctionNames: [toolChoice.name] } : {};
  return { functionCallingConfig: { mode: MODES[toolChoice.mode], ...only } };
}

/** The API takes no more. Source: https://ai.google.dev/api/generate-content#generationconfig */
const MOST_STOPS = 5;

function writeConfig(chat: Chat, loss: Set<string>): JsonObject {
  const { stop, seed } = chat;
  if (stop !== undefined && stop.length > MOST_STOPS) loss.add('stop');
  const fits = seed === undefined || (Number.isInteger(seed) && Math.abs(seed) < 2 ** 31);
  if (!fits) loss.add('seed');
  return present({
    maxOutputTokens: chat.maxTokens,
    temperature: chat.temperature,
    topP: chat.topP,
    topK: chat.topK,
    stopSequences: stop?.slice(0, MOST_STOPS),
    candidateCount: chat.choices,
    seed: fits ? seed : undefined,
    presencePenalty: chat.presencePenalty,
    frequencyPenalty: chat.frequencyPenalty,
    ...writeFormat(chat, loss),
    thinkingConfig: writeThinking(chat, loss),
  });
}

function writeFormat({ responseFormat }: Chat, loss: Set<string>): JsonObject {
  if (responseFormat === undefined) return {};
  const json = { responseMimeType: 'application/json' };
  if (responseFormat.type === 'json') return json;
  if (responseFormat.description !== undefined) loss.add('response_format.json_schema.description');
  return { ...json, responseJsonSchema: responseFormat.schema };
}

/** Names what has no counterpart, as callers of the other dialects know it. */
function nameLosses(chat: Chat, loss: Set<string>): void {
  if (chat.user !== undefined) loss.add('user');
  for (const [dialect, fields] of Object.entries(chat.extra)) {
    if (dialect !== ID) for (const field of Object.keys(fields)) loss.add(field);
  }
}
