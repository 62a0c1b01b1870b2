import { z } from 'zod';
import { randomBase62 } from '../../core/base62.ts';
import { GatewayError } from '../../core/errors.ts';
import { changeTenant, createTenant, type Draft, deleteTenant, rotateKey } from '../../state/tenants/changes.ts';
import { listTenants, readTenant } from '../../state/tenants/reads.ts';
import type { Parents, Tenant, TenantRules } from '../../state/tenants/tenant.ts';
import type { By, Changed } from '../../state/tenants/writes.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, type KeyDesk, requireDb } from '../deps.ts';
import { check, EMPTY_PAGE, invalid, pageShape, paging, readJson, switched } from '../input.ts';
import { trailOf } from '../trail.ts';
import { findParents, type NamedParents, parentsOfList } from './find.ts';
import { freeAlias, keyOfAlias } from './imported.ts';
import { type CreateBody, type Resource, resources, shownTenant } from './resource.ts';
import { importedHash, keyOnce, rotate } from './shapes.ts';

/** Changes are made from what was read: when somebody else was faster, it is read and tried again so many times. */
const TRIES = 3;

const text = z.string().min(1).max(128).optional();

const listQuery = z.strictObject({
  ...paging,
  org: text.describe('Id or name.'),
  team: text.describe('Id or name.'),
  app: text.describe('Id or name.'),
  name: text.describe('How the name begins.'),
  disabled: switched.optional(),
  deleted: switched.optional().describe('Those that were deleted too.'),
  importedHash: importedHash.optional().describe('Of keys: the one that a key of another gateway, with this SHA-256 in hex, stands for.'),
});

const readQuery = z.strictObject({ deleted: switched.optional().describe('Also where it was deleted.') });

const byNow = (context: AdminContext, deps: AdminDeps): By => ({ trail: trailOf(context, deps), now: deps.clock.now() });

function deskOf({ keys }: AdminDeps): KeyDesk {
  if (keys === undefined) throw new GatewayError('not_supported', 'This deployment makes no keys: no database or no secret is set.');
  return keys;
}

/** What was changed holds here at once, and elsewhere as soon as they are told. */
async function settle({ org, generation }: Changed, deps: AdminDeps): Promise<void> {
  deps.keys?.changed();
  await deps.tenantsChanged?.(org, generation);
}

function answer(context: AdminContext, tenant: Tenant, deps: AdminDeps, status: 200 | 201 = 200, secret?: string): Response {
  const { id, ...rest } = shownTenant(tenant, deps);
  const body = { id, ...(secret === undefined ? {} : { key: secret }), ...rest };
  return context.json(body, status, { etag: `"${tenant.version}"` });
}

async function found(resource: Resource, context: AdminContext, deps: AdminDeps, deleted = false): Promise<Tenant> {
  const tenant = await readTenant(requireDb(deps), resource.level, context.req.param('id') ?? '', deleted);
  if (tenant === undefined) throw new GatewayError('not_found', `There is no ${resource.word} of this id.`);
  return tenant;
}

/** RFC 9110 section 13.1.1. */
function requireMatch(ifMatch: string | undefined, { version }: Tenant): void {
  const tags = ifMatch?.split(',').map((tag) => tag.trim()) ?? ['*'];
  if (tags.includes('*') || tags.includes(`"${version}"`)) return;
  throw new GatewayError('conflict', 'If-Match names another version than the current one. Read it and try again.');
}

/** Reads, changes, and does both again where somebody else was faster; whoever names a version is told instead. */
async function changing(
  resource: Resource,
  context: AdminContext,
  deps: AdminDeps,
  change: (seen: Tenant) => Promise<Changed>,
): Promise<Tenant> {
  const ifMatch = context.req.header('if-match');
  for (let left = TRIES; ; left--) {
    const seen = await found(resource, context, deps);
    requireMatch(ifMatch, seen);
    try {
      await settle(await change(seen), deps);
      return seen;
    } catch (thrown) {
      const overtaken = thrown instanceof GatewayError && thrown.code === 'conflict';
      if (!overtaken || left <= 1 || ifMatch !== undefined) throw thrown;
    }
  }
}

