import { calendarWindows, secondsOf, windowCovering } from '../../admin/litellm/durations.ts';
import { asksNothing, flatMetadata, reasonOf } from '../../admin/litellm/fields.ts';
import { type BudgetWindow, type LimitDocument, type LitellmLimits, limitFields, limitsOf } from '../../admin/litellm/limits.ts';
import { modelsOf } from '../../admin/litellm/models.ts';
import { DEFAULT, ORG, TEAM_ID, USER_ID } from '../../admin/litellm/places.ts';
import { asNumber, asString, isArray, isObject, type JsonObject } from '../../core/json.ts';
import { NANO_PER_USD } from '../../core/money.ts';
import type { LitellmTables } from './litellm-source.ts';
import { type AppPart, type KeyPart, NO_RULES, type Notes, nameOf, type OrgPart, type Rules, type TeamPart, unique } from './plan.ts';

export interface TenantOptions {
  /** The organisation of everything that has none. */
  readonly org: string;
  /** Limits of that organisation. */
  readonly limits: LitellmLimits;
  /** The time zone of days, weeks and months. */
  readonly zone?: string | undefined;
  readonly accessGroups: ReadonlyMap<string, readonly string[]>;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly sha256: (text: string) => string;
}

interface Context extends TenantOptions {
  readonly notes: Notes;
  readonly budgets: ReadonlyMap<string, JsonObject>;
}

/** Columns that say nothing that would have to come over: names, counts, dates, and what is joined from other tables. */
const BOOKKEEPING =
  /^(?:token|token_id|key|key_name|key_alias|key_type|spend|expires|team_id|team_alias|user_id|user_alias|user_email|user_role|organization_id|organization_alias|budget_id|litellm_budget_table|models|metadata|blocked|model_id|id|api_key|allowed_model_region|max_budget_in_team|soft_budget_cooldown|rotation_count|keys|users|teams|sso_user_id|key_rotation_at|budget_reset_at|model_spend|model_max_budget_usage|(?:created|updated|last|user|end_user|organization|org|parent|request)_.*|team_(?!member).*|updated|created)$/;
/** Where LiteLLM keeps the sessions of its own pages. */
const PAGES = 'litellm-dashboard';

/** Everything that keys of a proxy belong to, and the keys. */
export function importTenants(tables: LitellmTables, options: TenantOptions, notes: Notes): readonly OrgPart[] {
  const context: Context = { ...options, notes, budgets: rowsBy(tables.budgets, 'budget_id') };
  const orgs = new Map<string | undefined, JsonObject | undefined>([[undefined, undefined]]);
  for (const org of tables.organizations) orgs.set(asString(org.organization_id), org);
  const teams = rowsBy(tables.teams, 'team_id');
  const orgOf = (row: JsonObject): string | undefined => {
    const own = asString(row.organization_id) ?? asString(teams.get(asString(row.team_id) ?? '')?.organization_id);
    return own !== undefined && orgs.has(own) ? own : undefined;
  };
  const sessions = tables.keys.filter(({ team_id: of }) => of === PAGES).length;
  if (sessions > 0) notes.left(`${sessions} sessions of LiteLLM's own pages`, 'they are no keys of callers');
  const keys = tables.keys.filter((key) => isWanted(key, teams, context));
  const found = [...orgs].map(([id, row]) => {
    const mine = { keys: keys.filter((key) => orgOf(key) === id), teams: tables.teams.filter((team) => orgOf(team) === id) };
    return orgPart(row, mine, tables.users, context);
  });
  const named = new Set<string>();
  return found
    .filter(({ teams, rules }) => teams.length > 0 || rules.limits.length > 0)
    .map((org) => {
      const name = unique(org.name, named);
      named.add(name);
      return { ...org, name };
    });
}

const rowsBy = (rows: readonly JsonObject[], id: string): ReadonlyMap<string, JsonObject> =>
  new Map(rows.flatMap((row) => (asString(row[id]) === undefined ? [] : [[asString(row[id]) ?? '', row] as const])));

function isWanted(key: JsonObject, teams: ReadonlyMap<string, JsonObject>, { notes, now }: Context): boolean {
  const team = asString(key.team_id);
  if (team === PAGES) return false;
  const expires = asString(key.expires);
  if (expires !== undefined && momentOf(expires) <= now) {
    notes.left(`key ${shownOf(key)}`, `it has expired on ${expires.slice(0, 10)}`);
    return false;
  }
  if (team !== undefined && !teams.has(team))
    notes.changed(`key ${shownOf(key)}`, `its team ${team} is not among the teams: it goes to the team ${DEFAULT}`);
  return true;
}

/** LiteLLM's dates are UTC, and most of them do not say so. */
const momentOf = (text: string): number => Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);

const shownOf = (key: JsonObject): string =>
  asString(key.key_alias) ?? asString(key.key_name) ?? `${(asString(key.token) ?? '').slice(0, 8)}…`;

