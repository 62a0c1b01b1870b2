import { z } from 'zod';
import { addressFault } from '../core/address.ts';
import { randomBase62 } from '../core/base62.ts';
import { GatewayError } from '../core/errors.ts';
import { parseJson } from '../core/json.ts';
import type { Delivery } from '../state/ledger/alerts.ts';
import { pageOf, readCursor } from '../state/paging.ts';
import type { By } from '../state/tenants/writes.ts';
import {
  changeWebhook,
  createWebhook,
  deleteWebhook,
  listWebhooks,
  readWebhook,
  rotateWebhook,
  type Webhook,
} from '../state/webhooks/changes.ts';
import { webhookEvents } from '../state/webhooks/payload.ts';
import { newSigningSecret } from '../state/webhooks/secrets.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, type OrgLedger, requireDb } from './deps.ts';
import { check, EMPTY_PAGE, invalid, pageShape, paging, readJson, switched } from './input.ts';
import { findParents, parentsOfList } from './resources/find.ts';
import { rotate } from './resources/shapes.ts';
import { trailOf } from './trail.ts';

const org = z.string().min(1).max(128).describe('Id or name of the organisation.');

const rules = {
  url: z.string().min(1).max(2_048).describe('Where messages are posted to: https, and a public name. Local runs also reach loopback.'),
  events: z.array(z.enum(webhookEvents)).min(1).nullable().describe('What it is told of. null: everything, also what there will be.'),
  disabled: z.boolean().describe('While it is, nothing is sent, and what waits is dropped.'),
};

const createBody = z.strictObject({ org, ...z.strictObject(rules).partial({ events: true, disabled: true }).shape });
const changeBody = z.strictObject(rules).partial();
const listQuery = z.strictObject({
  ...paging,
  org: org.optional(),
  disabled: switched.optional(),
  deleted: switched.optional().describe('Those that were deleted too.'),
});
const deliveryQuery = z.strictObject(paging);

const shape = z.strictObject({
  id: z.string(),
  org: z.string(),
  ...rules,
  previousUntil: z.int().nullable().describe('Until when the secret before the last rotation signs too.'),
  goneAt: z.int().nullable().describe('Since when its receiver answers 410 Gone. Nothing is sent until the webhook is changed.'),
  createdAt: z.int().describe('Milliseconds since the epoch.'),
  updatedAt: z.int(),
  deletedAt: z.int().optional().describe('Present on what was deleted.'),
});
const once = z.strictObject({
  id: z.string(),
  secret: z.string().describe('What messages are signed with, this once.'),
  ...shape.omit({ id: true }).shape,
});
const gone = z.strictObject({ id: z.string(), deleted: z.literal(true) });

const deliveryShape = z.strictObject({
  id: z.int(),
  message: z.string().describe('The webhook-id: the same at every attempt, and for every webhook.'),
  type: z.enum([...webhookEvents, 'ping']),
  at: z.int().describe('When what it tells of happened; milliseconds since the epoch.'),
  status: z
    .enum(['waiting', 'delivered', 'failed', 'canceled'])
    .describe('failed: given up. canceled: the webhook was disabled or deleted.'),
  attempts: z.int(),
  nextAt: z.int().nullable(),
  lastAt: z.int().nullable(),
  httpStatus: z.int().nullable().describe('Of the last answer.'),
  error: z.string().nullable().describe('refused, timeout, unreachable, redirect, address_refused, secret_unreadable, too_many.'),
  payload: z.looseObject({}),
});

const byNow = (context: AdminContext, deps: AdminDeps): By => ({ trail: trailOf(context, deps), now: deps.clock.now() });

/** The address in its normal form. Throws `invalid_request` where no message could be sent there. */
function addressOf(text: string, { local = false }: AdminDeps): string {
  const url = URL.parse(text);
  const fault = url === null ? 'it is not a URL' : addressFault(url, local);
  if (url === null || fault !== undefined) throw invalid([{ path: 'url', message: `is refused: ${fault}` }]);
  return url.href;
}

async function sealed(id: string, secret: string, { webhookSecrets }: AdminDeps): Promise<string> {
  const text = await webhookSecrets?.seal(id, secret);
  if (text !== undefined) return text;
  throw new GatewayError('not_supported', 'Webhooks are signed, and no secret is set for it. The operator sets the secret WEIR_SECRET.');
}

function ledgerOf({ ledger }: AdminDeps, id: string): OrgLedger {
  if (ledger === undefined) throw new GatewayError('not_supported', 'No ledger is bound. The operator binds LEDGER.');
  return ledger(id);
}

function answer(context: AdminContext, { version, deletedAt, ...shown }: Webhook, status: 200 | 201 = 200, secret?: string): Response {
  const { id, ...rest } = shown;
  const body = { id, ...(secret === undefined ? {} : { secret }), ...rest, ...(deletedAt === null ? {} : { deletedAt }) };
  return context.json(body, status, { etag: `"${version}"` });
}

async function found(context: AdminContext, deps: AdminDeps, deleted = false): Promise<Webhook> {
  const webhook = await readWebhook(requireDb(deps), context.req.param('id') ?? '', deleted);
  if (webhook === undefined) throw new GatewayError('not_found', 'There is no webhook of this id.');
  return webhook;
}

