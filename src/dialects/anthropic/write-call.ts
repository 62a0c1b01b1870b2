import type { Chat, Tool } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';
import { planThinking } from './thinking.ts';
import { rawName } from './write-content.ts';
import { systemJson, turnJson, writeMessages } from './write-messages.ts';

export function writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const own = chat.extra[ID] ?? {};
  const { system, turns } = writeMessages(chat.messages, loss);
  const plan = planThinking(chat, turns, loss);
  const thinks = plan.thinking !== undefined && plan.thinking.type !== 'disabled';
  const tools = chat.tools.map((tool) => writeTool(tool, loss)).filter((tool) => tool !== undefined);
  nameLosses(chat, loss);
  return {
    body: {
      ...own,
      model: chat.model,
      max_tokens: plan.maxTokens,
      ...present({ system: systemJson(system) }),
      messages: turns.map(turnJson),
      ...present({
        tools: tools.length === 0 ? undefined : tools,
        tool_choice: tools.length === 0 ? missingTools(chat, loss) : writeToolChoice(chat, thinks, loss),
        thinking: merged(own.thinking, plan.thinking),
        output_config: merged(own.output_config, present({ effort: plan.effort, format: writeFormat(chat, quirks, loss) })),
        metadata: merged(own.metadata, present({ user_id: chat.user })),
        stop_sequences: writeStop(chat, loss),
        ...writeSampling(chat, thinks, loss),
        stream: chat.stream || undefined,
      }),
    },
    loss: [...loss],
  };
}

/** The fields over those that only this dialect knows; `undefined` where there are none at all. */
function merged(own: Json | undefined, fields: JsonObject | undefined): JsonObject | undefined {
  const both = { ...(isObject(own) ? own : {}), ...fields };
  return Object.keys(both).length === 0 ? undefined : both;
}

function writeTool(tool: Tool, loss: Set<string>): JsonObject | undefined {
  if (tool.type === 'raw') {
    if (tool.dialect === ID && isObject(tool.value)) return tool.value;
    loss.add(`tools.${rawName(tool.value) ?? tool.dialect}`);
    return undefined;
  }
  return {
    ...ownExtra(tool.extra, 'tools.', loss),
    name: tool.name,
    ...present({ description: tool.description }),
    input_schema: writeSchema(tool.parameters),
    ...present({ strict: tool.strict, cache_control: tool.cache }),
  };
}

/** A schema is required and must say that it describes an object; elsewhere a tool without arguments may leave it out. */
function writeSchema(parameters: Json | undefined): JsonObject {
  if (!isObject(parameters)) return { type: 'object', properties: {} };
  return parameters.type === undefined ? { type: 'object', ...parameters } : parameters;
}

/** A choice among no tools is refused by the API; a forced one could not be obeyed. */
function missingTools({ toolChoice }: Chat, loss: Set<string>): undefined {
  if (toolChoice?.mode === 'required' || toolChoice?.mode === 'tool') loss.add('tool_choice');
}

const CHOICE_TYPES = { auto: 'auto', none: 'none', required: 'any', tool: 'tool' } as const;

/** Source: docs.claude.com, "Extended thinking": with thinking only `auto` and `none` are allowed. */
function writeToolChoice(chat: Chat, thinks: boolean, loss: Set<string>): JsonObject | undefined {
  const { toolChoice, parallelToolCalls } = chat;
  const parallel = parallelToolCalls === undefined ? {} : { disable_parallel_tool_use: !parallelToolCalls };
  const isForced = toolChoice?.mode === 'required' || toolChoice?.mode === 'tool';
  if (thinks && isForced) loss.add('tool_choice');
  if (toolChoice === undefined || (thinks && isForced)) {
    return parallelToolCalls === undefined ? undefined : { type: 'auto', ...parallel };
  }
  const type = CHOICE_TYPES[toolChoice.mode];
  if (toolChoice.mode === 'none') return { type };
  return toolChoice.mode === 'tool' ? { type, name: toolChoice.name, ...parallel } : { type, ...parallel };
}

function writeFormat({ responseFormat }: Chat, quirks: Quirks, loss: Set<string>): JsonObject | undefined {
  if (responseFormat === undefined) return undefined;
  if (responseFormat.type === 'json' || quirks.jsonSchema === false) {
    loss.add('response_format');
    return undefined;
  }
  if (responseFormat.description !== undefined) loss.add('response_format.json_schema.description');
  return { type: 'json_schema', schema: responseFormat.schema };
}

/** The API refuses stop sequences without a visible character. */
function writeStop({ stop }: Chat, loss: Set<string>): readonly string[] | undefined {
  const visible = stop?.filter((sequence) => sequence.trim() !== '') ?? [];
  if (visible.length < (stop?.length ?? 0)) loss.add('stop');
  return visible.length === 0 ? undefined : visible;
}

/** Temperature is 0–1 here. With thinking it and `top_k` must be absent, and `top_p` is 0.95–1. */
function writeSampling(chat: Chat, thinks: boolean, loss: Set<string>): JsonObject {
  const { temperature, topP, topK } = chat;
  const keep = (field: string, value: number | undefined, allowed: boolean) => {
    if (value === undefined || allowed) return value;
    loss.add(field);
    return undefined;
  };
  if (temperature !== undefined && temperature > 1) loss.add('temperature');
  return present({
    temperature: keep('temperature', temperature === undefined ? undefined : Math.min(1, temperature), !thinks || temperature === 1),
    top_p: keep('top_p', topP, !thinks || (topP ?? 1) >= 0.95),
    top_k: keep('top_k', topK, !thinks),
  });
}

/** Names what has no counterpart, as callers of the other dialects know it. */
function nameLosses(chat: Chat, loss: Set<string>): void {
  if ((chat.choices ?? 1) > 1) loss.add('n');
  if (chat.seed !== undefined) loss.add('seed');
  if ((chat.presencePenalty ?? 0) !== 0) loss.add('presence_penalty');
  if ((chat.frequencyPenalty ?? 0) !== 0) loss.add('frequency_penalty');
  for (const [dialect, fields] of Object.entries(chat.extra)) {
    if (dialect !== ID) for (const field of Object.keys(fields)) loss.add(field);
  }
}
