import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { writeFinish } from '../../core/openai/finish.ts';
import { holdsError } from '../../core/openai/frames.ts';
import { usageOf, writeUsage } from '../../core/openai/usage.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { MessageBuilder } from './message-builder.ts';
import { BodyReader } from './reply-reader.ts';

/** A JSON answer is a stream that arrives at once: its message is one delta that holds everything. */
export function readReply(body: Json): readonly ChatChunk[] {
  const reader = new BodyReader('message');
  return [...reader.read(completion(body)), ...reader.end()];
}

export const replyUsage = (body: Json): Usage | undefined => usageOf(completion(body));

/** Throws what an answer is that is none. */
function completion(body: Json): JsonObject {
  // Some vendors answer 200 with their error.
  if (isObject(body) && holdsError(body)) throw readStreamError(body);
  if (isObject(body) && isArray(body.choices)) return body;
  throw new GatewayError('upstream_invalid', 'The provider answered with something that is not a chat completion.');
}

/** Throws the error of an answer that failed: there is no JSON form of half an answer. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const loss = new Set<string>();
  const choices = new Map<number, { readonly message: MessageBuilder; reason: string | null }>();
  let { id, created, model } = options;
  let usage: Usage | undefined;
  const choice = (index: number) => {
    const known = choices.get(index) ?? { message: new MessageBuilder(), reason: null };
    choices.set(index, known);
    return known;
  };
  for (const chunk of chunks) {
    switch (chunk.type) {
      case 'start':
        id = chunk.id ?? id;
        created = chunk.created ?? created;
        model = chunk.model ?? model;
        break;
      case 'usage':
        usage = chunk.usage;
        break;
      case 'raw':
        loss.add(chunk.name);
        break;
      case 'error':
        throw chunk.error;
      case 'end':
        break;
      case 'finish':
        choice(chunk.choice).reason = writeFinish(chunk, loss);
        break;
      default:
        choice(chunk.choice).message.add(chunk);
    }
  }
  const body = {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [...choices]
      .sort(([a], [b]) => a - b)
      .map(([index, { message, reason }]) => ({ index, message: message.build(), logprobs: null, finish_reason: reason })),
    ...(usage !== undefined && { usage: writeUsage(usage) }),
  };
  return { body, loss: [...loss] };
}
