import { type KeySeal, type StoredKey, tenantLevels } from '../../core/tenant.ts';
import type { Peppers } from './peppers.ts';
import { callerOf, columnsOf, type KeyedRow } from './rules.ts';

// On the data path: one prepared statement, no query builder.

const KEY = `${columnsOf(tenantLevels)},
    keys.digest, keys.pepper, keys.previous_digest, keys.previous_pepper, keys.previous_until, keys.expires_at`;
const ABOVE = 'JOIN apps ON apps.id = keys.app_id JOIN teams ON teams.id = keys.team_id JOIN orgs ON orgs.id = keys.org_id';

const READ = `SELECT ${KEY} FROM keys ${ABOVE} WHERE keys.id = ?`;

const FOREIGN = `SELECT ${KEY}, key_aliases.digest AS alias_digest, key_aliases.pepper AS alias_pepper, key_aliases.until AS alias_until
  FROM key_aliases JOIN keys ON keys.id = key_aliases.key_id ${ABOVE}`;

interface KeyRow extends KeyedRow {
  readonly digest: string | null;
  readonly pepper: string | null;
  readonly previous_digest: string | null;
  readonly previous_pepper: string | null;
  readonly previous_until: number | null;
  readonly expires_at: number | null;
}

interface ForeignRow extends KeyRow {
  readonly alias_digest: string;
  readonly alias_pepper: string;
  readonly alias_until: number | null;
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
  foreign: foreignStore(db, peppers),
});

/**
 * Keys that other gateways made, found by an HMAC of their hash: neither the database nor what the other gateway kept of
 * them gives one away, and looking for one compares nothing that who asks could learn from.
 */
const foreignStore = (db: D1Database, peppers: Peppers) => ({
  any: async (): Promise<boolean> => (await db.prepare('SELECT 1 FROM key_aliases LIMIT 1').first()) !== null,
  async read(presented: string) {
    const seals = await peppers.seals(await sha256Hex(presented));
    const [renewed] = seals;
    if (renewed === undefined) return undefined;
    const places = seals.map(() => '?').join(', ');
    const row = await db
      .prepare(`${FOREIGN} WHERE key_aliases.digest IN (${places}) LIMIT 1`)
      .bind(...seals.map(({ digest }) => digest))
      .first<ForeignRow>();
    if (row === null) return undefined;
    const old = { digest: row.alias_digest, pepper: row.alias_pepper };
    return {
      stored: storedKey(row),
      ...(row.alias_until === null ? {} : { until: row.alias_until }),
      ...(old.digest === renewed.digest ? {} : { outdated: { old, renewed } }),
    };
  },
  async reseal(old: KeySeal, renewed: KeySeal): Promise<void> {
    await db
      .prepare('UPDATE OR REPLACE key_aliases SET digest = ?, pepper = ? WHERE digest = ?')
      .bind(renewed.digest, renewed.pepper, old.digest)
      .run();
  },
  seals: (sha256: string) => peppers.seals(sha256),
});

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

function storedKey(row: KeyRow): StoredKey {
  const seal = sealOf(row.digest, row.pepper);
  const previous = sealOf(row.previous_digest, row.previous_pepper);
  return {
    id: row.key_id,
    ...callerOf(row),
    ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
    ...(seal === undefined ? {} : { seal }),
    ...(previous === undefined || row.previous_until === null ? {} : { previous: { seal: previous, until: row.previous_until } }),
  };
}

const sealOf = (digest: string | null, pepper: string | null): KeySeal | undefined =>
  digest === null || pepper === null ? undefined : { digest, pepper };
