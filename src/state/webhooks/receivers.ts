import { isArray, parseJson } from '../../core/json.ts';
import type { SigningSecrets } from './secrets.ts';

// How the ledger of an organisation finds those it has to tell: prepared statements, no query builder.

/** Where messages go. */
export interface Receiver {
  readonly id: string;
  readonly url: string;
  /** Whether it wants any at all now. */
  readonly active: boolean;
  /** What it wants to hear of; `undefined` for everything. */
  readonly events: readonly string[] | undefined;
  /** The secret that signs, and while a rotation overlaps the one before; none where they cannot be read. */
  readonly secrets: readonly string[];
}

interface Row {
  readonly id: string;
  readonly url: string;
  readonly events: string | null;
  readonly disabled: number;
  readonly secret: string | null;
  readonly previous_secret: string | null;
  readonly previous_until: number | null;
  readonly gone_at: number | null;
}

const READ = `SELECT id, url, events, disabled, secret, previous_secret, previous_until, gone_at FROM webhooks
  WHERE org_id = ? AND deleted_at IS NULL AND EXISTS (SELECT 1 FROM orgs WHERE orgs.id = org_id AND orgs.deleted_at IS NULL)`;

/** All webhooks of an organisation; what was sealed with the secret before the one in use is sealed anew by the way. */
export async function readReceivers(db: D1Database, org: string, secrets: SigningSecrets, now: number): Promise<readonly Receiver[]> {
  const { results } = await db.prepare(READ).bind(org).all<Row>();
  return Promise.all(results.map((row) => receiverOf(db, row, secrets, now)));
}

async function receiverOf(db: D1Database, row: Row, secrets: SigningSecrets, now: number): Promise<Receiver> {
  const { id, url, secret, previous_secret: before, previous_until: until } = row;
  const sealed = [secret, until !== null && now < until ? before : null].flatMap((each) => each ?? []);
  const opened = await Promise.all(sealed.map((each) => secrets.open(id, each)));
  await reseal(db, row, secrets);
  return {
    ...{ id, url, active: row.disabled === 0 && row.gone_at === null, events: listIn(row.events) },
    secrets: opened.flatMap((each) => each ?? []),
  };
}

async function reseal(db: D1Database, { id, secret, previous_secret: before }: Row, secrets: SigningSecrets): Promise<void> {
  const renewed = secret === null ? undefined : await secrets.renewed(id, secret);
  if (renewed === undefined) return;
  const renewedBefore = before === null ? undefined : await secrets.renewed(id, before);
  await db
    .prepare('UPDATE webhooks SET secret = ?, previous_secret = ? WHERE id = ? AND secret = ?')
    .bind(renewed, renewedBefore ?? before, id, secret)
    .run();
}

function listIn(events: string | null): readonly string[] | undefined {
  const list = parseJson(events ?? 'null');
  return isArray(list) ? list.filter((each) => typeof each === 'string') : undefined;
}

/** Nothing is sent to a receiver that said `410 Gone`, until its operator changes it. */
export async function markGone(db: D1Database, id: string, now: number): Promise<void> {
  await db.prepare('UPDATE webhooks SET gone_at = ? WHERE id = ? AND gone_at IS NULL').bind(now, id).run();
}
