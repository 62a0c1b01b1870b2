import { invalid, optionalCount, optionalObject, requiredModel } from '../../../../core/fields.ts';
import { isArray, isObject, type JsonObject } from '../../../../core/json.ts';
import type { OperationBody } from '../../../../core/operation.ts';
import { editFields } from '../operation.ts';
import type { EmbeddingCall, EmbeddingReply } from './call.ts';
import { asFormat } from './vectors.ts';

// The AI SDK's own gateway protocol: `{values, dimensions, providerOptions}` → `{embeddings, usage: {tokens}}`.
// https://github.com/vercel/ai/blob/main/packages/gateway/src/gateway-embedding-model.ts

export function readAiSdk(body: JsonObject): EmbeddingCall {
  const { values } = body;
  if (!isArray(values) || values.length === 0 || !values.every((value) => typeof value === 'string')) {
    throw invalid('values', 'a list of texts');
  }
  const options = optionalObject(body.providerOptions, 'providerOptions') ?? {};
  const { openai } = options;
  const asked = isObject(openai) ? optionalCount(openai.dimensions, 'providerOptions.openai.dimensions') : undefined;
  return {
    inputs: values,
    dimensions: optionalCount(body.dimensions, 'dimensions') ?? asked,
    format: 'float',
    others: Object.entries(options).flatMap(([provider, settings]) =>
      (isObject(settings) ? Object.keys(settings) : [])
        .map((name) => `providerOptions.${provider}.${name}`)
        .filter((name) => name !== 'providerOptions.openai.dimensions'),
    ),
  };
}

/** How policies see a client's call; the model stands in a header. */
export const aiSdkBody = (model: string): OperationBody => ({
  head: () => ({ model: requiredModel(model), stream: false, wantsUsage: true }),
  texts: editFields(['values']),
});

export const writeAiSdk = ({ vectors, usage }: EmbeddingReply): JsonObject => ({
  embeddings: vectors.map((vector) => asFormat(vector, 'float')),
  ...(usage === undefined ? {} : { usage: { tokens: usage.input } }),
  warnings: [],
});
