import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { isObject, type JsonObject } from '../core/json.ts';
import { readTenant } from '../state/tenants/reads.ts';
import { orgOf } from '../state/tenants/tenant.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, type ExplainAsk, requireDb } from './deps.ts';
import { explanation } from './explanation.ts';
import { check, invalid, readJson } from './input.ts';
import { findParents } from './resources/find.ts';

const name = z.string().min(1).max(128).optional();

const explainBody = z.strictObject({
  path: z
    .string()
    .max(2_048)
    .regex(/^\/[^/\\]/, { error: 'must be a path of this gateway' })
    .default('/v1/chat/completions')
    .describe('Where the call would go.'),
  headers: z.record(z.string(), z.string()).default({}).describe('Of the call. No credential is needed: `key` or `app` says whose it is.'),
  body: z.custom<JsonObject>(isObject, { error: 'must be an object' }).describe('Of the call, as its client would send it.'),
  key: name.describe('Id of the key it would come with.'),
  app: name.describe('Id or name of the app it would come from. Without `key` and `app` nothing limits the call.'),
  team: name.describe('Where several teams have an app of that name.'),
  org: name.describe('Where several organisations have one; a key must be of this one.'),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/)
    .optional()
    .describe('Where it would come from: ISO 3166-1 alpha-2.'),
});

type Named = Pick<z.output<typeof explainBody>, 'key' | 'app' | 'team' | 'org'>;

async function explain(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { explain: find } = deps;
  if (find === undefined) throw new GatewayError('not_supported', 'Nobody here can say what becomes of calls.');
  const { path, headers, body, country, ...named } = check(explainBody, (await readJson(context.req.raw)) ?? {});
  const as = await whose(named, deps);
  const asked = { path, headers: headersOf(headers), body, country, ...(as === undefined ? {} : { as }) };
  const explained = await find(asked, (work) => context.executionCtx.waitUntil(work)).catch((thrown: unknown) => {
    throw asOfCall(GatewayError.from(thrown));
  });
  return context.json(explained);
}

/** What the caller would be told: it is the call that cannot be handled, and not the question. */
function asOfCall(error: GatewayError): GatewayError {
  if (error.fault !== 'client' && error.code !== 'not_supported') return error;
  return new GatewayError(error.code, error.message, { ...error.details, status: 422 });
}

function headersOf(given: { readonly [name: string]: string }): Headers {
  try {
    return new Headers(given);
  } catch {
    throw invalid([{ path: 'headers', message: 'has a name or a value that no header can have' }]);
  }
}

/** Throws `not_found` for a key that is none, or another organisation's than the one that is named. */
async function whose({ key, ...parents }: Named, deps: AdminDeps): Promise<ExplainAsk['as']> {
  if (key !== undefined && parents.app !== undefined)
    throw invalid([{ path: 'app', message: 'is not for calls with a `key`, which belongs to one' }]);
  if (key === undefined && parents.app === undefined) {
    if (parents.org !== undefined || parents.team !== undefined)
      throw invalid([{ path: 'app', message: 'is needed beside `org` and `team`' }]);
    return undefined;
  }
  const db = requireDb(deps);
  const found = await findParents(db, parents);
  if ('problem' in found) throw invalid([found.problem]);
  const { org, team, app } = found.parents;
  if (key === undefined) return app === undefined ? undefined : { app };
  const tenant = await readTenant(db, 'key', key);
  if (tenant === undefined || (org !== undefined && orgOf(tenant) !== org) || (team !== undefined && tenant.team !== team)) {
    throw new GatewayError('not_found', 'There is no key of this id.');
  }
  return { key };
}

export const explainRoutes: readonly AdminRoute[] = [
  {
    method: 'POST',
    path: '/explain',
    doc: { summary: 'What would become of a call: nothing is sent, counted or kept', body: explainBody, answer: explanation },
    handle: explain,
  },
];
