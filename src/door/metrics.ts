import { requireToken } from '../admin/auth.ts';
import { GatewayError } from '../core/errors.ts';
import type { BoardPlace } from '../core/health/board.ts';
import { partsOf } from '../core/health/places.ts';
import type { Plan } from '../core/plan.ts';
import type { Clock } from '../core/ports.ts';
import { readChecks } from '../state/cache/checks.ts';
import { type McpTotals, readMcpTotals } from '../state/mcp-totals.ts';
import { readTotals, type Totals } from '../state/totals.ts';
import { mcpFamilies } from './mcp-metrics.ts';
import { family, grouped, type Histogram, histogramLines, type Labels, sample, sum, usdOf } from './metrics-text.ts';
import { type Gauge, semanticGauges } from './semantic-metrics.ts';

/** Text of the Prometheus exposition format, version 0.0.4. */
const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export interface MetricsDeps {
  readonly db?: D1Database | undefined;
  readonly adminToken?: string | undefined;
  /** A token that opens the metrics and nothing else. */
  readonly metricsToken?: string | undefined;
  /** How the places do that calls are sent to. */
  readonly health?: { seen(): Promise<readonly BoardPlace[]> } | undefined;
  readonly clock: Clock;
  plan(): Promise<Plan> | Plan;
}

/**
 * What all isolates have counted, as Prometheus scrapes it. There is no process here whose memory could hold counters:
 * they are sums of the log, kept beside it. Throws `missing_key`, `invalid_key`, `not_supported`.
 */
export async function metricsAnswer(request: Request, deps: MetricsDeps): Promise<Response> {
  const { db, adminToken, metricsToken, health, clock } = deps;
  await requireAny(request.headers.get('authorization'), [metricsToken, adminToken]);
  if (db === undefined)
    throw new GatewayError('not_supported', 'Metrics need the database, and none is bound. The operator binds a D1 database as DB.');
  const [{ totals, rowsDropped }, mcp, places, checks] = await Promise.all([
    readTotals(db),
    readMcpTotals(db),
    health?.seen(),
    readChecks(db, clock.now()),
  ]);
  const text = metricsText(totals, rowsDropped, places, semanticGauges(checks, await deps.plan()), mcp);
  return new Response(text, { headers: { 'content-type': CONTENT_TYPE, 'cache-control': 'no-store' } });
}

/** Closed where neither is set. */
async function requireAny(authorization: string | null, tokens: readonly (string | undefined)[]): Promise<void> {
  for (const token of tokens) {
    const fits = await requireToken(authorization ?? undefined, token).then(
      () => true,
      () => false,
    );
    if (fits) return;
  }
  const message = 'Metrics are told to who shows the secret WEIR_METRICS_TOKEN, or WEIR_ADMIN_TOKEN, as `Authorization: Bearer`.';
  throw new GatewayError(authorization === null ? 'missing_key' : 'invalid_key', message);
}

interface Family {
  readonly name: string;
  readonly type: 'counter' | 'histogram';
  readonly help: string;
  lines(name: string, all: readonly Totals[]): readonly string[];
}

/** Labels of what is not told apart by dialect and outcome: fewer series, each of which means something. */
const servedBy = ({ route, model }: Totals): Labels => ({ route, provider: providerOf(model), model });
const providerOf = (model: string): string => model.slice(0, Math.max(0, model.indexOf('/')));

function counter(name: string, help: string, value: (totals: Totals) => number): Family {
  const lines = (full: string, all: readonly Totals[]) =>
    grouped(all, servedBy).map(({ labels, of }) => sample(full, labels, String(sum(of.map(value)))));
  return { name, type: 'counter', help, lines };
}

function histogram(name: string, help: string, read: (totals: Totals) => Histogram): Family {
  const lines = (full: string, all: readonly Totals[]) =>
    grouped(all, servedBy).flatMap(({ labels, of }) => histogramLines(full, labels, of.map(read)));
  return { name, type: 'histogram', help, lines };
}

const KINDS = {
  input: 'input_tokens',
  output: 'output_tokens',
  cache_read: 'cache_read_tokens',
  cache_write: 'cache_write_tokens',
  reasoning: 'reasoning_tokens',
} as const;

