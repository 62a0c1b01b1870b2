import { z } from 'zod';
import { randomBase62 } from '../core/base62.ts';
import { GatewayError } from '../core/errors.ts';
import { VAULT_NAME } from '../core/secret-name.ts';
import {
  type CredentialRow,
  changeCredential,
  createCredential,
  deleteCredential,
  listCredentials,
  readCredential,
} from '../state/credentials/rows.ts';
import type { SealedValue, VaultPlace } from '../state/credentials/seal.ts';
import type { By } from '../state/tenants/writes.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, EMPTY_PAGE, invalid, pageShape, paging, readJson } from './input.ts';
import { findParents, parentsOfList } from './resources/find.ts';
import { trailOf } from './trail.ts';

// The vault: what an organisation shows providers and the servers behind the gateway. Values go in here and never come out.

const org = z.string().min(1).max(128).describe('Id or name of the organisation.');
const name = z
  .string()
  .regex(VAULT_NAME, { error: 'is not a name: letters, digits and . _ - between them, 64 at most' })
  .describe('What the configuration calls it: {"vault": "NAME"}.');
const value = z
  .string()
  .regex(/^[\x21-\x7e](?:[\x20-\x7e]{0,8190}[\x21-\x7e])?$/, { error: 'is empty, too long, or holds characters that no key has' })
  .describe('The key itself. It is sealed, and nobody reads it again.');
const description = z.string().max(512);

const createBody = z.strictObject({ org, name, value, description: description.optional() });
const changeBody = z.strictObject({ value, description }).partial();
const listQuery = z.strictObject({ ...paging, org: org.optional(), name: name.optional() });

const shape = z.strictObject({
  id: z.string(),
  org: z.string(),
  name: z.string(),
  description: z.string(),
  revision: z.int().describe('How often the value was written.'),
  createdAt: z.int().describe('Milliseconds since the epoch.'),
  updatedAt: z.int(),
});
export type CredentialItem = z.output<typeof shape>;

const gone = z.strictObject({ id: z.string(), deleted: z.literal(true) });

const byNow = (context: AdminContext, deps: AdminDeps): By => ({ trail: trailOf(context, deps), now: deps.clock.now() });

async function sealed(text: string, place: VaultPlace, { credentials }: AdminDeps): Promise<SealedValue> {
  const made = await credentials?.seal.seal(text, place);
  if (made !== undefined) return made;
  throw new GatewayError('not_supported', 'Credentials are sealed, and no secret is set for it. The operator sets the secret WEIR_SECRET.');
}

const shown = ({ version: _, ...row }: CredentialRow) => row;
const answer = (context: AdminContext, row: CredentialRow, status: 200 | 201 = 200): Response =>
  context.json(shown(row), status, { etag: `"${row.version}"` });

async function found(context: AdminContext, deps: AdminDeps): Promise<CredentialRow> {
  const row = await readCredential(requireDb(deps), context.req.param('id') ?? '');
  if (row === undefined) throw new GatewayError('not_found', 'There is no credential of this id.');
  return row;
}

/** RFC 9110 section 13.1.1. */
async function foundForChange(context: AdminContext, deps: AdminDeps): Promise<CredentialRow> {
  const row = await found(context, deps);
  const tags = context.req
    .header('if-match')
    ?.split(',')
    .map((tag) => tag.trim()) ?? ['*'];
  if (tags.includes('*') || tags.includes(`"${row.version}"`)) return row;
  throw new GatewayError('conflict', 'If-Match names another version than the current one. Read it and try again.');
}

async function create(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const body = check(createBody, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  const within = await findParents(db, { org: body.org });
  if ('problem' in within) throw invalid([within.problem]);
  const place = { id: `cred_${randomBase62(16)}`, org: within.parents.org ?? '', name: body.name };
  const draft = { ...place, description: body.description ?? '', ...(await sealed(body.value, { ...place, revision: 1 }, deps)) };
  await createCredential(db, draft, byNow(context, deps));
  deps.credentials?.vaultChanged();
  const row = await readCredential(db, place.id);
  if (row === undefined) throw new GatewayError('internal', 'What was written cannot be read.');
  context.header('location', `/admin/v1/credentials/${place.id}`);
  return answer(context, row, 201);
}

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org: named, name: called } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const parents = await parentsOfList(db, { org: named });
  if (parents === undefined) return context.json(EMPTY_PAGE);
  const page = await listCredentials(db, { limit, cursor, org: parents.org, name: called });
  return context.json({ ...page, items: page.items.map(shown) });
}

async function change(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const given = check(changeBody, (await readJson(context.req.raw)) ?? {});
  const seen = await foundForChange(context, deps);
  if (given.value !== undefined || given.description !== undefined) {
    const { id, org: owner, name: called, revision } = seen;
    const place = { id, org: owner, name: called, revision: revision + 1 };
    const renewed = given.value === undefined ? undefined : await sealed(given.value, place, deps);
    await changeCredential(requireDb(deps), seen, { description: given.description, value: renewed }, byNow(context, deps));
    deps.credentials?.vaultChanged();
  }
  return answer(context, await found(context, deps));
}

async function remove(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const seen = await foundForChange(context, deps);
  await deleteCredential(requireDb(deps), seen, byNow(context, deps));
  deps.credentials?.vaultChanged();
  return context.json({ id: seen.id, deleted: true });
}

const one = '/credentials/:id';

export const credentialRoutes: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/credentials',
    doc: { summary: 'Write a credential into the vault of an organisation', body: createBody, status: 201, answer: shape },
    handle: create,
  },
  {
    method: 'GET',
    path: '/credentials',
    doc: { summary: 'Credentials of the vault without their values, newest first', query: listQuery, answer: pageShape(shape) },
    handle: list,
  },
  {
    method: 'GET',
    path: one,
    doc: { summary: 'One credential of the vault without its value', answer: shape },
    handle: async (context, deps) => answer(context, await found(context, deps)),
  },
  {
    method: 'PATCH',
    path: one,
    doc: { summary: 'Change a credential of the vault: what is given is replaced', body: changeBody, answer: shape },
    handle: change,
  },
  { method: 'DELETE', path: one, doc: { summary: 'Delete a credential of the vault for ever', answer: gone }, handle: remove },
];
