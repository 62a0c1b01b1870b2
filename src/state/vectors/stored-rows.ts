import { emptyRows, packed, type Rows, rowsOfPack, unpacked, without } from './rows.ts';

/** An entry's place in storage. */
export interface Gone {
  readonly seq: number;
  readonly partition: string;
  readonly dimensions: number;
}

interface Recent {
  readonly [column: string]: SqlStorageValue;
  readonly seq: number;
  readonly expires_at: number;
  readonly vector: ArrayBuffer;
}

/**
 * Vectors in storage, partition by partition. A new one is a row of its own; as soon as there are enough for a pack they
 * become one, since storage gives one large value much sooner than a thousand small ones.
 */
export class StoredRows {
  readonly #sql: SqlStorage;

  constructor(sql: SqlStorage) {
    this.#sql = sql;
    sql.exec(`
      CREATE TABLE IF NOT EXISTS recent (
        partition TEXT NOT NULL,
        seq INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        vector BLOB NOT NULL,
        PRIMARY KEY (partition, seq)
      ) WITHOUT ROWID;
      CREATE TABLE IF NOT EXISTS packs (
        id INTEGER PRIMARY KEY,
        partition TEXT NOT NULL,
        last INTEGER NOT NULL,
        packed BLOB NOT NULL
      );
      CREATE UNIQUE INDEX IF NOT EXISTS packs_by_partition ON packs (partition, last);
    `);
  }

  add(partition: string, seq: number, expiresAt: number, vector: Int8Array): void {
    this.#sql.exec('INSERT INTO recent (partition, seq, expires_at, vector) VALUES (?, ?, ?, ?)', partition, seq, expiresAt, vector);
    const { count } = this.#sql.exec<{ count: number }>('SELECT COUNT(*) AS count FROM recent WHERE partition = ?', partition).one();
    if (count >= rowsOfPack(vector.length)) this.#pack(partition, vector.length);
  }

  /** Everything of a partition, some rows at a time. */
  *of(partition: string, dimensions: number): Generator<Rows> {
    const packs = this.#sql.exec<{ packed: ArrayBuffer }>('SELECT packed FROM packs WHERE partition = ? ORDER BY last', partition);
    for (const pack of packs) yield unpacked(pack.packed, dimensions);
    yield this.#recent(partition, dimensions);
  }

  delete(gone: readonly Gone[]): void {
    const older = new Map<string, Gone[]>();
    for (const each of gone) {
      const { rowsWritten } = this.#sql.exec('DELETE FROM recent WHERE partition = ? AND seq = ?', each.partition, each.seq);
      if (rowsWritten > 0) continue;
      const others = older.get(each.partition);
      if (others === undefined) older.set(each.partition, [each]);
      else others.push(each);
    }
    for (const [partition, those] of older) this.#deletePacked(partition, those);
  }

  /** Each pack that holds some of them is written once. */
  #deletePacked(partition: string, gone: readonly Gone[]): void {
    const left = gone.map(({ seq }) => seq).sort((one, other) => other - one);
    const doomed = new Set(left);
    for (let seq = left.at(-1); seq !== undefined; seq = left.at(-1)) {
      const [pack] = this.#sql.exec<{ id: number; last: number; packed: ArrayBuffer }>(
        'SELECT id, last, packed FROM packs WHERE partition = ? AND last >= ? ORDER BY last LIMIT 1',
        partition,
        seq,
      );
      if (pack === undefined) return;
      while ((left.at(-1) ?? Number.POSITIVE_INFINITY) <= pack.last) left.pop();
      const dimensions = gone[0]?.dimensions ?? 0;
      const kept = without(unpacked(pack.packed, dimensions), doomed, dimensions);
      if (kept.seqs.length === 0) this.#sql.exec('DELETE FROM packs WHERE id = ?', pack.id);
      else this.#sql.exec('UPDATE packs SET packed = ? WHERE id = ?', packed(kept), pack.id);
    }
  }

  #pack(partition: string, dimensions: number): void {
    const rows = this.#recent(partition, dimensions);
    const last = rows.seqs.at(-1);
    if (last === undefined) return;
    this.#sql.exec('INSERT INTO packs (partition, last, packed) VALUES (?, ?, ?)', partition, last, packed(rows));
    this.#sql.exec('DELETE FROM recent WHERE partition = ?', partition);
  }

  #recent(partition: string, dimensions: number): Rows {
    const found = [...this.#sql.exec<Recent>('SELECT seq, expires_at, vector FROM recent WHERE partition = ? ORDER BY seq', partition)];
    const rows = emptyRows(found.length, dimensions);
    for (const [at, { seq, expires_at, vector }] of found.entries()) {
      rows.seqs[at] = seq;
      rows.ends[at] = expires_at;
      rows.vectors.set(new Int8Array(vector), at * dimensions);
    }
    return rows;
  }
}
