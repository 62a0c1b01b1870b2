import { type Checks, type Counted, type HitChecks, NO_CHECKS } from '../../core/cache/checks.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';

const DAY = 86_400_000;
/** Days of which the checks count, today included. */
const DAYS = 30;
/** Milliseconds for which what was read is good enough, and for which it is still gone by while it is read again. */
const FRESH = 1_000;
const USABLE = 5_000;
/** Milliseconds for which counts are gathered before they are written, and after which a write that said nothing is lost. */
const GATHER = 250;
const LOST_AFTER = 10_000;
const REMEMBERED = 1_000;

const FIELDS = ['hits', 'checked', 'wrong', 'unsure', 'asked'] as const;

type After = (work: Promise<unknown>) => void;

/** The checks of one route of one organisation. */
export interface RouteChecks extends Checks {
  readonly org: string;
  readonly route: string;
}

interface Known {
  readonly routes: ReadonlyMap<string, Checks>;
  readonly at: number;
}

/**
 * What came of answers that were given by meaning. Its one owner is a table: what a caller says of an answer and what that
 * counts for are one transaction there, and operators read it of all routes at once. Isolates go by what they have read
 * lately, and add to it behind their answers.
 */
export class RouteHitChecks {
  readonly #db: D1Database;
  readonly #clock: Clock;
  readonly #last = new Snapshots<Known>(REMEMBERED);
  #pending = new Map<string, { readonly org: string; readonly route: string; readonly counts: Record<(typeof FIELDS)[number], number> }>();
  #writingSince: number | undefined;

  constructor(db: D1Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** For one request, behind whose answer is read and written. */
  for(after: After): HitChecks {
    return {
      of: (org, route) => this.#of(org, route, after),
      note: (org, route, counted) => this.#note(org, route, counted, after),
    };
  }

  #of(org: string, route: string, after: After): Checks | undefined | Promise<Checks | undefined> {
    const last = this.#last.get(org);
    const age = last === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - last.at;
    if (last !== undefined && age < FRESH) return last.routes.get(route) ?? NO_CHECKS;
    const reading = this.#read(org).catch(() => undefined);
    // Who waits may give up before it is here; the next one has it then.
    after(reading);
    if (last !== undefined && age < USABLE) return last.routes.get(route) ?? NO_CHECKS;
    return reading.then((known) => known && (known.routes.get(route) ?? NO_CHECKS));
  }

  async #read(org: string): Promise<Known> {
    const at = this.#clock.now();
    const found = await readRows(this.#db, at, org);
    const known = { routes: new Map(found.map((each) => [each.route, each])), at };
    this.#last.put(org, known);
    return known;
  }

  #note(org: string, route: string, counted: Counted, after: After): void {
    const name = JSON.stringify([org, route]);
    const sum = this.#pending.get(name) ?? { org, route, counts: { hits: 0, checked: 0, wrong: 0, unsure: 0, asked: 0 } };
    for (const field of FIELDS) sum.counts[field] += counted[field] ?? 0;
    this.#pending.set(name, sum);
    const now = this.#clock.now();
    if (this.#writingSince !== undefined && now - this.#writingSince < LOST_AFTER) return;
    this.#writingSince = now;
    after(this.#write(now));
  }

  async #write(since: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, GATHER));
    const written = this.#pending;
    this.#pending = new Map();
    if (this.#writingSince === since) this.#writingSince = undefined;
    const now = this.#clock.now();
    const rows = [...written.values()];
    try {
      await this.#db.batch([forget(this.#db, now), ...rows.map(({ org, route, counts }) => adding(this.#db, org, route, counts, now))]);
      for (const { org } of rows) this.#last.delete(org);
    } catch (cause) {
      // What is counted is a sample of what happens: it is let go rather than held for a database that is away.
      console.error('What came of answers given by meaning could not be counted', cause);
    }
  }
}

const dayOf = (now: number): number => Math.floor(now / DAY);

const forget = (db: D1Database, now: number) => db.prepare('DELETE FROM semantic_checks WHERE day <= ?').bind(dayOf(now) - DAYS);

const ADDED = FIELDS.map((field) => `${field} = ${field} + excluded.${field}`).join(', ');

/** A statement that adds to the counts of a route; `unless`: a condition without which it adds nothing. */
export function adding(
  db: D1Database,
  org: string,
  route: string,
  counted: Counted,
  now: number,
  unless?: { readonly sql: string; readonly bound: readonly (string | number)[] },
): D1PreparedStatement {
  const condition = unless === undefined ? 'true' : `NOT EXISTS (${unless.sql})`;
  return db
    .prepare(
      `INSERT INTO semantic_checks (org, route, day, ${FIELDS.join(', ')}) SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE ${condition}
        ON CONFLICT (org, route, day) DO UPDATE SET ${ADDED}`,
    )
    .bind(org, route, dayOf(now), ...FIELDS.map((field) => counted[field] ?? 0), ...(unless?.bound ?? []));
}

/** What counts now: of every organisation, or of one. */
export const readChecks = (db: D1Database, now: number, org?: string): Promise<readonly RouteChecks[]> => readRows(db, now, org);

async function readRows(db: D1Database, now: number, org: string | undefined): Promise<readonly RouteChecks[]> {
  const today = dayOf(now);
  const sums = FIELDS.map((field) => `SUM(${field}) AS ${field}`).join(', ');
  const { results } = await db
    .prepare(
      `SELECT org, route, ${sums}, SUM(CASE WHEN day = ?1 THEN asked ELSE 0 END) AS askedToday FROM semantic_checks
        WHERE day > ?2${org === undefined ? '' : ' AND org = ?3'} GROUP BY org, route ORDER BY org, route`,
    )
    .bind(today, today - DAYS, ...(org === undefined ? [] : [org]))
    .all<RouteChecks>();
  return results;
}

/** Begins anew: of everything, of an organisation, of a route. */
export async function resetChecks(
  db: D1Database,
  { org, route }: { readonly org?: string | undefined; readonly route?: string | undefined },
): Promise<void> {
  await db
    .prepare('DELETE FROM semantic_checks WHERE (?1 IS NULL OR org = ?1) AND (?2 IS NULL OR route = ?2)')
    .bind(org ?? null, route ?? null)
    .run();
}
