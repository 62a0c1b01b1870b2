import { GatewayError } from '../../core/errors.ts';
import type { KeySeal } from '../../core/tenant.ts';
import { findByAlias } from '../../state/tenants/reads.ts';
import type { Tenant } from '../../state/tenants/tenant.ts';
import type { KeyDesk } from '../deps.ts';

/** What may be stored of a foreign key that stands for none of ours yet. Throws `already_exists` on one that does. */
export async function freeAlias(db: D1Database, sha256: string, desk: KeyDesk): Promise<KeySeal> {
  const seals = await desk.sealForeign(sha256);
  const [alias] = seals;
  if (alias === undefined) throw new GatewayError('internal', 'A foreign key was sealed with nothing.');
  const taken = await findByAlias(db, seals);
  if (taken === undefined) return alias;
  throw new GatewayError('already_exists', `That key stands for ${taken.id} already.`, { param: 'importedHash' });
}

/** The key that a foreign one stands for. */
export const keyOfAlias = async (db: D1Database, sha256: string, desk: KeyDesk): Promise<Tenant | undefined> =>
  findByAlias(db, await desk.sealForeign(sha256));
