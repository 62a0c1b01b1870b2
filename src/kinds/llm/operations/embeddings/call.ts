import type { Usage } from '../../../../core/chat.ts';
import { invalid, optionalCount, optionalString } from '../../../../core/fields.ts';
import { isArray, type Json, type JsonObject } from '../../../../core/json.ts';
import { asFormat, type VectorFormat } from './vectors.ts';

/** A call for embeddings in any form: the meeting point of translations. */
export interface EmbeddingCall {
  readonly inputs: readonly string[];
  readonly dimensions?: number | undefined;
  readonly format: VectorFormat;
  /** What the vectors are for, in Cohere's words (`search_document`, `search_query`, `classification`, `clustering`). */
  readonly purpose?: string | undefined;
  readonly title?: string | undefined;
  /** Fields that only the caller's own form has. */
  readonly others: readonly string[];
}

export interface EmbeddingReply {
  readonly model: string;
  /** In the order of the inputs. */
  readonly vectors: readonly Json[];
  readonly usage?: Usage | undefined;
}

/** What a vendor's form makes of a call, and of its answers. */
export interface EmbeddingShape {
  write(call: EmbeddingCall, model: string): { readonly bodies: readonly JsonObject[]; readonly loss: readonly string[] };
  read(replies: readonly JsonObject[], call: EmbeddingCall, model: string): EmbeddingReply;
}

const KNOWN = new Set(['model', 'input', 'dimensions', 'encoding_format', 'input_type']);

export const formatOf = (body: JsonObject): VectorFormat => (body.encoding_format === 'base64' ? 'base64' : 'float');

/** https://platform.openai.com/docs/api-reference/embeddings/create, with `input_type` as many compatible vendors have it. */
export function readOpenai(body: JsonObject): EmbeddingCall {
  return {
    inputs: readInputs(body.input),
    dimensions: optionalCount(body.dimensions, 'dimensions'),
    format: formatOf(body),
    purpose: optionalString(body.input_type, 'input_type'),
    others: Object.keys(body).filter((name) => !KNOWN.has(name) && body[name] !== null && body[name] !== undefined),
  };
}

function readInputs(input: Json | undefined): readonly string[] {
  if (typeof input === 'string') return [input];
  if (isArray(input) && input.length > 0 && input.every((each) => typeof each === 'string')) return input;
  if (isArray(input) && input.some((each) => typeof each === 'number' || isArray(each))) {
    // Tokens are numbers of one vendor's vocabulary: no other vendor can read them.
    throw invalid('input', 'text: token numbers mean nothing to the provider that serves this model');
  }
  throw invalid('input', 'a text or a list of texts');
}

export function writeOpenai({ model, vectors, usage }: EmbeddingReply, format: VectorFormat): JsonObject {
  const tokens = usage?.input ?? 0;
  return {
    object: 'list',
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: asFormat(vector, format) })),
    model,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}