/** RFC 9110 section 13.1.1. */
async function foundForChange(context: AdminContext, deps: AdminDeps): Promise<Webhook> {
  const webhook = await found(context, deps);
  const tags = context.req
    .header('if-match')
    ?.split(',')
    .map((tag) => tag.trim()) ?? ['*'];
  if (tags.includes('*') || tags.includes(`"${webhook.version}"`)) return webhook;
  throw new GatewayError('conflict', 'If-Match names another version than the current one. Read it and try again.');
}

async function create(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { url, events = null, disabled = false, ...named } = check(createBody, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  const within = await findParents(db, named);
  if ('problem' in within) throw invalid([within.problem]);
  const id = `wh_${randomBase62(16)}`;
  const secret = newSigningSecret();
  const made = { id, org: within.parents.org ?? '', url: addressOf(url, deps), events, disabled, secret: await sealed(id, secret, deps) };
  await createWebhook(db, made, byNow(context, deps));
  context.header('location', `/admin/v1/webhooks/${id}`);
  const webhook = await readWebhook(db, id, true);
  if (webhook === undefined) throw new GatewayError('internal', 'What was written cannot be read.');
  return answer(context, webhook, 201, secret);
}

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: named, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const parents = await parentsOfList(db, { org: named });
  if (parents === undefined) return context.json(EMPTY_PAGE);
  const page = await listWebhooks(db, { limit, cursor, filters: { ...filters, org: parents.org } });
  return context.json({
    ...page,
    items: page.items.map(({ version: _, deletedAt, ...shown }) => (deletedAt === null ? shown : { ...shown, deletedAt })),
  });
}

async function change(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const given = check(changeBody, (await readJson(context.req.raw)) ?? {});
  const seen = await foundForChange(context, deps);
  const changes = {
    ...(given.url === undefined ? {} : { url: addressOf(given.url, deps) }),
    ...(given.events === undefined ? {} : { events: given.events }),
    ...(given.disabled === undefined ? {} : { disabled: given.disabled }),
  };
  if (Object.keys(changes).length > 0) await changeWebhook(requireDb(deps), seen, changes, byNow(context, deps));
  return answer(context, await found(context, deps));
}

async function remove(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const seen = await foundForChange(context, deps);
  await deleteWebhook(requireDb(deps), seen, byNow(context, deps));
  return context.json({ id: seen.id, deleted: true });
}

async function rotateSecret(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { overlap } = check(rotate, (await readJson(context.req.raw)) ?? {});
  const seen = await foundForChange(context, deps);
  const secret = newSigningSecret();
  const by = byNow(context, deps);
  await rotateWebhook(requireDb(deps), seen, await sealed(seen.id, secret, deps), by.now + overlap, by);
  return answer(context, await found(context, deps), 200, secret);
}

const shownDelivery = ({ webhook: _, org: __, body, ...shown }: Delivery) => ({ ...shown, payload: parseJson(body) });

async function test(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const webhook = await found(context, deps);
  const delivery = await ledgerOf(deps, webhook.org).ping(webhook.id);
  if (delivery === undefined) throw new GatewayError('not_found', 'There is no webhook of this id.');
  return context.json(shownDelivery(delivery));
}

async function deliveries(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor } = check(deliveryQuery, context.req.query());
  const webhook = await found(context, deps, true);
  const [before] = readCursor(cursor, ['number']) ?? [];
  const rows = await ledgerOf(deps, webhook.org).deliveries(webhook.id, before, limit + 1);
  const page = pageOf(rows, limit, ({ id }) => [id]);
  return context.json({ ...page, items: page.items.map(shownDelivery) });
}

const one = '/webhooks/:id';

export const webhookRoutes: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/webhooks',
    doc: { summary: 'Make a webhook', body: createBody, status: 201, answer: once },
    handle: create,
  },
  {
    method: 'GET',
    path: '/webhooks',
    doc: { summary: 'Webhooks, newest first', query: listQuery, answer: pageShape(shape) },
    handle: list,
  },
  {
    method: 'GET',
    path: one,
    doc: { summary: 'One webhook', answer: shape },
    handle: async (context, deps) => answer(context, await found(context, deps)),
  },
  {
    method: 'PATCH',
    path: one,
    doc: { summary: 'Change a webhook: what is given is replaced', body: changeBody, answer: shape },
    handle: change,
  },
  { method: 'DELETE', path: one, doc: { summary: 'Delete a webhook for ever', answer: gone }, handle: remove },
  {
    method: 'POST',
    path: `${one}/rotate`,
    doc: { summary: 'Give a webhook a new secret', body: rotate, answer: once },
    handle: rotateSecret,
  },
  {
    method: 'POST',
    path: `${one}/test`,
    doc: { summary: 'Send a ping at once, and say what became of it', answer: deliveryShape },
    handle: test,
  },
  {
    method: 'GET',
    path: `${one}/deliveries`,
    doc: { summary: 'What went to a webhook or is on its way, newest first', query: deliveryQuery, answer: pageShape(deliveryShape) },
    handle: deliveries,
  },
];
