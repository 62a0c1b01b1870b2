import { and, count, desc, eq, isNull, sql } from 'drizzle-orm';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { type Page, type PageRequest, pageOf, readCursor } from '../paging.ts';
import { webhooks } from '../tenants/tables.ts';
import { type By, control, write } from '../tenants/writes.ts';

/** Webhooks of one organisation at most. */
export const MOST_WEBHOOKS = 20;

/** What an operator may say of a webhook. */
export interface WebhookRules {
  readonly url: string;
  /** `null`: everything, also what there will be. */
  readonly events: readonly string[] | null;
  readonly disabled: boolean;
}

/** A webhook without what its messages are signed by. */
export interface Webhook extends WebhookRules {
  readonly id: string;
  readonly org: string;
  /** Until when the secret before the last rotation signs too; `null` where there is none. */
  readonly previousUntil: number | null;
  /** Since when its receiver says that it is gone; `null` where it does not. */
  readonly goneAt: number | null;
  readonly version: number;
  /** Milliseconds since the epoch. */
  readonly createdAt: number;
  readonly updatedAt: number;
  readonly deletedAt: number | null;
}

function webhookOf({ secret: _, previousSecret: __, ...row }: typeof webhooks.$inferSelect): Webhook {
  return row;
}

/** One by its id; a deleted one only where that is asked for. */
export async function readWebhook(db: D1Database, id: string, deleted = false): Promise<Webhook | undefined> {
  const [row] = await control(db)
    .select()
    .from(webhooks)
    .where(and(eq(webhooks.id, id), deleted ? undefined : isNull(webhooks.deletedAt)));
  return row === undefined ? undefined : webhookOf(row);
}

export interface WebhookFilters {
  readonly org?: string | undefined;
  readonly disabled?: boolean | undefined;
  /** Deleted ones too. */
  readonly deleted?: boolean | undefined;
}

/** Newest first. Throws `invalid_request` on a cursor that is none. */
export async function listWebhooks(
  db: D1Database,
  { limit, cursor, filters }: PageRequest & { readonly filters: WebhookFilters },
): Promise<Page<Webhook>> {
  const position = readCursor(cursor, ['number', 'string']);
  const { org, disabled, deleted = false } = filters;
  const rows = await control(db)
    .select()
    .from(webhooks)
    .where(
      and(
        org === undefined ? undefined : eq(webhooks.org, org),
        disabled === undefined ? undefined : eq(webhooks.disabled, disabled),
        deleted ? undefined : isNull(webhooks.deletedAt),
        position === undefined ? undefined : sql`(${webhooks.createdAt}, ${webhooks.id}) < (${position[0]}, ${position[1]})`,
      ),
    )
    .orderBy(desc(webhooks.createdAt), desc(webhooks.id))
    .limit(limit + 1);
  return pageOf(rows.map(webhookOf), limit, ({ createdAt, id }) => [createdAt, id]);
}

/** What the audit says of a webhook. Of its address only the origin: whoever knows the rest of one can often write there. */
const audited = ({ url, events, disabled }: Partial<WebhookRules>): JsonObject => ({
  ...(url === undefined ? {} : { url: new URL(url).origin }),
  ...(events === undefined ? {} : { events }),
  ...(disabled === undefined ? {} : { disabled }),
});

/** Makes one. `secret`: sealed. Throws `invalid_request` where there are too many, `conflict` where the organisation has just been deleted. */
export async function createWebhook(
  db: D1Database,
  { id, org, secret, ...rules }: WebhookRules & { readonly id: string; readonly org: string; readonly secret: string },
  by: By,
): Promise<void> {
  const database = control(db);
  const [known] = await database
    .select({ number: count() })
    .from(webhooks)
    .where(and(eq(webhooks.org, org), isNull(webhooks.deletedAt)));
  if ((known?.number ?? 0) >= MOST_WEBHOOKS) {
    throw new GatewayError('invalid_request', `An organisation has ${MOST_WEBHOOKS} webhooks at most: delete one first.`);
  }
  await write(database, by, {
    ...{ action: 'webhook.create', subject: id, org, detail: audited(rules) },
    seen: { level: 'org', id: org },
    statements: [database.insert(webhooks).values({ ...rules, id, org, secret, version: 1, createdAt: by.now, updatedAt: by.now })],
  });
}

/** Changes what is given. A receiver that said it was gone is tried again. Throws `conflict` where it is not as it was seen. */
export async function changeWebhook(db: D1Database, seen: Webhook, change: Partial<WebhookRules>, by: By): Promise<void> {
  const before = Object.fromEntries(Object.entries(seen).filter(([name]) => Object.hasOwn(change, name)));
  await update(db, seen, { ...change, goneAt: null }, 'webhook.change', { from: audited(before), to: audited(change) }, by);
}

/** Gives it a new secret, sealed; the one before it signs too for a while. Throws `conflict`. */
export async function rotateWebhook(db: D1Database, seen: Webhook, secret: string, previousUntil: number, by: By): Promise<void> {
  const overlaps = previousUntil > by.now;
  const until = overlaps ? previousUntil : null;
  const previous = { previousSecret: overlaps ? webhooks.secret : null, previousUntil: until };
  await update(db, seen, { secret, ...previous }, 'webhook.rotate', { previousUntil: until }, by);
}

/** Deletes it for ever, and its secrets with it. Throws `conflict`. */
export async function deleteWebhook(db: D1Database, seen: Webhook, by: By): Promise<void> {
  const gone = { deletedAt: by.now, secret: null, previousSecret: null, previousUntil: null };
  await update(db, seen, gone, 'webhook.delete', audited(seen), by);
}

type Columns = Parameters<ReturnType<ReturnType<typeof control>['update']>['set']>[0];

async function update(
  db: D1Database,
  { id, org, version }: Webhook,
  set: Columns,
  action: string,
  detail: JsonObject,
  by: By,
): Promise<void> {
  const database = control(db);
  await write(database, by, {
    ...{ action, subject: id, org, detail },
    seen: { level: 'webhook', id, version },
    statements: [
      database
        .update(webhooks)
        .set({ ...set, version: version + 1, updatedAt: by.now })
        .where(eq(webhooks.id, id)),
    ],
  });
}
