import type { Chat } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import type { JsonObject } from '../../core/json.ts';
import { ID, merged } from './fields.ts';
import { makerOf } from './models.ts';
import { DocumentNames } from './names.ts';
import { planReasoning } from './reasoning.ts';
import type { Writing } from './write-content.ts';
import { writeMessages } from './write-messages.ts';
import { writeTools } from './write-tools.ts';

/** Model and operation stand in the path (`pathOf`). Source: API reference, Converse, request body. */
export function writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const own = chat.extra[ID];
  const writing: Writing = { model: chat.model, own: own !== undefined, names: new DocumentNames(), loss };
  const { system, turns } = writeMessages(chat.messages, writing);
  const plan = planReasoning(chat, turns, loss);
  const { inference, additional } = writeSampling(chat, plan.thinks, loss);
  const toolConfig = writeTools(chat, turns, plan.thinks, writing);
  nameLosses(chat, loss);
  return {
    body: {
      ...own,
      ...(own === undefined && askBack(chat)),
      ...present({
        system: system.length === 0 ? undefined : system,
        messages: turns.map(({ role, content, extra }) => ({ ...extra, role, content })),
        toolConfig,
        inferenceConfig: merged(
          own?.inferenceConfig,
          present({ maxTokens: plan.maxTokens, ...inference, stopSequences: writeStop(chat, loss) }),
        ),
        additionalModelRequestFields: merged(own?.additionalModelRequestFields, { ...additional, ...plan.additional }),
        outputConfig: merged(own?.outputConfig, present({ effort: plan.effort, textFormat: writeFormat(chat, quirks, loss) })),
      }),
    },
    loss: [...loss],
  };
}

/** The schema is JSON in a string here. That the answer be some JSON or other cannot be asked. */
function writeFormat({ responseFormat }: Chat, quirks: Quirks, loss: Set<string>): JsonObject | undefined {
  if (responseFormat === undefined) return undefined;
  if (responseFormat.type === 'json' || quirks.jsonSchema === false) {
    loss.add('response_format');
    return undefined;
  }
  const { schema, name, description } = responseFormat;
  return {
    type: 'json_schema',
    structure: { jsonSchema: { schema: JSON.stringify(schema), ...present({ name, description }) } },
  };
}

/** The API refuses stop sequences without a visible character. */
function writeStop({ stop }: Chat, loss: Set<string>): readonly string[] | undefined {
  const visible = stop?.filter((sequence) => sequence.trim() !== '') ?? [];
  if (visible.length < (stop?.length ?? 0)) loss.add('stop');
  return visible.length === 0 ? undefined : visible;
}

/** Which of the stop sequences it was, Claude says where it is asked: at the top of an answer, in `delta` of a stream. */
function askBack({ model, stream, stop }: Chat): JsonObject {
  if ((stop?.length ?? 0) === 0 || makerOf(model) !== 'anthropic') return {};
  return { additionalModelResponseFieldPaths: [stream ? '/delta/stop_sequence' : '/stop_sequence'] };
}

/** Where each maker's models take `top_k`. Source: Bedrock user guide, "Inference request parameters and response fields". */
function topKFields(chat: Chat): JsonObject | undefined {
  if (chat.extra[ID] !== undefined) return { top_k: chat.topK };
  switch (makerOf(chat.model)) {
    case 'anthropic':
    case 'mistral':
      return { top_k: chat.topK };
    case 'amazon':
      return { inferenceConfig: { topK: chat.topK } };
    case 'cohere':
      return { k: chat.topK };
    default:
      return undefined;
  }
}

/** Temperature is 0–1 here. With Claude's thinking it and `top_k` must be absent, and `topP` is 0.95–1. */
function writeSampling(
  chat: Chat,
  thinks: boolean,
  loss: Set<string>,
): { readonly inference: JsonObject; readonly additional?: JsonObject } {
  const { temperature, topP, topK } = chat;
  const keep = (field: string, value: number | undefined, allowed: boolean) => {
    if (value === undefined || allowed) return value;
    loss.add(field);
    return undefined;
  };
  if (temperature !== undefined && temperature > 1) loss.add('temperature');
  const fields = keep('top_k', topK, !thinks) === undefined ? {} : topKFields(chat);
  if (fields === undefined) loss.add('top_k');
  return {
    inference: present({
      temperature: keep('temperature', temperature === undefined ? undefined : Math.min(1, temperature), !thinks || temperature === 1),
      topP: keep('top_p', topP, !thinks || (topP ?? 1) >= 0.95),
    }),
    ...present({ additional: fields }),
  };
}

/** Names what has no counterpart, as callers of the other dialects know it. */
function nameLosses(chat: Chat, loss: Set<string>): void {
  if ((chat.choices ?? 1) > 1) loss.add('n');
  if (chat.seed !== undefined) loss.add('seed');
  if ((chat.presencePenalty ?? 0) !== 0) loss.add('presence_penalty');
  if ((chat.frequencyPenalty ?? 0) !== 0) loss.add('frequency_penalty');
  if (chat.user !== undefined) loss.add('user');
  for (const [dialect, fields] of Object.entries(chat.extra)) {
    if (dialect !== ID) for (const field of Object.keys(fields)) loss.add(field);
  }
}
