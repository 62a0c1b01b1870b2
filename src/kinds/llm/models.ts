import type { JsonObject } from '../../core/json.ts';
import type { Plan } from '../../core/plan.ts';

interface ListedModel {
  readonly id: string;
  readonly owner: string;
}

/** Seconds since the epoch for models that carry no date of their own: the day this list was first served. */
const CREATED = 1_795_219_200;

/** Every model that can be named without knowing a vendor's own list: virtual models, and what built-in providers always serve. */
export function listModels(plan: Plan): readonly ListedModel[] {
  const virtual = [...plan.models.keys()].map((id) => ({ id, owner: 'weir' }));
  const served = [...plan.providers.values()].flatMap(({ provider, configured }) =>
    configured ? (provider.models ?? []).map((model) => ({ id: `${provider.id}/${model}`, owner: provider.id })) : [],
  );
  return [...virtual, ...served];
}

/** https://platform.openai.com/docs/api-reference/models/list */
export const openaiModels = (models: readonly ListedModel[]): JsonObject => ({ object: 'list', data: models.map(openaiModel) });

export const openaiModel = ({ id, owner }: ListedModel): JsonObject => ({ id, object: 'model', created: CREATED, owned_by: owner });

/** https://platform.claude.com/docs/en/api/models-list */
export const anthropicModels = (models: readonly ListedModel[]): JsonObject => ({
  data: models.map(anthropicModel),
  has_more: false,
  first_id: models[0]?.id ?? null,
  last_id: models[models.length - 1]?.id ?? null,
});

export const anthropicModel = ({ id }: ListedModel): JsonObject => ({
  type: 'model',
  id,
  display_name: id,
  created_at: new Date(CREATED * 1000).toISOString(),
});