interface Mine {
  readonly keys: readonly JsonObject[];
  readonly teams: readonly JsonObject[];
}

function orgPart(row: JsonObject | undefined, { keys, teams }: Mine, users: readonly JsonObject[], context: Context): OrgPart {
  const name = row === undefined ? context.org : nameOf(asString(row.organization_alias) ?? asString(row.organization_id) ?? ORG);
  const rules = row === undefined ? orgRules(context) : rulesOf(`organisation ${name}`, row, context);
  const named = new Set<string>([DEFAULT]);
  const known = new Set(teams.map((team) => asString(team.team_id)));
  const parts = teams.map((team) => {
    const wanted = nameOf(asString(team.team_alias) ?? asString(team.team_id) ?? 'team');
    const free = unique(wanted, named);
    if (free !== wanted) context.notes.changed(`team ${wanted}`, `another one has this name: it is called ${free}`);
    named.add(free);
    const id = asString(team.team_id);
    return teamPart(
      free,
      team,
      keys.filter((key) => asString(key.team_id) === id),
      context,
    );
  });
  const without = keys.filter((key) => asString(key.team_id) === undefined || !known.has(asString(key.team_id)));
  const own = without.length === 0 ? [] : [{ name: DEFAULT, rules: NO_RULES, apps: personalApps(without, users, context) }];
  return { name, rules, teams: [...own, ...parts] };
}

function orgRules({ limits, zone, notes }: Context): Rules {
  const mapped = limitsOf(limits, { ...(zone === undefined ? {} : { zone }), approximate: approximating('the whole proxy', notes) });
  return { ...NO_RULES, limits: mapped.limits };
}

function teamPart(name: string, row: JsonObject, keys: readonly JsonObject[], context: Context): TeamPart {
  const what = `team ${name}`;
  const members = isArray(row.members_with_roles) ? row.members_with_roles.length : 0;
  if (members > 0) context.notes.left(`${members} members of ${what}`, reasonOf('members'));
  const aliases = isObject(row.litellm_model_table) ? row.litellm_model_table.model_aliases : undefined;
  if (!asksNothing(aliases)) context.notes.left(`model_aliases of ${what}`, reasonOf('model_aliases'));
  const rules = rulesOf(what, row, context);
  const id = asString(row.team_id);
  return {
    name,
    rules: id === undefined ? rules : { ...rules, metadata: { ...rules.metadata, [TEAM_ID]: id } },
    apps: keys.length === 0 ? [] : [{ name: DEFAULT, rules: NO_RULES, keys: keyParts(keys, context) }],
  };
}

/** Keys of no team are held to their user's budget: an app for each user. */
function personalApps(keys: readonly JsonObject[], users: readonly JsonObject[], context: Context): readonly AppPart[] {
  const byUser = new Map<string | undefined, JsonObject[]>();
  for (const key of keys) byUser.set(asString(key.user_id), [...(byUser.get(asString(key.user_id)) ?? []), key]);
  const rows = rowsBy(users, 'user_id');
  return [...byUser].map(([user, own]) => {
    const row = user === undefined ? undefined : rows.get(user);
    const name = user === undefined ? DEFAULT : nameOf(user);
    return { name, rules: row === undefined ? NO_RULES : rulesOf(`user ${name}`, row, context), keys: keyParts(own, context) };
  });
}

function keyParts(keys: readonly JsonObject[], context: Context): readonly KeyPart[] {
  const named = new Set<string>();
  return keys.map((row) => {
    const name = unique(nameOf(shownOf(row)), named);
    named.add(name);
    const what = `key ${name}`;
    const rules = rulesOf(what, row, context);
    const user = asString(row.user_id);
    const expires = asString(row.expires);
    if (!asksNothing(row.aliases)) context.notes.left(`aliases of ${what}`, reasonOf('aliases'));
    const hash = hashOf(row, context);
    if (hash === undefined) context.notes.changed(what, 'its hash is not known: whoever has it needs the new key');
    return {
      name,
      old: shownOf(row),
      rules: user === undefined ? rules : { ...rules, metadata: { ...rules.metadata, [USER_ID]: user } },
      ...(hash === undefined ? {} : { hash }),
      ...(expires === undefined ? {} : { expiresAt: momentOf(expires) }),
    };
  });
}

/** What LiteLLM stores: SHA-256 in hex; early versions, and what people write down themselves, have the key itself. */
function hashOf(row: JsonObject, { sha256 }: Context): string | undefined {
  const token = asString(row.token) ?? asString(row.key);
  if (token === undefined) return undefined;
  if (/^[0-9a-f]{64}$/i.test(token)) return token.toLowerCase();
  return token.startsWith('sk-') && !token.includes('...') ? sha256(token) : undefined;
}

