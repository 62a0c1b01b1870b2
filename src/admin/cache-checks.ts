import { z } from 'zod';
import { type Checks, NO_CHECKS, type Proof, proofsOf, standingOf } from '../core/cache/checks.ts';
import type { Plan } from '../core/plan.ts';
import { readChecks, resetChecks } from '../state/cache/checks.ts';
import { pageOf, readCursor } from '../state/paging.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, pageShape, paging, readJson } from './input.ts';
import { findParents } from './resources/find.ts';
import { trailOf } from './trail.ts';

const name = z.string().min(1).max(256).optional();
const filter = { org: name.describe('Id or name.'), route: name.describe('As the configuration names it.') };

const listQuery = z.strictObject({ ...paging, ...filter });
const resetBody = z.strictObject(filter).describe('Whose checks begin anew; what is left out stands for all.');

const count = z.int();
const item = z.strictObject({
  route: z.string(),
  org: z.string().nullable().describe('Null where nothing was counted yet.'),
  mode: z.enum(['shadow', 'verify', 'on']).nullable().describe('Null where the route gives nothing by meaning any more.'),
  serves: z.boolean().describe('Whether answers are given by meaning now.'),
  why: z
    .enum(['shadow', 'wrong', 'off'])
    .nullable()
    .describe('Why they are not: the route only looks, too many were wrong, it is not configured.'),
  hits: count.describe('Calls that were given one, in the last thirty days, as all of these.'),
  checked: count.describe('Of which it is known whether the answer was right.'),
  wrong: count.describe('Of `checked`: it was not.'),
  unsure: count.describe('Compared without a verdict: in neither of the two.'),
  asked: count.describe('Calls that were made once more to find out.'),
  wrongShare: z
    .strictObject({ low: z.number(), high: z.number() })
    .describe('Within which the share of wrong answers lies: the Wilson interval, 95 %.'),
  maxWrong: z.number().nullable(),
  minChecks: z.int().nullable(),
});

type Item = z.output<typeof item>;

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, org, route } = check(listQuery, context.req.query());
  const db = requireDb(deps);
  const wanted = await orgOf(db, org);
  const counted = await readChecks(db, deps.clock.now(), wanted);
  const after = readCursor(cursor, ['string'])?.[0] ?? '';
  const items = itemsOf(deps.planSource.current(), counted)
    .filter((each) => (route === undefined || each.route === route) && (wanted === undefined || each.org === wanted))
    .map((each) => ({ each, at: JSON.stringify([each.route, each.org]) }))
    .filter(({ at }) => at > after)
    .toSorted((one, other) => (one.at < other.at ? -1 : 1));
  const page = pageOf(items.slice(0, limit + 1), limit, ({ at }) => [at]);
  return context.json({ items: page.items.map(({ each }) => each), next: page.next });
}

type Counted = Checks & { readonly org: string; readonly route: string };

/** What was counted, and the routes of which nothing was yet. */
function itemsOf(plan: Plan, counted: readonly Counted[]): readonly Item[] {
  const proofs = proofsOf(plan);
  const known = new Set(counted.map(({ route }) => route));
  return [
    ...counted.map((each) => itemOf(each.route, each.org, each, proofs.get(each.route))),
    ...[...proofs].flatMap(([route, proof]) => (known.has(route) ? [] : [itemOf(route, null, NO_CHECKS, proof)])),
  ];
}

function itemOf(route: string, org: string | null, checks: Checks, proof: Proof | undefined): Item {
  const { hits, checked, wrong, unsure, asked } = checks;
  const { serves, why, wrongShare } = standingOf(checks, proof ?? { mode: 'shadow', maxWrong: 0, minChecks: 0 });
  return {
    ...{ route, org, mode: proof?.mode ?? null, serves, why: proof === undefined ? 'off' : (why ?? null) },
    ...{ hits, checked, wrong, unsure, asked },
    wrongShare,
    maxWrong: proof?.maxWrong ?? null,
    minChecks: proof?.minChecks ?? null,
  };
}

async function orgOf(db: D1Database, org: string | undefined): Promise<string | undefined> {
  if (org === undefined) return undefined;
  const found = await findParents(db, { org });
  if ('problem' in found) throw invalid([found.problem]);
  return found.parents.org;
}

async function reset(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { org, route } = check(resetBody, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  const owner = await orgOf(db, org);
  const scope = { ...(owner === undefined ? {} : { org: owner }), ...(route === undefined ? {} : { route }) };
  await trailOf(context, deps).elsewhere({ action: 'cache.reset', subject: 'cache', org: owner, detail: scope }, () =>
    resetChecks(db, scope),
  );
  return context.json({ reset: true, ...scope });
}

export const cacheCheckRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/cache',
    doc: {
      summary: 'How many of the answers that are given by meaning are wrong, of each route, and whether it gives any',
      query: listQuery,
      answer: pageShape(item),
    },
    handle: list,
  },
  {
    method: 'POST',
    path: '/cache/reset',
    doc: {
      summary: 'Forget what came of answers that were given by meaning, so that a route that was stopped begins anew',
      body: resetBody,
      answer: z.strictObject({ reset: z.literal(true), ...filter }),
    },
    handle: reset,
  },
];
