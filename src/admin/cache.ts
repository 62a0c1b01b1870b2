import { z } from 'zod';
import { purge } from '../state/cache/purges.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, requireDb } from './deps.ts';
import { check, invalid, readJson } from './input.ts';
import { findParents } from './resources/find.ts';
import { trailOf } from './trail.ts';

const name = z.string().min(1).max(256).optional();

const purgeBody = z.strictObject({
  key: name.describe('Of one answer, as the request log shows it.'),
  tag: name.describe('One of `tags` of the policy that kept the answers.'),
  model: name.describe('As calls ask for it.'),
  app: name.describe('Id or name.'),
  team: name.describe('Where several teams have an app of that name.'),
  org: name.describe('Id or name.'),
});

async function purgeAnswers(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { key, tag, model, app, team, org } = check(purgeBody, (await readJson(context.req.raw)) ?? {});
  const db = requireDb(deps);
  const found = await findParents(db, { app, team, org });
  if ('problem' in found) throw invalid([found.problem]);
  if (team !== undefined && app === undefined) throw invalid([{ path: 'team', message: 'says whose app is meant: name the app too' }]);
  const { parents } = found;
  const scope = Object.fromEntries(
    Object.entries({ key, tag, model, app: parents.app, org: parents.org }).flatMap(([field, value]) =>
      value === undefined ? [] : [[field, value]],
    ),
  );
  const owner = parents.org === undefined ? {} : { org: parents.org };
  await trailOf(context, deps).elsewhere({ action: 'cache.purge', subject: 'cache', ...owner, detail: scope }, () =>
    purge(db, scope, deps.clock.now()),
  );
  return context.json({ purged: true, ...scope });
}

export const cacheRoutes: readonly AdminRoute[] = [
  {
    method: 'DELETE',
    path: '/cache',
    doc: {
      summary: 'Throw away answers that would be given again, everywhere within a second: those that fit all that is said, or every one',
      body: purgeBody,
      answer: z.strictObject({ purged: z.literal(true), key: name, tag: name, model: name, app: name, org: name }),
    },
    handle: purgeAnswers,
  },
];