const families: readonly Family[] = [
  {
    name: 'requests_total',
    type: 'counter',
    help: 'Calls that came with a valid key and have ended, by outcome.',
    lines: (name, all) =>
      all.map((totals) => {
        const { dialect, status, error } = totals;
        return sample(name, { ...servedBy(totals), dialect, status, error }, String(totals.requests));
      }),
  },
  counter('attempts_total', 'Calls to providers, failed ones too, by what served in the end.', ({ attempts }) => attempts),
  {
    name: 'tokens_total',
    type: 'counter',
    help: 'Tokens. Of input are cache_read and cache_write, of output is reasoning: add up input and output alone.',
    lines: (name, all) =>
      grouped(all, servedBy).flatMap(({ labels, of }) =>
        Object.entries(KINDS).map(([kind, column]) => sample(name, { ...labels, kind }, String(sum(of.map((totals) => totals[column]))))),
      ),
  },
  counter('tool_calls_total', 'Tool calls whose results calls brought, where a limit had them counted.', ({ tool_calls }) => tool_calls),
  {
    name: 'cost_usd_total',
    type: 'counter',
    help: 'What providers charge, in US dollars, where the price is known.',
    lines: (name, all) => grouped(all, servedBy).map(({ labels, of }) => sample(name, labels, usdOf(of.map(({ cost }) => cost)))),
  },
  counter('unpriced_requests_total', 'Calls that were served at a price that is not known.', ({ unpriced }) => unpriced),
  counter('cache_hits_total', 'Calls that were given an answer again, by who made it.', ({ cache_hits }) => cache_hits),
  counter('cache_misses_total', 'Calls that would have been, and were sent to a provider.', ({ cache_misses }) => cache_misses),
  {
    name: 'cache_saved_usd_total',
    type: 'counter',
    help: 'What the answers that were given again cost when they were made, in US dollars, where the price is known.',
    lines: (name, all) =>
      grouped(all, servedBy).map(({ labels, of }) => sample(name, labels, usdOf(of.map(({ cache_saved }) => String(cache_saved))))),
  },
  {
    name: 'prompt_cache_saved_usd_total',
    type: 'counter',
    help: 'What input that providers read from their prompt caches would have cost more without them, in US dollars.',
    lines: (name, all) =>
      grouped(all, servedBy).map(({ labels, of }) => sample(name, labels, usdOf(of.map((totals) => String(totals.prompt_cache_saved))))),
  },
  {
    name: 'prompt_cache_surcharge_usd_total',
    type: 'counter',
    help: 'What providers charged on top for writing to their prompt caches, in US dollars.',
    lines: (name, all) =>
      grouped(all, servedBy).map(({ labels, of }) =>
        sample(name, labels, usdOf(of.map((totals) => String(totals.prompt_cache_surcharge)))),
      ),
  },
  histogram('request_duration_seconds', 'Until the last byte of the answer had left.', ({ durations, requests, duration_ms }) => ({
    counts: durations,
    count: requests,
    milliseconds: duration_ms,
  })),
  histogram('time_to_first_token_seconds', 'Until the first content came from a provider.', (totals) => ({
    counts: totals.first_token_waits,
    count: totals.first_tokens,
    milliseconds: totals.first_token_ms,
  })),
];

const STATES = { closed: '0', 'half-open': '1', open: '2' } as const;

/** What is now, and no sum of anything: as isolates told each other. */
function gauges(places: readonly BoardPlace[]): readonly string[] {
  const of = (value: (place: BoardPlace) => string | undefined, name: string) =>
    places.flatMap((each) => {
      const said = value(each);
      return said === undefined ? [] : [sample(name, { ...partsOf(each.place) }, said)];
    });
  const seconds = ({ pace }: BoardPlace) => (pace.firstTokenMs === undefined ? undefined : String(Math.round(pace.firstTokenMs) / 1000));
  const state = 'weir_target_state';
  const wait = 'weir_target_first_token_seconds';
  return [
    ...family(
      state,
      'gauge',
      'Whether a place is asked: 0 yes, 1 by one call that finds out, 2 no.',
      of((each) => STATES[each.state], state),
    ),
    ...family(wait, 'gauge', 'How long a place takes to its first content: up at once with a slow answer, down slowly.', of(seconds, wait)),
  ];
}

/** The whole of a scrape. */
export function metricsText(
  all: readonly Totals[],
  rowsDropped: number,
  places: readonly BoardPlace[] = [],
  more: readonly Gauge[] = [],
  mcp: readonly McpTotals[] = [],
): string {
  const described = families.flatMap(({ name, type, help, lines }) => family(`weir_${name}`, type, help, lines(`weir_${name}`, all)));
  const dropped = 'weir_log_rows_dropped_total';
  const help = 'Calls that the log lacks because the database did not take their rows in time; they are in no other count.';
  const lost = family(dropped, 'counter', help, [sample(dropped, {}, String(rowsDropped))]);
  const others = more.flatMap(({ name, help: about, samples }) =>
    family(
      `weir_${name}`,
      'gauge',
      about,
      samples.map(({ labels, value }) => sample(`weir_${name}`, labels, String(value))),
    ),
  );
  return `${[...described, ...mcpFamilies(mcp), ...lost, ...gauges(places), ...others].join('\n')}\n`;
}
