import { z } from 'zod';
import { redact } from '../config/redact.ts';
import { jsonSchema } from '../config/schema.ts';
import { GatewayError } from '../core/errors.ts';
import type { Plan } from '../core/plan.ts';
import { listRevisions, movePointer, publish, readDocument, readHead, readReplaced } from '../state/revisions.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, flag, pageShape, paging, readJson } from './input.ts';
import { trailOf } from './trail.ts';

async function read(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const revision = deps.db === undefined ? 0 : (await readHead(deps.db)).pointer;
  return shown(context, revision, await documentOf(revision, deps));
}

/** A revision as every answer shows it: literal keys hidden, the revision as its entity tag. */
function shown(context: AdminContext, revision: number, document: unknown): Response {
  return context.json({ revision, document: redact(document) }, 200, { etag: `"${revision}"` });
}

async function documentOf(revision: number, { db, planSource }: AdminDeps): Promise<unknown> {
  if (revision === 0) return planSource.bundled;
  return db === undefined ? undefined : readDocument(db, revision);
}

const putQuery = z.strictObject({ dryRun: flag, note: z.string().max(200).optional() });

async function put(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { dryRun, note } = check(putQuery, context.req.query());
  const document = await readJson(context.req.raw);
  if (document === undefined) throw new GatewayError('invalid_json', 'The body must be the configuration document as JSON.');
  if (dryRun) return context.json(tryOut(document, deps));
  const db = requireDb(deps);
  const head = await readHead(db);
  requireMatch(context.req.header('if-match'), head.pointer);
  const plan = deps.planSource.compile(document, head.latest + 1);
  await publish(db, { ...head, document, trail: trailOf(context, deps), note, now: deps.clock.now() });
  deps.planSource.adopt(plan);
  return shown(context, plan.revision, document);
}

/** What publishing the document would say, without doing it. */
function tryOut(document: unknown, { planSource }: AdminDeps) {
  try {
    planSource.compile(document, 0);
    return { valid: true, problems: [] };
  } catch (thrown) {
    const problems = thrown instanceof GatewayError ? thrown.details.problems : undefined;
    if (problems === undefined) throw thrown;
    return { valid: false, problems };
  }
}

/** RFC 9110 §13.1.1: `*`, or a list of strong entity tags of which one must be the current one. */
function requireMatch(ifMatch: string | undefined, revision: number): void {
  if (ifMatch === undefined) return;
  const tags = ifMatch.split(',').map((tag) => tag.trim());
  if (tags.includes('*') || tags.includes(`"${revision}"`)) return;
  throw new GatewayError('conflict', `If-Match names another revision than the current one, ${revision}. Read it and try again.`);
}

const rollbackBody = z.strictObject({ revision: z.int().min(0).optional() });

async function rollback(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const asked = check(rollbackBody, (await readJson(context.req.raw)) ?? {}).revision;
  const db = requireDb(deps);
  const { pointer } = await readHead(db);
  requireMatch(context.req.header('if-match'), pointer);
  const to = asked ?? (await readReplaced(db, pointer));
  if (to === undefined) throw new GatewayError('invalid_request', 'The bundled revision is served: there is none before it.');
  const document = await documentOf(to, deps);
  if (document === undefined) throw new GatewayError('not_found', `There is no revision ${to}.`);
  const plan: Plan = deps.planSource.compile(document, to);
  await movePointer(db, { from: pointer, to, trail: trailOf(context, deps), now: deps.clock.now() });
  deps.planSource.adopt(plan);
  return shown(context, to, document);
}

async function revisions(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const query = check(z.strictObject(paging), context.req.query());
  return context.json(await listRevisions(requireDb(deps), query));
}

function schema(context: AdminContext, { rolls }: AdminDeps): Response {
  return context.json(jsonSchema(rolls), 200, { 'content-type': 'application/schema+json' });
}

const shownDocument = z.object({ revision: z.int(), document: z.looseObject({}) });

const revisionInfo = z.object({
  revision: z.int(),
  author: z.string(),
  note: z.string().nullable(),
  createdAt: z.int().nullable(),
  current: z.boolean(),
});

export const configRoutes: readonly AdminRoute[] = [
  { method: 'GET', path: '/config', doc: { summary: 'The configuration that is served', answer: shownDocument }, handle: read },
  {
    method: 'PUT',
    path: '/config',
    doc: {
      summary: 'Publish a configuration as the next revision; with dryRun, only check it',
      query: putQuery,
      body: z.looseObject({}).describe('The document; its schema is at /config/schema.'),
      answer: shownDocument,
    },
    handle: put,
  },
  {
    method: 'POST',
    path: '/config/rollback',
    doc: { summary: 'Serve an earlier revision again', body: rollbackBody, answer: shownDocument },
    handle: rollback,
  },
  {
    method: 'GET',
    path: '/config/revisions',
    doc: { summary: 'Every revision, newest first', query: z.strictObject(paging), answer: pageShape(revisionInfo) },
    handle: revisions,
  },
  { method: 'GET', path: '/config/schema', doc: { summary: 'The JSON Schema of the configuration' }, handle: schema },
];
