import type { FieldProblem } from './limits.ts';

/** Names of models that stand for others in LiteLLM. */
const ALL: readonly string[] = ['all-proxy-models', '*'];
const INHERITED = 'all-team-models';
const NONE = 'no-default-models';

/** The list of models as it is kept; `null` is all. */
export function modelsOf(models: readonly string[] | null | undefined): { readonly models: readonly string[] | null } | FieldProblem {
  const listed = (models ?? []).filter((model) => model !== NONE && model !== INHERITED);
  if (listed.some((model) => ALL.includes(model))) return { models: null };
  if (listed.length > 0) return { models: [...new Set(listed)] };
  const nothing = models?.includes(NONE) === true && !models.includes(INHERITED);
  return nothing ? { field: 'models', message: `"${NONE}" alone allows nothing: block the key, or list models` } : { models: null };
}