async function create(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const body = check(resource.create, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  const within = await findParents(db, namedIn(body));
  if ('problem' in within) throw invalid([within.problem]);
  const minted = resource.level === 'key' ? await mint(body, db, deps) : undefined;
  const draft = { ...draftOf(body, within.parents), id: minted?.id ?? `${resource.level}_${randomBase62(16)}` };
  const changed = await createTenant(
    db,
    resource.level,
    minted === undefined ? draft : { ...draft, ...minted.draft },
    byNow(context, deps),
  );
  await settle(changed, deps);
  const made = await readTenant(db, resource.level, draft.id, true);
  if (made === undefined) throw new GatewayError('internal', 'What was written cannot be read.');
  context.header('location', `/admin/v1/${resource.plural}/${draft.id}`);
  return answer(context, made, deps, 201, minted?.key);
}

const namedIn = (body: CreateBody): NamedParents => ({
  org: 'org' in body ? body.org : undefined,
  team: 'team' in body ? body.team : undefined,
  app: 'app' in body ? body.app : undefined,
});

async function mint(body: CreateBody, db: D1Database, deps: AdminDeps) {
  const environment = ('environment' in body ? body.environment : undefined) ?? deps.environment ?? 'live';
  const expiresAt = ('expiresAt' in body ? body.expiresAt : undefined) ?? null;
  const alias =
    'importedHash' in body && body.importedHash !== undefined ? await freeAlias(db, body.importedHash, deskOf(deps)) : undefined;
  const { id, key, seal } = await deskOf(deps).mint(environment);
  return { id, key, draft: { key: { environment, seal, ...(alias === undefined ? {} : { alias }) }, expiresAt } };
}

function draftOf(body: CreateBody, parents: Parents): Omit<Draft, 'id'> {
  const { name, limits = [], models = null, routes = null, ips = null, countries = null, metadata = {}, disabled = false } = body;
  return { name, limits, models, routes, ips, countries, metadata, disabled, parents };
}

async function list(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org, team, app, importedHash: hash, ...filters } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  if (hash !== undefined) {
    if (resource.level !== 'key') throw invalid([{ path: 'importedHash', message: 'is a filter of keys' }]);
    const one = await keyOfAlias(db, hash, deskOf(deps));
    return context.json({ items: one === undefined ? [] : [shownTenant(one, deps)], next: null });
  }
  const parents = await parentsOfList(db, { org, team, app });
  // What belongs to nobody is nothing: a filter that names nobody finds none.
  if (parents === undefined) return context.json(EMPTY_PAGE);
  const page = await listTenants(db, resource.level, { limit, cursor, filters: { ...filters, ...parents } });
  return context.json({ ...page, items: page.items.map((tenant) => shownTenant(tenant, deps)) });
}

async function read(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { deleted = false } = check(readQuery, context.req.query());
  return answer(context, await found(resource, context, deps, deleted), deps);
}

async function change(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const changes = defined(check(resource.change, (await readJson(context.req.raw)) ?? {}));
  const db = requireDb(deps);
  if (Object.keys(changes).length === 0) return answer(context, await found(resource, context, deps), deps);
  await changing(resource, context, deps, (seen) => changeTenant(db, resource.level, seen, changes, byNow(context, deps)));
  return answer(context, await found(resource, context, deps), deps);
}

/** Without what was not given: `undefined` changes nothing. */
function defined(changes: { readonly [field in keyof TenantRules]?: TenantRules[field] | undefined }): Partial<TenantRules> {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined));
}

async function remove(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const db = requireDb(deps);
  const { id } = await changing(resource, context, deps, (seen) => deleteTenant(db, resource.level, seen, byNow(context, deps)));
  return context.json({ id, deleted: true });
}

async function rotateRoute(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { overlap } = check(rotate, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  let secret: string | undefined;
  await changing(resource, context, deps, async (seen) => {
    if (seen.id === 'key_dev') {
      throw new GatewayError('invalid_request', 'This key is the secret WEIR_DEV_KEY: rotate it by setting another one.');
    }
    const { key, seal } = await deskOf(deps).mint(seen.environment ?? 'live', seen.id);
    secret = key;
    const by = byNow(context, deps);
    return rotateKey(db, seen, { seal, previousUntil: by.now + overlap }, by);
  });
  return answer(context, await found(resource, context, deps), deps, 200, secret);
}

const gone = z.strictObject({ id: z.string(), deleted: z.literal(true) });

function routesOf(resource: Resource): readonly AdminRoute[] {
  const { plural, word, shape, made } = resource;
  const one = `/${plural}/:id`;
  const a = /^[aeiou]/.test(word) ? 'an' : 'a';
  return [
    {
      method: 'POST',
      path: `/${plural}`,
      doc: { summary: `Make ${a} ${word}`, body: resource.create, status: 201, answer: made },
      handle: (context, deps) => create(resource, context, deps),
    },
    {
      method: 'GET',
      path: `/${plural}`,
      doc: { summary: `${word[0]?.toUpperCase()}${word.slice(1)}s, newest first`, query: listQuery, answer: pageShape(shape) },
      handle: (context, deps) => list(resource, context, deps),
    },
    {
      method: 'GET',
      path: one,
      doc: { summary: `One ${word}`, query: readQuery, answer: shape },
      handle: (context, deps) => read(resource, context, deps),
    },
    {
      method: 'PATCH',
      path: one,
      doc: { summary: `Change ${a} ${word}: what is given is replaced, null clears a list`, body: resource.change, answer: shape },
      handle: (context, deps) => change(resource, context, deps),
    },
    {
      method: 'DELETE',
      path: one,
      doc: { summary: `Delete ${a} ${word} for ever, and all below it`, answer: gone },
      handle: (context, deps) => remove(resource, context, deps),
    },
    ...(resource.level === 'key'
      ? [
          {
            method: 'POST',
            path: `${one}/rotate`,
            doc: { summary: 'Give a key a new secret', body: rotate, answer: keyOnce },
            handle: (context, deps) => rotateRoute(resource, context, deps),
          } satisfies AdminRoute,
        ]
      : []),
  ];
}

export const tenantRoutes: readonly AdminRoute[] = resources.flatMap(routesOf);