function rulesOf(what: string, row: JsonObject, context: Context): Rules {
  const { notes, zone } = context;
  const mapped = limitsOf(limitsIn(what, row, context), {
    ...(zone === undefined ? {} : { zone }),
    approximate: approximating(what, notes),
  });
  for (const { field, message } of mapped.problems) notes.left(`${field} of ${what}`, message);
  const flat = flatMetadata(isObject(row.metadata) ? row.metadata : {});
  for (const name of flat.flattened) notes.changed(`metadata.${name} of ${what}`, 'kept as the text of its JSON');
  for (const { field, message } of flat.problems) notes.left(`${field} of ${what}`, message);
  const models = modelsOf(expanded(row, context));
  if ('field' in models) notes.changed(what, 'it may use no models: it is disabled');
  for (const [field, value] of Object.entries(row)) {
    const known = BOOKKEEPING.test(field) || limitFields.some((each) => each === field) || ELSEWHERE.includes(field);
    if (!known && !asksNothing(value)) notes.left(`${field} of ${what}`, reasonOf(field));
  }
  return {
    limits: mapped.limits.filter(({ limit }) => Number.isFinite(limit) && limit >= 0),
    models: 'models' in models ? models.models : null,
    metadata: flat.metadata,
    disabled: row.blocked === true || 'field' in models,
  };
}

/** Told of by who calls. */
const ELSEWHERE: readonly string[] = ['aliases', 'members', 'admins', 'members_with_roles', 'litellm_model_table'];

/** Its own limits, and those of the budget that it names by id where it has none of a kind. */
function limitsIn(what: string, row: JsonObject, { budgets, notes }: Context): LitellmLimits {
  const joined = isObject(row.litellm_budget_table) ? row.litellm_budget_table : (budgets.get(asString(row.budget_id) ?? '') ?? {});
  const pick = (field: string): JsonObject[string] => (row[field] === null || row[field] === undefined ? joined[field] : row[field]);
  const amount = asNumber(pick('max_budget'));
  const duration = asString(pick('budget_duration'));
  const spent = asNumber(row.spend) ?? 0;
  const left = amount === undefined || duration !== undefined || spent <= 0 ? amount : Math.max(0, Number((amount - spent).toFixed(9)));
  if (duration !== undefined && spent > 0) {
    notes.changed('budgets with a window', 'what was spent in the window under way is not carried over: they begin full');
  }
  if (left !== amount)
    notes.changed(`max_budget of ${what}`, `${amount} dollars for good, of which ${spent} are spent: what is left is carried over`);
  const soft = asNumber(pick('soft_budget'));
  const several = isArray(row.budget_limits) ? row.budget_limits.flatMap((each) => (isObject(each) ? windowIn(each) : [])) : [];
  return {
    ...(left === undefined ? {} : { max_budget: left }),
    ...(soft === undefined ? {} : { soft_budget: soft }),
    ...(duration === undefined || (left === undefined && soft === undefined) ? {} : { budget_duration: duration }),
    ...(several.length === 0 ? {} : { budget_limits: several }),
    ...Object.fromEntries(
      (['tpm_limit', 'rpm_limit', 'tpd_limit', 'max_parallel_requests'] as const).flatMap((field) => {
        const value = wholeOf(pick(field));
        return value === undefined ? [] : [[field, value]];
      }),
    ),
  };
}

/** Postgres has numbers of 64 bits, which some exports write as text. */
const wholeOf = (value: JsonObject[string]): number | undefined =>
  asNumber(value) ?? (typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : undefined);

function windowIn({ max_budget, budget_duration }: JsonObject): readonly BudgetWindow[] {
  const amount = asNumber(max_budget);
  const duration = asString(budget_duration);
  return amount === undefined || duration === undefined ? [] : [{ max_budget: amount, budget_duration: duration }];
}

/** Names of models; access groups as the models that are in them. */
function expanded(row: JsonObject, { accessGroups }: Context): readonly string[] {
  const listed = isArray(row.models) ? row.models.flatMap((each) => asString(each) ?? []) : [];
  return listed.flatMap((name) => accessGroups.get(name) ?? [name]);
}

/** Never more than the budget would have let through: the same amount in a longer window, or its share of a month. */
export const approximating =
  (what: string, notes: Notes) =>
  ({ max_budget: amount, budget_duration: duration }: BudgetWindow): LimitDocument | undefined => {
    const seconds = secondsOf(duration);
    if (seconds === undefined || seconds === 0) return undefined;
    const window = windowCovering(seconds);
    if (window !== undefined) {
      notes.changed(`budget_duration ${duration} of ${what}`, `${amount} dollars in a ${window} of the calendar, which is longer`);
      return { unit: 'usd', limit: amount, window };
    }
    const share = Math.floor(((amount * calendarWindows.month) / seconds) * NANO_PER_USD) / NANO_PER_USD;
    notes.changed(`budget_duration ${duration} of ${what}`, `no window is so long: ${share} dollars a month, its share`);
    return { unit: 'usd', limit: share, window: 'month' };
  };
