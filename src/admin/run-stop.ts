import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { runSubject } from '../core/ledger/runs.ts';
import { findRuns } from '../state/runs.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, readJson } from './input.ts';
import { findParents } from './resources/find.ts';
import { trailOf } from './trail.ts';

const name = z.string().min(1).max(128).optional();

const stopBody = z.strictObject({
  app: name.describe('Id or name of the app whose run it is; needed where no call of it has ended yet, or several apps have one.'),
  team: name.describe('Where several teams have an app of that name.'),
  org: name.describe('Where several organisations have one.'),
});

async function stop(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const run = context.req.param('id') ?? '';
  const body = check(stopBody, (await readJson(context.req.raw)) ?? {});
  const { org, app } = await ownerOf(run, body, requireDb(deps));
  const { ledger } = deps;
  await trailOf(context, deps).elsewhere({ action: 'run.stop', subject: run, org, detail: { app } }, async () =>
    ledger?.(org).stop(runSubject(app, run)),
  );
  return context.json({ run, org, app, stopped: true });
}

/** Whose run it is: whom the body names, or the one app whose calls have named it. */
async function ownerOf(run: string, named: z.output<typeof stopBody>, db: D1Database) {
  const found = await findParents(db, named);
  if ('problem' in found) throw invalid([found.problem]);
  const { org, app } = found.parents;
  if (org !== undefined && app !== undefined) return { org, app };
  const [known, another] = await findRuns(db, run, found.parents);
  if (another !== undefined) throw invalid([{ path: 'app', message: 'is needed: several apps have a run of this name' }]);
  if (known === undefined || known.org === null || known.app === null) {
    throw new GatewayError('not_found', 'No call of this run has ended yet. Name the app whose run it is, as `app`.');
  }
  return { org: known.org, app: known.app };
}

export const runStopRoutes: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/runs/:id/stop',
    doc: {
      summary: 'Stop a run for good: its streams end, and its calls are refused',
      body: stopBody,
      answer: z.strictObject({ run: z.string(), org: z.string(), app: z.string(), stopped: z.literal(true) }),
    },
    handle: stop,
  },
];
