import { isObject, type JsonObject } from '../../../../core/json.ts';
import { count } from '../usage.ts';
import type { EmbeddingCall, EmbeddingReply, EmbeddingShape } from './call.ts';
import { cohereFields, cohereVectors, unsaid } from './cohere.ts';
import { vectorsOf } from './vectors.ts';

// InvokeModel takes each model's own form: https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html

const isCohere = (model: string) => /(?:^|\.)cohere\./.test(model);
/** The first Titan has one size and refuses to be asked for another. */
const hasOneSize = (model: string) => /titan-embed-text-v1|titan-embed-g1/.test(model);

export const bedrock: EmbeddingShape = {
  write: (call, model) => (isCohere(model) ? { bodies: [cohereFields(call)], loss: unsaid(call) } : writeTitan(call, model)),
  read: (replies, call, model) => (isCohere(model) ? readCohere(replies, call, model) : readTitan(replies, model)),
};

/** Titan takes one text a call. */
function writeTitan(call: EmbeddingCall, model: string) {
  const { inputs, dimensions, purpose } = call;
  const sized = dimensions !== undefined && !hasOneSize(model);
  return {
    bodies: inputs.map((inputText): JsonObject => ({ inputText, ...(sized ? { dimensions } : {}) })),
    loss: [...(dimensions === undefined || sized ? [] : ['dimensions']), ...(purpose === undefined ? [] : ['input_type']), ...unsaid(call)],
  };
}

function readTitan(replies: readonly JsonObject[], model: string): EmbeddingReply {
  const vectors = replies.map(({ embedding, embeddingsByType }) => {
    const vector = embedding ?? (isObject(embeddingsByType) ? embeddingsByType.float : undefined);
    return vectorsOf(vector === undefined ? undefined : [vector], 1)[0] ?? null;
  });
  let input: number | undefined = 0;
  for (const { inputTextTokenCount } of replies) {
    const tokens = count(inputTextTokenCount);
    input = input === undefined || tokens === undefined ? undefined : input + tokens;
  }
  return { model, vectors, ...(input === undefined ? {} : { usage: { input, output: 0 } }) };
}

const readCohere = ([reply = {}]: readonly JsonObject[], call: EmbeddingCall, model: string): EmbeddingReply => ({
  model,
  vectors: cohereVectors(reply.embeddings, call.inputs.length),
});
