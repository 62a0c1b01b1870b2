import type { Json, JsonObject } from '../../core/json.ts';
import { isArray, isObject } from '../../core/json.ts';
import type { FieldProblem } from './limits.ts';
import { limitFields } from './limits.ts';

// https://docs.litellm.ai/docs/proxy/virtual_keys and the OpenAPI document that a LiteLLM proxy serves at its root.

/** What can be kept of a key; the rest is refused where it asks for something. */
export const keyFields: readonly string[] = [
  ...limitFields,
  'key',
  'key_alias',
  'key_type',
  'duration',
  'models',
  'metadata',
  'user_id',
  'team_id',
  'organization_id',
  'blocked',
];

/** Likewise of a team. */
export const teamFields: readonly string[] = [...limitFields, 'team_id', 'team_alias', 'organization_id', 'models', 'metadata', 'blocked'];

/** Why something of LiteLLM's cannot be kept, where there is more to say than that there is no such thing here. */
const reasons: { readonly [field: string]: string } = {
  aliases: 'a key has no aliases of its own here: add a virtual model to the configuration',
  model_aliases: 'a team has no aliases of its own here: add a virtual model to the configuration',
  model_max_budget: 'limits hold for all models of a key together, or for each model alike (`per: model`)',
  model_rpm_limit: 'limits hold for all models of a key together, or for each model alike (`per: model`)',
  model_tpm_limit: 'limits hold for all models of a key together, or for each model alike (`per: model`)',
  budget_id: 'there are no budgets by id: write the limits on the key or the team',
  budget_fallbacks: 'a spent budget refuses; it does not choose another model',
  guardrails: 'policies are of the configuration, for all of a route',
  policies: 'policies are of the configuration, for all of a route',
  prompts: 'prompts are of the configuration',
  config: 'there is one configuration for all keys',
  router_settings: 'there is one configuration for all keys',
  permissions: 'there are no permissions of this kind',
  object_permission: 'there are no permissions of this kind',
  allowed_routes: 'keys reach model paths only; which routes of the configuration, the admin API says (`routes`)',
  allowed_cache_controls: 'there is no cache whose use could be allowed',
  tags: 'there is no routing by tags: put what spend is told apart by into metadata',
  enforced_params: 'parameters of calls cannot be enforced',
  auto_rotate: 'keys are rotated by POST /admin/v1/keys/{id}/rotate',
  rotation_interval: 'keys are rotated by POST /admin/v1/keys/{id}/rotate',
  send_invite_email: 'no mail is sent',
  temp_budget_increase: 'a limit is changed with /key/update, for good',
  temp_budget_expiry: 'a limit is changed with /key/update, for good',
  spend: 'what was spent is counted, and cannot be written',
  members: 'teams have no members: who holds a key of theirs is one',
  admins: 'teams have no members: who holds a key of theirs is one',
  members_with_roles: 'teams have no members: who holds a key of theirs is one',
  team_member_budget: 'teams have no members; a limit `per: user` holds each user to an amount',
  project_id: 'there are no projects: organisation, team, app and key are the levels',
  agent_id: 'there are no agents to which a key could belong',
};

export const reasonOf = (field: string): string => reasons[field] ?? 'has no counterpart here';

/** Whether a value asks for nothing, as clients send it that fill in every field. */
export function asksNothing(value: Json | undefined): boolean {
  if (value === undefined || value === null || value === '' || value === false || value === 0) return true;
  if (isArray(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}

/** What a body asks for and cannot have. */
export function unkept(body: JsonObject, kept: readonly string[]): readonly FieldProblem[] {
  return Object.entries(body).flatMap(([field, value]) =>
    kept.includes(field) || asksNothing(value) ? [] : [{ field, message: reasonOf(field) }],
  );
}

const MOST_ENTRIES = 50;
const MOST_TEXT = 512;

export interface FlatMetadata {
  readonly metadata: { readonly [name: string]: string | number | boolean | null };
  /** Entries that were not flat, and are kept as the text of their JSON. */
  readonly flattened: readonly string[];
  readonly problems: readonly FieldProblem[];
}

/** Metadata as it is kept: flat. What is not is kept as text while it is short, and is a problem otherwise. */
export function flatMetadata(metadata: JsonObject): FlatMetadata {
  const flat: { [name: string]: string | number | boolean | null } = {};
  const flattened: string[] = [];
  const problems: FieldProblem[] = [];
  for (const [name, value] of Object.entries(metadata)) {
    if (value === undefined) continue;
    const field = `metadata.${name}`;
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    if (Object.keys(flat).length === MOST_ENTRIES)
      problems.push({ field, message: `is one more than the ${MOST_ENTRIES} entries of metadata` });
    else if (!/^[^\p{Cc}]{1,64}$/u.test(name))
      problems.push({ field, message: 'has a name of more than 64 characters, or with control characters' });
    else if (text.length > MOST_TEXT) problems.push({ field, message: `is longer than ${MOST_TEXT} characters` });
    else if (value !== null && typeof value === 'object') {
      flat[name] = text;
      flattened.push(name);
    } else flat[name] = value;
  }
  return { metadata: flat, flattened, problems };
}
