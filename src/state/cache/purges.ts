import type { PurgeMark, PurgeScope } from '../../core/cache/purge.ts';
import { asString, isObject, parseJson } from '../../core/json.ts';
import type { Clock } from '../../core/ports.ts';
import { Snapshots } from '../../core/snapshots.ts';

/** Milliseconds for which what was read is good enough, and after which it is read again before it is needed. */
const FRESH = 1_000;
const EARLY = 500;
/** Milliseconds that a call waits for it: a database may be a continent away, and a model takes longer. */
const PATIENCE = 1_000;
const REMEMBERED = 1_000;
/** Milliseconds for which nobody waits after that was in vain. */
const LATE = 5_000;
/** Milliseconds for which an answer can be given again at most; older marks say nothing. */
const LONGEST = 61 * 86_400_000;

interface Row {
  readonly scope: string;
  readonly before: number;
}

type After = (work: Promise<unknown>) => void;

/** What was thrown away, as the database has it: one question a second for each organisation that is given anything. */
export class Purges {
  readonly #db: D1Database;
  readonly #clock: Clock;
  /** When a reading was last too late: until the next is due nobody waits for one. */
  #lateAt = Number.NEGATIVE_INFINITY;
  readonly #last = new Snapshots<{ readonly marks: readonly PurgeMark[]; readonly at: number }>(REMEMBERED);
  /** When somebody began to read it again before it is needed. */
  readonly #early = new Snapshots<number>(REMEMBERED);

  constructor(db: D1Database, clock: Clock) {
    this.#db = db;
    this.#clock = clock;
  }

  /** A second old at most; `undefined` where that cannot be found out soon. Never rejects. */
  async of(org: string, after: After): Promise<readonly PurgeMark[] | undefined> {
    const last = this.#last.get(org);
    const age = last === undefined ? Number.POSITIVE_INFINITY : this.#clock.now() - last.at;
    if (last !== undefined && age < FRESH) {
      if (age >= EARLY) this.#readEarly(org, last.at, after);
      return last.marks;
    }
    const reading = this.#read(org).catch(() => undefined);
    if (this.#clock.now() - this.#lateAt < LATE) {
      after(reading);
      return undefined;
    }
    const late = new Promise<undefined>((resolve) => {
      setTimeout(() => resolve(undefined), PATIENCE);
    });
    const marks = await Promise.race([reading, late]);
    if (marks === undefined) this.#lateAt = this.#clock.now();
    return marks;
  }

  /** Once for what is known since `at`: the others need not wait for it, and need not ask either. */
  #readEarly(org: string, at: number, after: After): void {
    if (this.#early.get(org) === at) return;
    this.#early.put(org, at);
    after(this.#read(org).catch(() => undefined));
  }

  async #read(org: string): Promise<readonly PurgeMark[]> {
    const at = this.#clock.now();
    const { results } = await this.#db
      .prepare('SELECT scope, before FROM cache_purges WHERE org = ? UNION ALL SELECT scope, before FROM cache_purges WHERE org IS NULL')
      .bind(org)
      .all<Row>();
    const marks = results.map(({ scope, before }) => ({ scope: scopeOf(scope), before }));
    this.#last.put(org, { marks, at });
    return marks;
  }
}

/** Throws answers away, everywhere within a second. */
export async function purge(db: D1Database, scope: PurgeScope, now: number): Promise<void> {
  const { key, tag, model, app, org } = scope;
  // In one order, so that the same scope is the same row.
  const written = JSON.stringify({ key, tag, model, app, org });
  await db.batch([
    db.prepare('DELETE FROM cache_purges WHERE before < ?').bind(now - LONGEST),
    db
      .prepare('INSERT INTO cache_purges (scope, org, before) VALUES (?, ?, ?) ON CONFLICT (scope) DO UPDATE SET before = excluded.before')
      .bind(written, org ?? null, now),
  ]);
}

const FIELDS = ['key', 'tag', 'model', 'app', 'org'] as const;

function scopeOf(written: string): PurgeScope {
  const value = parseJson(written);
  if (!isObject(value)) return {};
  return Object.fromEntries(FIELDS.flatMap((name) => (asString(value[name]) === undefined ? [] : [[name, asString(value[name])]])));
}
