import type { OutcomeStatus, RequestRecord } from '../core/ports.ts';
import { type Page, type PageRequest, pageOf, readCursor } from './paging.ts';
import { type Clause, conditionsOf, type RecordFilters, where } from './record-filters.ts';
import { type RecordRow, recordColumns, recordOf } from './record-row.ts';
import { SUMS, type SumRow, sumsOf, type Tokens } from './usage-report.ts';

/** The calls of one app that name the same run, and what they came to. */
export interface RunItem {
  readonly run: string;
  /** `null` of calls that were logged before rows said whose they were. */
  readonly org: string | null;
  readonly team: string | null;
  readonly app: string | null;
  /** When the first call came, and when the last one that has ended so far ended; milliseconds since the epoch. */
  readonly firstAt: number;
  readonly lastAt: number;
  readonly calls: number;
  readonly errors: number;
  readonly attempts: number;
  readonly tokens: Tokens;
  readonly toolCalls: number | null;
  /** Nano-dollars. */
  readonly cost: number;
  readonly unpriced: number;
  /** `provider/model` that served, in the order of the alphabet. */
  readonly models: readonly string[];
  /** How the call that came last ended. */
  readonly status: OutcomeStatus;
}

/** Whose runs; and by the call of each that came last, from when until when. */
export type RunFilters = Pick<RecordFilters, 'org' | 'team' | 'app' | 'since' | 'until'>;

interface RunRow extends SumRow {
  readonly run: string;
  readonly org: string | null;
  readonly team: string | null;
  readonly app: string | null;
  readonly first_at: number;
  readonly last_at: number;
  readonly models: string;
  readonly status: OutcomeStatus;
  readonly came_at: number;
  readonly came_id: string;
}

/** What makes calls one run. Rows of before an app was logged belong to none, which is one too. */
const SAME_RUN = 'each.run = last.run AND each.org IS last.org AND each.app IS last.app';

/** That a call is the one of its run that came last: so runs are walked backwards in time, and no further than a page. */
const IS_LAST: Clause = {
  sql: `run IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM requests AS each WHERE ${SAME_RUN} AND (each.started_at, each.id) > (last.started_at, last.id))`,
  bound: [],
};

/** The runs whose last calls these are, the newest first. Only their own calls are summed. */
async function readRuns(db: D1Database, clauses: readonly Clause[], limit: number): Promise<readonly RunRow[]> {
  const narrowed = where([...clauses, IS_LAST]);
  const { results } = await db
    .prepare(
      `WITH last AS MATERIALIZED (
         SELECT run, org, team, app, status, started_at AS came_at, id AS came_id FROM requests AS last${narrowed.sql}
         ORDER BY started_at DESC, id DESC LIMIT ?
       )
       SELECT last.*, MIN(each.started_at) AS first_at, MAX(each.started_at + each.duration_ms) AS last_at, ${SUMS},
         json_group_array(DISTINCT each.served_model) FILTER (WHERE each.served_model IS NOT NULL) AS models
       FROM last JOIN requests AS each ON ${SAME_RUN}
       GROUP BY came_at, came_id ORDER BY came_at DESC, came_id DESC`,
    )
    .bind(...narrowed.bound, limit)
    .all<RunRow>();
  return results;
}

function runOf(row: RunRow): RunItem {
  const models: unknown = JSON.parse(row.models);
  return {
    run: row.run,
    org: row.org,
    team: row.team,
    app: row.app,
    firstAt: row.first_at,
    lastAt: row.last_at,
    ...sumsOf(row),
    models: Array.isArray(models) ? models.map(String).sort() : [],
    status: row.status,
  };
}

/** Runs, the one whose last call came last first. Throws `invalid_request` on a cursor that is none. */
export async function listRuns(db: D1Database, request: PageRequest & { readonly filters: RunFilters }): Promise<Page<RunItem>> {
  const position = readCursor(request.cursor, ['number', 'string']);
  const after = position === undefined ? [] : [{ sql: '(started_at, id) < (?, ?)', bound: position }];
  const rows = await readRuns(db, [...after, ...conditionsOf(request.filters)], request.limit + 1);
  const page = pageOf(rows, request.limit, ({ came_at, came_id }) => [came_at, came_id]);
  return { ...page, items: page.items.map(runOf) };
}

/** The runs of this name: several apps may each have one. Two at most are told. */
export async function findRuns(
  db: D1Database,
  run: string,
  filters: Pick<RecordFilters, 'org' | 'team' | 'app'>,
): Promise<readonly RunItem[]> {
  return (await readRuns(db, conditionsOf({ ...filters, run }), 2)).map(runOf);
}

/** The calls of a run, in the order in which they came. Throws `invalid_request` on a cursor that is none. */
export async function listRunRecords(
  db: D1Database,
  { run, org, app }: Pick<RunItem, 'run' | 'org' | 'app'>,
  request: PageRequest,
): Promise<Page<RequestRecord>> {
  const position = readCursor(request.cursor, ['number', 'string']);
  const { results } = await db
    .prepare(
      `SELECT ${recordColumns.join(', ')} FROM requests WHERE run = ? AND org IS ? AND app IS ?
       ${position === undefined ? '' : 'AND (started_at, id) > (?, ?)'} ORDER BY started_at, id LIMIT ?`,
    )
    .bind(run, org, app, ...(position ?? []), request.limit + 1)
    .all<RecordRow>();
  return pageOf(results.map(recordOf), request.limit, ({ startedAt, id }) => [startedAt, id]);
}
