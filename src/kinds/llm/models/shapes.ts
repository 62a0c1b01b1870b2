import { GatewayError } from '../../../core/errors.ts';
import type { JsonObject } from '../../../core/json.ts';
import type { ListedModel } from './list.ts';

/** A vendor's form of the list of models, and of one of them. */
export interface ModelsShape {
  one(model: ListedModel): JsonObject;
  /** The page that the query asks for. */
  list(models: readonly ListedModel[], query: URLSearchParams): JsonObject;
}

/** Seconds since the epoch for models that carry no date of their own: the day this list was first served. */
const CREATED = 1_795_219_200;
const CREATED_AT = new Date(CREATED * 1000).toISOString();

/** A whole number from 1 to `most`; `undefined` where the query has none. */
function limitIn(query: URLSearchParams, name: string, most: number): number | undefined {
  const value = query.get(name);
  if (value === null) return undefined;
  const limit = Number(value);
  if (!Number.isInteger(limit) || limit < 1) {
    throw new GatewayError('invalid_request', `\`${name}\` must be a whole number from 1.`, { param: name });
  }
  return Math.min(limit, most);
}

/** The models behind, or before, one that the caller has. An id that is not in the list begins at its start. */
const behind = (models: readonly ListedModel[], id: string | null) =>
  id === null ? models : models.slice(models.findIndex((each) => each.id === id) + 1);
function before(models: readonly ListedModel[], id: string | null): readonly ListedModel[] {
  const at = id === null ? -1 : models.findIndex((each) => each.id === id);
  return at < 0 ? models : models.slice(0, at);
}

/** https://platform.openai.com/docs/api-reference/models/list, with the limits that other gateways add. */
export const openai: ModelsShape = {
  one: ({ id, owner, context, maxOutput }) => ({
    id,
    object: 'model',
    created: CREATED,
    owned_by: owner,
    ...(context === undefined ? {} : { context_length: context }),
    ...(maxOutput === undefined ? {} : { max_output_tokens: maxOutput }),
  }),
  list(models, query) {
    const rest = behind(models, query.get('after'));
    const limit = limitIn(query, 'limit', models.length + 1) ?? rest.length;
    const data = rest.slice(0, limit).map(openai.one);
    return { object: 'list', data, has_more: rest.length > limit };
  },
};

/** https://platform.claude.com/docs/en/api/models-list */
export const anthropic: ModelsShape = {
  one: ({ id, context, maxOutput }) => ({
    type: 'model',
    id,
    display_name: id,
    created_at: CREATED_AT,
    max_input_tokens: context ?? null,
    max_tokens: maxOutput ?? null,
    capabilities: null,
    deprecated_at: null,
    lifecycle: 'active',
  }),
  list(models, query) {
    const limit = limitIn(query, 'limit', 1000) ?? 20;
    const until = query.get('before_id');
    const rest = before(behind(models, query.get('after_id')), until);
    const data = until === null ? rest.slice(0, limit) : rest.slice(-limit);
    return {
      data: data.map(anthropic.one),
      has_more: rest.length > data.length,
      first_id: data[0]?.id ?? null,
      last_id: data[data.length - 1]?.id ?? null,
    };
  },
};

/** What is done with a model that writes text, and with one that writes nothing but numbers. */
const METHODS = ['generateContent', 'streamGenerateContent', 'countTokens'];

/** https://ai.google.dev/api/models */
export const gemini: ModelsShape = {
  one: ({ id, context, maxOutput, writes }) => ({
    name: `models/${id}`,
    baseModelId: id,
    version: '1',
    displayName: id,
    ...(context === undefined ? {} : { inputTokenLimit: context }),
    ...(maxOutput === undefined ? {} : { outputTokenLimit: maxOutput }),
    supportedGenerationMethods: isEmbedding(id)
      ? ['embedContent', 'batchEmbedContents']
      : writes?.includes('text') === false
        ? []
        : METHODS,
  }),
  list(models, query) {
    const limit = limitIn(query, 'pageSize', 1000) ?? 50;
    const rest = behind(models, query.get('pageToken'));
    const page = rest.slice(0, limit);
    return { models: page.map(gemini.one), ...(rest.length > limit ? { nextPageToken: page[page.length - 1]?.id } : {}) };
  },
};

/** The catalogue says of embedding models that they write text; their names tell them apart. */
const isEmbedding = (id: string) => /embed/i.test(id);

/** What `getAvailableModels` of `@ai-sdk/gateway` asks for; each version of the protocol takes its own number alone. */
export function aiSdk(version: string): ModelsShape {
  const one = ({ id, owner }: ListedModel): JsonObject => ({
    id,
    name: id,
    specification: { specificationVersion: version, provider: owner, modelId: id },
    modelType: isEmbedding(id) ? 'embedding' : 'language',
  });
  return { one, list: (models) => ({ models: models.map(one) }) };
}

/** https://docs.ollama.com/api/tags: a list of all, whose sizes and digests mean nothing here. */
export const ollama: ModelsShape = {
  one: ({ id, owner }) => ({
    name: id,
    model: id,
    modified_at: CREATED_AT,
    size: 0,
    digest: '',
    details: { parent_model: '', format: '', family: owner, families: [owner], parameter_size: '', quantization_level: '' },
  }),
  list: (models) => ({ models: models.map(ollama.one) }),
};
