import { asksNothing, flatMetadata } from '../../admin/litellm/fields.ts';
import type { LimitDocument } from '../../admin/litellm/limits.ts';
import { DEFAULT } from '../../admin/litellm/places.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { type KeyPart, NO_RULES, type Notes, nameOf, type OrgPart, type Rules, type TeamPart, unique } from './plan.ts';

export interface PortkeyTables {
  readonly workspaces: readonly JsonObject[];
  readonly apiKeys: readonly JsonObject[];
}

export interface PortkeyOptions {
  readonly org: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly sha256: (text: string) => string;
}

interface Context extends PortkeyOptions {
  readonly notes: Notes;
}

/** Workspaces as teams with one app each, and their keys. */
export function importTenants({ workspaces, apiKeys }: PortkeyTables, options: PortkeyOptions, notes: Notes): readonly OrgPart[] {
  const context: Context = { ...options, notes };
  const keys = apiKeys.filter((key) => isWanted(key, context));
  const idOf = (row: JsonObject) => asString(row.slug) ?? asString(row.id) ?? asString(row.name);
  const known = new Set(workspaces.flatMap((row) => idOf(row) ?? []));
  const named = new Set<string>();
  const part = (name: string, row: JsonObject | undefined, own: readonly JsonObject[]): TeamPart => {
    const free = unique(nameOf(name), named);
    named.add(free);
    const rules = row === undefined ? NO_RULES : rulesOf(`workspace ${free}`, row, context);
    return { name: free, rules, apps: own.length === 0 ? [] : [{ name: DEFAULT, rules: NO_RULES, keys: keyParts(own, context) }] };
  };
  const teams = workspaces.map((row) => {
    const id = idOf(row);
    return part(
      asString(row.name) ?? id ?? 'workspace',
      row,
      keys.filter(({ workspace_id: of }) => of === id || of === row.id),
    );
  });
  const ids = new Set([...known, ...workspaces.flatMap((row) => asString(row.id) ?? [])]);
  const rest = new Map<string, JsonObject[]>();
  for (const key of keys) {
    const of = asString(key.workspace_id) ?? DEFAULT;
    if (!ids.has(of)) rest.set(of, [...(rest.get(of) ?? []), key]);
  }
  const others = [...rest].map(([name, own]) => part(name, undefined, own));
  const all = [...teams, ...others];
  return all.length === 0 ? [] : [{ name: options.org, rules: NO_RULES, teams: all }];
}

const shownOf = (key: JsonObject): string => asString(key.name) ?? asString(key.id) ?? 'unnamed';

function isWanted(key: JsonObject, { notes, now }: Context): boolean {
  const expires = asString(key.expires_at);
  if (expires !== undefined && Date.parse(expires) <= now) {
    notes.left(`key ${shownOf(key)}`, `it has expired on ${expires.slice(0, 10)}`);
    return false;
  }
  if (asString(key.type)?.startsWith('organisation') === true) {
    notes.left(`key ${shownOf(key)}`, 'it administers: the secret WEIR_ADMIN_TOKEN has its place');
    return false;
  }
  return true;
}

function keyParts(rows: readonly JsonObject[], context: Context): readonly KeyPart[] {
  const named = new Set<string>();
  return rows.map((row) => {
    const name = unique(nameOf(shownOf(row)), named);
    named.add(name);
    const expires = asString(row.expires_at);
    const text = asString(row.key);
    // Exports show a few letters of a key only; who has the whole of it may put it there.
    const whole = text === undefined || /[*.…]/.test(text) || text.length < 6 ? undefined : text;
    if (whole === undefined) context.notes.changed(`key ${name}`, 'Portkey tells no keys: whoever has it needs the new one');
    return {
      name,
      old: name,
      rules: rulesOf(`key ${name}`, row, context),
      ...(whole === undefined ? {} : { hash: context.sha256(whole) }),
      ...(expires === undefined ? {} : { expiresAt: Date.parse(expires) }),
    };
  });
}

function rulesOf(what: string, row: JsonObject, { notes }: Context): Rules {
  const defaults = isObject(row.defaults) ? row.defaults : {};
  const flat = flatMetadata(isObject(defaults.metadata) ? defaults.metadata : {});
  for (const { field, message } of flat.problems) notes.left(`${field} of ${what}`, message);
  if (!asksNothing(defaults.config_id)) {
    notes.changed(
      `defaults.config_id of ${what}`,
      `callers name the virtual model that the config became as their model: ${JSON.stringify(defaults.config_id)}`,
    );
  }
  if (!asksNothing(row.alert_emails)) notes.left(`alert_emails of ${what}`, 'no mail is sent');
  if (!asksNothing(row.users)) notes.left(`users of ${what}`, 'teams have no members: who holds a key of theirs is one');
  return {
    limits: [
      ...many(row.usage_limits).flatMap((each) => usageLimit(what, each, notes)),
      ...many(row.rate_limits).flatMap((each) => rateLimit(what, each, notes)),
    ],
    models: null,
    metadata: flat.metadata,
    disabled: row.status !== undefined && row.status !== null && row.status !== 'active',
  };
}

/** One of them, or a list. */
const many = (value: Json | undefined): readonly JsonObject[] => (isArray(value) ? value.filter(isObject) : isObject(value) ? [value] : []);

const WINDOWS: { readonly [reset: string]: string } = { daily: 'day', weekly: 'week', monthly: 'month' };

function usageLimit(what: string, limit: JsonObject, notes: Notes): readonly LimitDocument[] {
  const amount = asNumber(limit.credit_limit);
  if (amount === undefined) return [];
  const fraction = (asNumber(limit.alert_threshold) ?? 0) / amount;
  const alertAt = fraction > 0 && fraction <= 1 ? [Number(fraction.toFixed(4))] : undefined;
  if (!asksNothing(limit.alert_threshold) && alertAt === undefined) notes.left(`alert_threshold of ${what}`, 'it is no part of the limit');
  const reset = asString(limit.periodic_reset);
  const window = reset === undefined ? undefined : WINDOWS[reset];
  if (reset !== undefined && window === undefined) {
    notes.left(`usage_limits of ${what}`, `"${reset}" is no window of the calendar: day, week, month`);
    return [];
  }
  const unit = limit.type === 'tokens' ? 'tokens' : 'usd';
  return [
    {
      unit,
      limit: unit === 'usd' ? amount : Math.floor(amount),
      ...(window === undefined ? {} : { window }),
      ...(alertAt === undefined ? {} : { alertAt }),
    },
  ];
}

/** Requests or tokens: a second, a minute and an hour are rates, a day and a week the calendar's. */
const RATES: { readonly [unit: string]: string } = { rps: '1s', rpm: '1m', rph: '1h', rpd: 'day', rpw: 'week' };

function rateLimit(what: string, limit: JsonObject, notes: Notes): readonly LimitDocument[] {
  const amount = asNumber(limit.value);
  const window = RATES[asString(limit.unit) ?? 'rpm'];
  if (amount !== undefined && window !== undefined)
    return [{ unit: limit.type === 'tokens' ? 'tokens' : 'requests', limit: Math.floor(amount), window }];
  notes.left(`rate_limits of ${what}`, `"${asString(limit.unit) ?? ''}" is no unit that is known: rps, rpm, rph, rpd, rpw`);
  return [];
}
