import type { LedgerEvent } from '../../core/ledger/alerts.ts';

/** Something that was told and has not been addressed yet. */
export interface NewEvent {
  readonly seq: number;
  /** `msg_…` */
  readonly id: string;
  readonly event: LedgerEvent;
}

export type DeliveryStatus =
  /** It is tried, or will be. */
  | 'waiting'
  | 'delivered'
  /** Given up. */
  | 'failed'
  /** Its webhook was disabled or deleted before it went out. */
  | 'canceled';

/** One message on its way to one webhook. */
export interface Delivery {
  readonly [column: string]: SqlStorageValue;
  readonly id: number;
  readonly webhook: string;
  /** The message, which is the same to every webhook and at every tried. */
  readonly message: string;
  readonly type: string;
  readonly org: string;
  /** As it is sent. */
  readonly body: string;
  /** When what it tells of happened; milliseconds since the epoch. */
  readonly at: number;
  readonly status: DeliveryStatus;
  readonly attempts: number;
  /** When it is tried next, while it waits. */
  readonly nextAt: number | null;
  readonly lastAt: number | null;
  /** Of the last answer; absent where there was none. */
  readonly httpStatus: number | null;
  /** What became of the last attempt, where it was not taken: a word, and nothing of what the receiver said. */
  readonly error: string | null;
}

export type NewDelivery = Pick<Delivery, 'webhook' | 'message' | 'type' | 'org' | 'body' | 'at'>;

/** What an attempt came to. */
export interface Tried {
  readonly at: number;
  readonly status: DeliveryStatus;
  /** Of one that goes on waiting. */
  readonly nextAt?: number | undefined;
  readonly httpStatus?: number | undefined;
  readonly error?: string | undefined;
}

/** Messages that wait for one webhook at most, and events that nobody has been found for: beyond that the oldest go. */
const MOST_WAITING = 1_000;
const MOST_EVENTS = 10_000;
/** Messages that are over and still shown, and for how long. */
const MOST_OVER = 1_000;
const SHOWN = 30 * 24 * 3_600_000;

const COLUMNS =
  'id, webhook, message, type, org, body, at, status, attempts, next_at AS nextAt, last_at AS lastAt, http_status AS httpStatus, error';

/** What operators are to hear, and how far it has come: in the object's own storage, so that nothing is lost with its memory. */
export class AlertLog {
  readonly #storage: DurableObjectStorage;
  readonly #sql: SqlStorage;

  /** The table `events` is `SqlStore`'s, which writes it in the turn of the change. */
  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
    this.#sql = storage.sql;
    this.#sql.exec(SCHEMA);
  }

  /** Oldest first. */
  events(most: number): readonly NewEvent[] {
    const rows = this.#sql.exec<{ seq: number; id: string; body: string }>('SELECT seq, id, body FROM events ORDER BY seq LIMIT ?', most);
    return Array.from(rows, ({ seq, id, body }) => ({ seq, id, event: JSON.parse(body) as LedgerEvent }));
  }

  /** Puts deliveries in the place of the events up to one: both or neither. */
  address(last: number, deliveries: readonly NewDelivery[], now: number): void {
    this.#storage.transactionSync(() => {
      for (const delivery of deliveries) this.add(delivery, { at: now, status: 'waiting', nextAt: now }, 0);
      this.#sql.exec('DELETE FROM events WHERE seq <= ?', last);
    });
  }

  /** Returns its id. */
  add({ webhook, message, type, org, body, at }: NewDelivery, tried: Tried, attempts: number): number {
    const row = this.#sql.exec<{ id: number }>(
      `INSERT INTO deliveries (webhook, message, type, org, body, at, status, attempts, next_at, last_at, http_status, error)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING id`,
      ...[webhook, message, type, org, body, at, tried.status, attempts, tried.nextAt ?? null],
      ...[attempts === 0 ? null : tried.at, tried.httpStatus ?? null, tried.error ?? null],
    );
    return row.one().id;
  }

  /** Those whose time has come, oldest first, but of webhooks that rest. */
  due(now: number, resting: readonly string[], most: number): readonly Delivery[] {
    return this.#sql
      .exec<Delivery>(
        `SELECT ${COLUMNS} FROM deliveries WHERE next_at <= ? AND webhook NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?`,
        ...[now, JSON.stringify(resting), most],
      )
      .toArray();
  }

  /** When the next one is due, by webhook. */
  nextAt(): ReadonlyMap<string, number> {
    const rows = this.#sql.exec<{ webhook: string; at: number }>(
      'SELECT webhook, MIN(next_at) AS at FROM deliveries WHERE next_at IS NOT NULL GROUP BY webhook',
    );
    return new Map(Array.from(rows, ({ webhook, at }) => [webhook, at]));
  }

  tried(id: number, { at, status, nextAt, httpStatus, error }: Tried): void {
    this.#sql.exec(
      'UPDATE deliveries SET status = ?, attempts = attempts + 1, next_at = ?, last_at = ?, http_status = ?, error = ? WHERE id = ?',
      ...[status, nextAt ?? null, at, httpStatus ?? null, error ?? null, id],
    );
  }

  /** Ends what waits for a webhook that wants nothing any more. */
  cancel(webhook: string): void {
    this.#sql.exec("UPDATE deliveries SET status = 'canceled', next_at = NULL WHERE webhook = ? AND next_at IS NOT NULL", webhook);
  }

  /** Those of a webhook with ids below `before`, newest first. */
  page(webhook: string, before: number | undefined, most: number): readonly Delivery[] {
    return this.#sql
      .exec<Delivery>(
        `SELECT ${COLUMNS} FROM deliveries WHERE webhook = ? AND id < ? ORDER BY id DESC LIMIT ?`,
        ...[webhook, before ?? Number.MAX_SAFE_INTEGER, most],
      )
      .toArray();
  }

  /** Gives up the oldest of what has piled up beyond all measure. Returns how many. */
  trim(now: number): number {
    const events = this.#sql.exec('DELETE FROM events WHERE seq <= (SELECT MAX(seq) FROM events) - ? RETURNING seq', MOST_EVENTS).toArray();
    const waiting = this.#sql
      .exec(
        `UPDATE deliveries SET status = 'failed', next_at = NULL, error = 'too_many', last_at = ? WHERE id IN (
           SELECT id FROM (
             SELECT id, ROW_NUMBER() OVER (PARTITION BY webhook ORDER BY id DESC) AS place FROM deliveries WHERE next_at IS NOT NULL
           ) WHERE place > ?
         ) RETURNING id`,
        ...[now, MOST_WAITING],
      )
      .toArray();
    return events.length + waiting.length;
  }

  /** Lets go of what is over and has been shown for long enough. */
  forget(now: number): void {
    this.#sql.exec(
      `DELETE FROM deliveries WHERE next_at IS NULL AND (at < ? OR id <= (
         SELECT id FROM deliveries WHERE next_at IS NULL ORDER BY id DESC LIMIT 1 OFFSET ?
       ))`,
      ...[now - SHOWN, MOST_OVER],
    );
  }
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    webhook TEXT NOT NULL,
    message TEXT NOT NULL,
    type TEXT NOT NULL,
    org TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL,
    status TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_at INTEGER,
    last_at INTEGER,
    http_status INTEGER,
    error TEXT
  );
  CREATE INDEX IF NOT EXISTS deliveries_waiting ON deliveries (next_at) WHERE next_at IS NOT NULL;
`;
