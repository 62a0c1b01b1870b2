import type { JsonObject } from '../../core/json.ts';
import { readLimit, takesFor } from '../../core/ledger/limits.ts';
import { NANO_PER_USD } from '../../core/money.ts';
import type { TenantLevel } from '../../core/tenant.ts';
import { loggedSpend } from '../../state/spend.ts';
import { type AdminDeps, requireDb } from '../deps.ts';
import type { KeyResource, TeamResource } from '../resources/shapes.ts';
import { fieldsOf } from './limits.ts';
import { TEAM_ID, teamIdOf, USER_ID } from './places.ts';

/** What was spent: dollars, and until when they count. */
interface Spend {
  readonly spend: number;
  readonly budget_reset_at: string | null;
}

/**
 * What counts towards the budget, as the ledger has it: what calls under way hold is in it. Without a budget, what the
 * request log says since it began.
 */
async function spendOf(level: 'key' | 'team', thing: KeyResource | TeamResource, deps: AdminDeps): Promise<Spend> {
  const budget = thing.limits.find(({ unit, per }) => unit === 'usd' && per === undefined);
  const limit = budget === undefined ? undefined : readLimit(budget);
  if (limit === undefined || 'problem' in limit || deps.ledger === undefined) {
    return { spend: (await loggedSpend(requireDb(deps), level, thing.id)) / NANO_PER_USD, budget_reset_at: null };
  }
  const takes = takesFor([{ level: level satisfies TenantLevel, id: thing.id, limits: [limit] }], {}, { usd: 0 });
  const [standing] = (await deps.ledger(thing.org).look(takes)).standings;
  return {
    spend: (standing?.used ?? 0) / NANO_PER_USD,
    budget_reset_at: standing?.resetsAt === undefined ? null : iso(standing.resetsAt),
  };
}

const iso = (moment: number) => new Date(moment).toISOString();

/** Keys that were given no alias need a name here. */
export const UNNAMED = 'unnamed';

function rules({ limits, models, metadata, disabled, createdAt, updatedAt }: KeyResource | TeamResource) {
  const { fields, rest } = fieldsOf(limits);
  return {
    models: models ?? [],
    metadata: Object.fromEntries(Object.entries(metadata).filter(([name]) => name !== TEAM_ID && name !== USER_ID)),
    ...{ max_budget: null, budget_duration: null, tpm_limit: null, rpm_limit: null, max_parallel_requests: null },
    ...fields,
    blocked: disabled,
    created_at: iso(createdAt),
    updated_at: iso(updatedAt),
    ...(rest.length === 0 ? {} : { weir_limits: rest }),
  };
}

/** A key as LiteLLM's clients read it. `token`, which is a hash there, is our id: either names the key in every call. */
export async function shownKey(key: KeyResource, team: TeamResource, deps: AdminDeps): Promise<JsonObject> {
  const user = key.metadata[USER_ID];
  return {
    token: key.id,
    key_name: key.prefix,
    key_alias: key.name === UNNAMED ? null : key.name,
    ...(await spendOf('key', key, deps)),
    expires: key.expiresAt === null ? null : iso(key.expiresAt),
    user_id: typeof user === 'string' ? user : null,
    team_id: teamIdOf(team),
    organization_id: key.org,
    ...rules(key),
    ...{ aliases: {}, config: {}, permissions: {}, model_max_budget: {}, model_spend: {}, allowed_cache_controls: [] },
  };
}

/** A team as LiteLLM's clients read it. */
export async function shownTeam(team: TeamResource, deps: AdminDeps): Promise<JsonObject> {
  return {
    team_id: teamIdOf(team) ?? team.id,
    team_alias: team.name,
    organization_id: team.org,
    ...(await spendOf('team', team, deps)),
    ...rules(team),
    ...{ admins: [], members: [], members_with_roles: [], model_spend: {}, model_max_budget: {} },
  };
}
