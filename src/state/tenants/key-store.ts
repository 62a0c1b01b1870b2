import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { type AllowLists, type KeySeal, type LevelRules, type StoredKey, type TenantLevel, tenantLevels } from '../../core/tenant.ts';
import type { Peppers } from './peppers.ts';

// On the data path: one prepared statement, no query builder.

const LISTS = ['models', 'routes', 'ips', 'countries'] as const;
const RULES = ['limits', ...LISTS, 'metadata'] as const;
const tables = { org: 'orgs', team: 'teams', app: 'apps', key: 'keys' } as const;

const columns = tenantLevels.flatMap((level) => [
  `${tables[level]}.id AS ${level}_id`,
  ...RULES.map((rule) => `${tables[level]}.${rule} AS ${level}_${rule}`),
]);

const isActive = Object.values(tables).map((table) => `${table}.disabled = 0 AND ${table}.deleted_at IS NULL`);

const READ = `SELECT ${columns.join(', ')}, ${isActive.join(' AND ')} AS active, orgs.generation,
    keys.digest, keys.pepper, keys.previous_digest, keys.previous_pepper, keys.previous_until, keys.expires_at
  FROM keys JOIN apps ON apps.id = keys.app_id JOIN teams ON teams.id = keys.team_id JOIN orgs ON orgs.id = keys.org_id
  WHERE keys.id = ?`;

type RuleColumns = { readonly [column in `${TenantLevel}_${(typeof RULES)[number]}`]: string | null };
type IdColumns = { readonly [column in `${TenantLevel}_id`]: string };

interface KeyRow extends RuleColumns, IdColumns {
  readonly active: number;
  readonly generation: number;
  readonly digest: string | null;
  readonly pepper: string | null;
  readonly previous_digest: string | null;
  readonly previous_pepper: string | null;
  readonly previous_until: number | null;
  readonly expires_at: number | null;
}

/** Reads as `KeyStore` of `identity/api-key/ring.ts`. */
export const keyStore = (db: D1Database, peppers: Peppers) => ({
  async read(id: string): Promise<StoredKey | undefined> {
    const row = await db.prepare(READ).bind(id).first<KeyRow>();
    return row === null ? undefined : storedKey(row);
  },
  seal: (presented: string) => peppers.seal(presented),
  opens: (presented: string, seal: KeySeal) => peppers.opens(presented, seal),
  async reseal(id: string, old: KeySeal, renewed: KeySeal): Promise<void> {
    await db
      .prepare('UPDATE keys SET digest = ?, pepper = ? WHERE id = ? AND digest = ?')
      .bind(renewed.digest, renewed.pepper, id, old.digest)
      .run();
  },
});

function storedKey(row: KeyRow): StoredKey {
  const seal = sealOf(row.digest, row.pepper);
  const previous = sealOf(row.previous_digest, row.previous_pepper);
  return {
    id: row.key_id,
    org: row.org_id,
    team: row.team_id,
    app: row.app_id,
    generation: row.generation,
    active: row.active === 1,
    levels: tenantLevels.map((level) => rulesOf(level, row)),
    metadata: Object.assign({}, ...tenantLevels.map((level) => objectIn(row[`${level}_metadata`]))),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(seal === undefined ? {} : { seal }),
    ...(previous === undefined || row.previous_until === null ? {} : { previous: { seal: previous, until: row.previous_until } }),
  };
}

const sealOf = (digest: string | null, pepper: string | null): KeySeal | undefined =>
  digest === null || pepper === null ? undefined : { digest, pepper };

function rulesOf(level: TenantLevel, row: KeyRow): LevelRules {
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
