import { DurableObject } from 'cloudflare:workers';

// Plain workerd has no D1, but it has D1's client (`cloudflare-internal:d1-api`), which speaks HTTP to a service:
// POST /query or /execute with `{sql, params}` or a list of them, answered by one result each. This Worker is that
// service, over the SQLite of one Durable Object on disk, in a process of its own: the measured one pays for calling it.

export class Database extends DurableObject {
  constructor(ctx, env) {
    super(ctx, env);
    ctx.blockConcurrencyWhile(async () => {
      ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS bench_migrations (name TEXT PRIMARY KEY)');
      for (const { name, sql } of env.MIGRATIONS) {
        const seen = ctx.storage.sql.exec('SELECT 1 FROM bench_migrations WHERE name = ?', name).toArray().length > 0;
        if (seen) continue;
        ctx.storage.sql.exec(sql.replaceAll(/--.*$/gm, '').trim());
        ctx.storage.sql.exec('INSERT INTO bench_migrations VALUES (?)', name);
      }
    });
  }

  async fetch(request) {
    const asked = await request.json();
    const queries = Array.isArray(asked) ? asked : [asked];
    const objects = new URL(request.url).searchParams.get('resultsFormat') === 'ARRAY_OF_OBJECTS';
    try {
      return Response.json(this.ctx.storage.transactionSync(() => queries.map((query) => this.run(query, objects))));
    } catch (error) {
      return Response.json({ success: false, error: String(error?.message ?? error) });
    }
  }

  run({ sql, params }, objects) {
    const storage = this.ctx.storage.sql;
    const before = performance.now();
    const cursor = storage.exec(sql, ...(params ?? []).map((value) => (Array.isArray(value) ? new Uint8Array(value) : value)));
    const columns = cursor.columnNames;
    const rows = [...cursor.raw()].map((row) => row.map((value) => (value instanceof ArrayBuffer ? [...new Uint8Array(value)] : value)));
    const written = cursor.rowsWritten;
    const [{ changes, id }] = storage.exec('SELECT changes() AS changes, last_insert_rowid() AS id').toArray();
    return {
      success: true,
      results: objects ? rows.map((row) => Object.fromEntries(columns.map((name, at) => [name, row[at]]))) : { columns, rows },
      meta: {
        served_by: 'bench',
        duration: performance.now() - before,
        changes: written > 0 ? changes : 0,
        last_row_id: id,
        changed_db: written > 0,
        size_after: storage.databaseSize,
        rows_read: cursor.rowsRead,
        rows_written: written,
      },
    };
  }
}

export default { fetch: (request, env) => env.DATABASE.getByName('bench').fetch(request) };
