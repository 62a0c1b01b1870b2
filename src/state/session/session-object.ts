import { DurableObject } from 'cloudflare:workers';
import { type Json, parseJson } from '../../core/json.ts';
import type { SessionEvents, SessionHost, SessionInstruments, SessionStorage } from '../../core/session.ts';
import { systemClock } from '../ports.ts';

/** A value of SQLite storage may have 2 MB: developers.cloudflare.com/durable-objects/platform/limits. */
const LARGEST_EVENT = 1_900_000;
/** What is kept of all streams of one session; the oldest goes first. */
const MOST_EVENTS = 2_000;
const MOST_BYTES = 16 * 1024 * 1024;
/** Milliseconds between two moves of the end at least: not every request is worth a write. */
const MOVE_EVERY = 60_000;

/** What one session keeps. Tables are made when there is something to keep: an object that was only asked for leaves nothing. */
class Storage implements SessionStorage, SessionEvents {
  readonly #storage: DurableObjectStorage;
  #hasTable = false;
  #movedAt = 0;

  constructor(storage: DurableObjectStorage) {
    this.#storage = storage;
  }

  get events(): SessionEvents {
    return this;
  }

  get(name: string): Json | undefined {
    const text = this.#storage.kv.get<string>(name);
    return text === undefined ? undefined : parseJson(text);
  }

  put(name: string, value: Json): void {
    this.#storage.kv.put(name, JSON.stringify(value));
  }

  delete(name: string): void {
    this.#storage.kv.delete(name);
  }

  append(stream: string, data: string): number {
    const sql = this.#table();
    const kept = data.length > LARGEST_EVENT ? '' : data;
    const [row] = [
      ...sql.exec<{ seq: number }>('INSERT INTO events (stream, data, bytes) VALUES (?, ?, ?) RETURNING seq', stream, kept, kept.length),
    ];
    const seq = row?.seq ?? 0;
    if (seq % 50 === 0) this.#trim(sql, seq);
    return seq;
  }

  after(stream: string, seq: number): readonly { readonly seq: number; readonly data: string }[] {
    return [
      ...this.#table().exec<{ seq: number; data: string }>(
        'SELECT seq, data FROM events WHERE stream = ? AND seq > ? ORDER BY seq',
        stream,
        seq,
      ),
    ];
  }

  forget(stream: string): void {
    this.#table().exec('DELETE FROM events WHERE stream = ?', stream);
  }

  keepFor(ms: number): void {
    const now = systemClock.now();
    if (now - this.#movedAt < Math.min(MOVE_EVERY, ms / 4)) return;
    this.#movedAt = now;
    void this.#storage.setAlarm(now + ms);
  }

  clear(): void {
    this.#hasTable = false;
    this.#movedAt = 0;
    void this.#storage.deleteAlarm();
    void this.#storage.deleteAll();
  }

  #table(): SqlStorage {
    const { sql } = this.#storage;
    if (!this.#hasTable) {
      sql.exec(`CREATE TABLE IF NOT EXISTS events (
        seq INTEGER PRIMARY KEY AUTOINCREMENT, stream TEXT NOT NULL, data TEXT NOT NULL, bytes INTEGER NOT NULL
      ); CREATE INDEX IF NOT EXISTS events_by_stream ON events (stream, seq);`);
      this.#hasTable = true;
    }
    return sql;
  }

  #trim(sql: SqlStorage, newest: number): void {
    sql.exec('DELETE FROM events WHERE seq <= ?', newest - MOST_EVENTS);
    sql.exec(
      `DELETE FROM events WHERE seq <= (SELECT MAX(seq) FROM (
         SELECT seq, SUM(bytes) OVER (ORDER BY seq DESC) AS total FROM events) WHERE total > ?)`,
      MOST_BYTES,
    );
  }
}

/** What a session is given besides its storage, by the Worker that exports the class. */
export type SessionParts = Omit<SessionInstruments, 'storage' | 'clock'>;

/** One session of one caller; what runs in it is the kind's. */
export abstract class SessionObject extends DurableObject<object> {
  readonly #storage: Storage;
  #host: SessionHost | undefined;

  constructor(state: DurableObjectState, env: object) {
    super(state, env);
    this.#storage = new Storage(state.storage);
  }

  protected abstract open(instruments: Pick<SessionInstruments, 'storage' | 'clock'>): SessionHost;

  override fetch(request: Request): Promise<Response> {
    return this.#opened().serve(request);
  }

  override async alarm(): Promise<void> {
    await this.#opened().expire();
    this.#storage.clear();
    this.#host = undefined;
  }

  #opened(): SessionHost {
    this.#host ??= this.open({ storage: this.#storage, clock: systemClock });
    return this.#host;
  }
}
