import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { BoardPlace } from '../core/health/board.ts';
import { isMeant, partsOf } from '../core/health/places.ts';
import { pageOf, readCursor } from '../state/paging.ts';
import type { AdminContext, AdminDeps, AdminRoute, HealthControl } from './deps.ts';
import { check, pageShape, paging, readJson } from './input.ts';
import { trailOf } from './trail.ts';

const part = z.string().min(1).max(512).optional();
const filter = {
  provider: part.describe("A provider's id."),
  model: part.describe("The provider's own name of a model."),
  credential: part.describe("A credential's name: `key`, `1`, `2`, …, or `own` where callers bring theirs."),
};

const listQuery = z.strictObject({
  ...paging,
  ...filter,
  state: z.enum(['closed', 'half-open', 'open']).optional(),
});

const resetBody = z.strictObject(filter).describe('What is to be asked again; what is left out stands for all.');

const headroom = z.strictObject({
  requests: z.number().optional().describe('Calls that the provider said are left, less what was sent since.'),
  tokens: z.number().optional(),
});

const item = z.strictObject({
  provider: z.string(),
  model: z.string(),
  credential: z.string().describe('Its name, never itself.'),
  state: z.enum(['closed', 'half-open', 'open']).describe('Open: not asked. Half-open: one call finds out whether it answers again.'),
  why: z.string().nullable().describe('The code of the error for which it is not asked; `upstream_rate_limited` where it only rests.'),
  failures: z.int().describe('Failures in a row.'),
  since: z.int().describe('When it came to stand as it does; milliseconds since the epoch.'),
  retryAt: z.int().nullable().describe('When it may be asked again, where it may not be now.'),
  firstTokenMs: z.number().nullable().describe('To the first content: rises at once with a slow answer and falls slowly.'),
  firstTokenP95: z.number().nullable().describe('Within which 19 of 20 answers began; null before there were 20.'),
  tokensPerSecond: z.number().nullable(),
  inFlight: z.int().describe('Calls under way from the isolate that told last.'),
  headroom: headroom.nullable(),
});

type Item = z.output<typeof item>;

async function list(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const { limit, cursor, state, ...named } = check(listQuery, context.req.query());
  const after = readCursor(cursor, ['string'])?.[0] ?? '';
  const seen = (await controlOf(deps).seen()).filter(
    (each) => each.place > after && isMeant(each.place, named) && (state === undefined || each.state === state),
  );
  const page = pageOf(seen.slice(0, limit + 1), limit, ({ place }) => [place]);
  return context.json({ items: page.items.map(itemOf), next: page.next });
}

function itemOf({ place, state, why, failures, since, retryAt, pace }: BoardPlace): Item {
  return {
    ...partsOf(place),
    state,
    why: why ?? null,
    failures,
    since: Math.round(since),
    retryAt: retryAt === undefined ? null : Math.ceil(retryAt),
    firstTokenMs: pace.firstTokenMs ?? null,
    firstTokenP95: pace.firstTokenP95 ?? null,
    tokensPerSecond: pace.tokensPerSecond ?? null,
    inFlight: pace.inFlight,
    headroom: pace.headroom ?? null,
  };
}

async function reset(context: AdminContext, deps: AdminDeps): Promise<Response> {
  const named = check(resetBody, (await readJson(context.req.raw)) ?? {});
  const control = controlOf(deps);
  await trailOf(context, deps).elsewhere({ action: 'health.reset', subject: 'health', detail: { ...named } }, () => control.reset(named));
  return context.json({ reset: true, ...named });
}

function controlOf({ health }: AdminDeps): HealthControl {
  if (health === undefined) throw new GatewayError('not_supported', 'This gateway does not watch how its providers do.');
  return health;
}

export const healthRoutes: readonly AdminRoute[] = [
  {
    method: 'GET',
    path: '/health',
    doc: { summary: 'How the places do that calls are sent to, by their names', query: listQuery, answer: pageShape(item) },
    handle: list,
  },
  {
    method: 'POST',
    path: '/health/reset',
    doc: {
      summary: 'Ask places again that have failed or rest, everywhere within a second',
      body: resetBody,
      answer: z.strictObject({ reset: z.literal(true), ...filter }),
    },
    handle: reset,
  },
];
