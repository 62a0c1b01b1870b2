import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { holdsError } from '../../core/openai/frames.ts';
import { usageOf, writeUsage } from '../../core/openai/usage.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { BodyReader } from './reply-reader.ts';
import { finishWord, OBJECT, textOf } from './reply-writer.ts';

export function readReply(body: Json): readonly ChatChunk[] {
  const reader = new BodyReader();
  return [...reader.read(completion(body)), ...reader.end()];
}

export const replyUsage = (body: Json): Usage | undefined => usageOf(completion(body));

/** Throws what an answer is that is none. */
function completion(body: Json): JsonObject {
  if (isObject(body) && holdsError(body)) throw readStreamError(body);
  if (isObject(body) && isArray(body.choices)) return body;
  throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a completion.');
}

/** Throws the error of an answer that failed: there is no JSON form of half an answer. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const choices = new Map<number, { text: string; reason: string | null }>();
  let { id, created, model } = options;
  let usage: Usage | undefined;
  const choice = (index: number) => {
    const known = choices.get(index) ?? { text: '', reason: null };
    choices.set(index, known);
    return known;
  };
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    if (chunk.type === 'start') {
      id = chunk.id ?? id;
      created = chunk.created ?? created;
      model = chunk.model ?? model;
    } else if (chunk.type === 'usage') usage = chunk.usage;
    else if (chunk.type === 'finish') choice(chunk.choice).reason = finishWord(chunk, loss);
    else if ('choice' in chunk) choice(chunk.choice).text += textOf(chunk, loss);
    else textOf(chunk, loss);
  }
  const body = {
    id,
    object: OBJECT,
    created,
    model,
    choices: [...choices]
      .sort(([a], [b]) => a - b)
      .map(([index, { text, reason }]) => ({ text, index, logprobs: null, finish_reason: reason })),
    ...(usage !== undefined && { usage: writeUsage(usage) }),
  };
  return { body, loss: [...loss] };
}
