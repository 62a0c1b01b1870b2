import type { Clock } from '../../core/ports.ts';
import { adding } from './checks.ts';

/** What a caller says of an answer. */
export interface Feedback {
  readonly requestId: string;
  readonly org: string;
  readonly app: string;
  /** 1 good, −1 bad. */
  readonly score: number;
  readonly comment: string | null;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

interface Row extends Omit<Feedback, 'requestId'> {
  readonly request_id: string;
}

const SAID = 'SELECT 1 FROM feedback WHERE request_id = ?';

const COLUMNS = 'request_id, org, app, score, comment, at';

/** What was said of an answer. */
export async function recall(db: D1Database, requestId: string): Promise<Feedback | undefined> {
  const row = await db.prepare(`SELECT ${COLUMNS} FROM feedback WHERE request_id = ?`).bind(requestId).first<Row>();
  return row === null ? undefined : feedbackOf(row);
}

/**
 * Remembers what is said of an answer, once: what was said first stands, and is returned. `route`: where the answer was
 * given by meaning, whose checks it counts for, in the same transaction.
 */
export async function remember(db: D1Database, clock: Clock, said: Omit<Feedback, 'at'>, route: string | undefined): Promise<Feedback> {
  const { requestId, org, app, score, comment } = said;
  const at = clock.now();
  const counted = { checked: 1, wrong: score < 0 ? 1 : 0 };
  const results = await db.batch<Row>([
    ...(route === undefined ? [] : [adding(db, org, route, counted, at, { sql: SAID, bound: [requestId] })]),
    db
      .prepare(`INSERT INTO feedback (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`)
      .bind(requestId, org, app, score, comment, at),
    db.prepare(`SELECT ${COLUMNS} FROM feedback WHERE request_id = ?`).bind(requestId),
  ]);
  const row = results.at(-1)?.results[0];
  return row === undefined ? { ...said, at } : feedbackOf(row);
}

const feedbackOf = ({ request_id: requestId, ...rest }: Row): Feedback => ({ requestId, ...rest });
