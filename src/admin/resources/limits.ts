import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { isObject, type Json } from '../../core/json.ts';
import { type Limit, meterAt, readLimit, type Subjects } from '../../core/ledger/limits.ts';
import { type Level, levels, meterKey, type Take, type Unit } from '../../core/ledger/take.ts';
import { formatUsd, nanoUsd } from '../../core/money.ts';
import { readTenant } from '../../state/tenants/reads.ts';
import { orgOf, type Tenant } from '../../state/tenants/tenant.ts';
import { type AdminContext, type AdminDeps, type AdminRoute, type OrgLedger, requireDb } from '../deps.ts';
import { check } from '../input.ts';
import { type Resource, resources } from './resource.ts';
import { limit } from './shapes.ts';

const each = z.string().min(1).max(256).optional();

/** What limits that count for each user, run … of their own are looked up for. */
const query = z.strictObject({
  user: each.describe('Whose limits per user: as calls name it.'),
  run: each.describe('Of which run.'),
  session: each.describe('Of which session with an MCP server, by its id.'),
  model: each.describe('Of which model, as provider/model; of which tool, as mcp/route/tool.'),
  provider: each.describe('Of which provider.'),
  org: each.describe('By id.'),
  team: each.describe('By id.'),
  app: each.describe('By id.'),
  key: each.describe('By id.'),
} satisfies { readonly [level in Level]: z.ZodType });

const amount = z.number().min(0).nullable();

const standingLimit = z.object({
  ...limit.shape,
  each: z.string().nullable().describe('The user, run … of the query that is counted; null where all count together, or none was named.'),
  used: amount.describe('Settled; dollars for usd. null: it counts for each user, run … and the query names none.'),
  held: amount.describe('Held by calls that have not ended; of rates they are in `used`.'),
  remaining: amount,
  resetsAt: z
    .int()
    .nullable()
    .describe('When nothing is used any more: milliseconds since the epoch; null where time alone changes nothing.'),
});

const shape = z.strictObject({ items: z.array(standingLimit) });

/** A limit as it was written and as it holds. */
interface Stands {
  readonly written: { readonly [field: string]: Json | undefined };
  readonly limit: Limit;
  readonly each: string | null;
  /** Absent where the query does not say whose. */
  readonly take?: Take;
}

async function list(resource: Resource, context: AdminContext, deps: AdminDeps): Promise<Response> {
  const subjects = named(check(query, context.req.query()));
  const tenant = await readTenant(requireDb(deps), resource.level, context.req.param('id') ?? '');
  if (tenant === undefined) throw new GatewayError('not_found', `There is no ${resource.word} of this id.`);
  const all = tenant.limits.map((written) => stands(resource, tenant, written, subjects));
  const counted = all.flatMap(({ take }) => take ?? []);
  // A ledger is not asked, nor made, for what nothing limits.
  const found = counted.length === 0 ? new Map<string, Counted>() : await look(ledgerOf(tenant, deps), counted);
  return context.json({ items: all.map((each) => shown(each, found)) });
}

function named(given: { readonly [level in Level]?: string | undefined }): Subjects {
  return Object.fromEntries(levels.flatMap((level) => (given[level] === undefined ? [] : [[level, given[level]]])));
}

function stands({ level }: Resource, { id }: Tenant, written: Json, subjects: Subjects): Stands {
  const read = readLimit(written);
  if ('problem' in read || !isObject(written)) throw new GatewayError('internal', 'A limit that is stored cannot be read.');
  const { per } = read;
  const subject = per === undefined || per === level ? null : subjects[per];
  if (subject === undefined) return { written, limit: read, each: null };
  const meter = meterAt(read, level, id, subjects);
  return { written, limit: read, each: subject, ...(meter === undefined ? {} : { take: { ...meter, amount: 0 } }) };
}

function ledgerOf(tenant: Tenant, { ledger }: AdminDeps): OrgLedger {
  if (ledger === undefined)
    throw new GatewayError('not_supported', 'Nothing counts limits: no ledger is bound. The operator binds LEDGER.');
  return ledger(orgOf(tenant));
}

interface Counted {
  readonly used: number;
  readonly held: number;
  readonly resetsAt?: number | undefined;
}

/** What stands at the meters, by meter: several limits may have the same one. */
async function look(ledger: OrgLedger, takes: readonly Take[]): Promise<ReadonlyMap<string, Counted>> {
  const byMeter = new Map(takes.map((take) => [meterKey(take), take]));
  const { standings, held } = await ledger.look([...byMeter.values()]);
  return new Map(
    [...byMeter.keys()].map((key, at) => {
      const { used = 0, resetsAt } = standings[at] ?? {};
      const waiting = held[at] ?? 0;
      return [key, { used: used - waiting, held: waiting, resetsAt }];
    }),
  );
}

function shown({ written, limit: { unit, limit: most, burst }, each: subject, take }: Stands, found: ReadonlyMap<string, Counted>) {
  const counted = take === undefined ? undefined : found.get(meterKey(take));
  const numbers =
    counted === undefined
      ? { used: null, held: null, remaining: null, resetsAt: null }
      : {
          used: amountIn(unit, counted.used),
          held: amountIn(unit, counted.held),
          remaining: amountIn(unit, Math.max(0, (burst ?? most) - counted.used - counted.held)),
          resetsAt: counted.resetsAt ?? null,
        };
  return { ...written, each: subject, ...numbers };
}

const amountIn = (unit: Unit, value: number): number => (unit === 'usd' ? Number(formatUsd(nanoUsd(value))) : value);

export const limitRoutes: readonly AdminRoute[] = resources.map((resource) => ({
  method: 'GET',
  path: `/${resource.plural}/:id/limits`,
  doc: { summary: `The limits of one ${resource.word}, with what is used, held and left of each`, query, answer: shape },
  handle: (context, deps) => list(resource, context, deps),
}));
