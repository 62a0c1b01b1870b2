import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { count } from '../usage.ts';
import type { EmbeddingCall, EmbeddingShape } from './call.ts';
import { vectorsOf } from './vectors.ts';

/** Models since v3 refuse calls that do not say what the vectors are for; documents are what most calls embed. */
const DEFAULT_PURPOSE = 'search_document';

/** The fields that Cohere's own API and Bedrock's copy of it share. */
export const cohereFields = (call: EmbeddingCall): JsonObject => ({
  texts: call.inputs,
  input_type: call.purpose ?? DEFAULT_PURPOSE,
  embedding_types: ['float'],
  ...(call.dimensions === undefined ? {} : { output_dimension: call.dimensions }),
});

/** Vectors by type, or the list of vectors that older models answer with. */
export const cohereVectors = (embeddings: Json | undefined, expected: number) =>
  vectorsOf(isObject(embeddings) ? embeddings.float : embeddings, expected);

/** https://docs.cohere.com/reference/embed (v2) */
export const cohere: EmbeddingShape = {
  write: (call, model) => ({ bodies: [{ model, ...cohereFields(call) }], loss: unsaid(call) }),
  read([reply = {}], call, model) {
    const billed = isObject(reply.meta) && isObject(reply.meta.billed_units) ? count(reply.meta.billed_units.input_tokens) : undefined;
    return {
      model,
      vectors: cohereVectors(reply.embeddings, call.inputs.length),
      ...(billed === undefined ? {} : { usage: { input: billed, output: 0 } }),
    };
  },
};

export const unsaid = ({ title, others }: EmbeddingCall): readonly string[] => [...(title === undefined ? [] : ['title']), ...others];
