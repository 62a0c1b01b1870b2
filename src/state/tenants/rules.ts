import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { type AllowLists, type LevelRules, type StoredCaller, type TenantLevel, tenantLevels } from '../../core/tenant.ts';

// What callers are read by, on the data path: one prepared statement, no query builder.

const LISTS = ['models', 'routes', 'ips', 'countries'] as const;
const RULES = ['limits', ...LISTS, 'metadata'] as const;
const tables = { org: 'orgs', team: 'teams', app: 'apps', key: 'keys' } as const;

/** Of an app and what is above it. */
export const appLevels = ['org', 'team', 'app'] as const satisfies readonly TenantLevel[];

/** What is selected of each level, joined under the names of their tables. */
export const columnsOf = (levels: readonly TenantLevel[]): string =>
  [
    ...levels.flatMap((level) => [
      `${tables[level]}.id AS ${level}_id`,
      ...RULES.map((rule) => `${tables[level]}.${rule} AS ${level}_${rule}`),
    ]),
    `${levels.map((level) => `${tables[level]}.disabled = 0 AND ${tables[level]}.deleted_at IS NULL`).join(' AND ')} AS active`,
    'orgs.generation',
  ].join(', ');

type Columns<Level extends TenantLevel> = { readonly [column in `${Level}_${(typeof RULES)[number]}`]: string | null } & {
  readonly [column in `${Level}_id`]: string;
};

/** A row of `columnsOf`. */
export type AppRow = Columns<(typeof appLevels)[number]> & { readonly active: number; readonly generation: number };
export type KeyedRow = AppRow & Columns<'key'>;

/** An app, or the key of one, with everything above it. Throws on rules that cannot be read. */
export function callerOf(row: AppRow | KeyedRow): StoredCaller {
  const levels = 'key_id' in row ? tenantLevels.map((level) => rulesOf(level, row)) : appLevels.map((level) => rulesOf(level, row));
  const metadata = [row.org_metadata, row.team_metadata, row.app_metadata, 'key_id' in row ? row.key_metadata : null].map(objectIn);
  return {
    org: row.org_id,
    team: row.team_id,
    app: row.app_id,
    generation: row.generation,
    active: row.active === 1,
    levels,
    metadata: Object.assign({}, ...metadata),
  };
}

function rulesOf<Level extends TenantLevel>(level: Level, row: Columns<Level>): LevelRules {
  const lists: { -readonly [list in keyof AllowLists]: AllowLists[list] } = {};
  for (const list of LISTS) {
    const text = row[`${level}_${list}`];
    if (text !== null) lists[list] = arrayIn(text).filter((each) => typeof each === 'string');
  }
  return { level, id: row[`${level}_id`], limits: arrayIn(row[`${level}_limits`]), ...lists };
}

/** Throws on what is not a list: a rule that cannot be read must not be taken for none. */
function arrayIn(text: string | null): readonly Json[] {
  const value = parseJson(text ?? '[]');
  if (!isArray(value)) throw new Error('A stored rule is not a list');
  return value;
}

function objectIn(text: string | null): JsonObject {
  const value = parseJson(text ?? '{}');
  return isObject(value) ? value : {};
}
