import { GatewayError } from '../../core/errors.ts';
import type { AuditMark } from '../ledger/audit-index.ts';

/** What must be so for a change to be made: a condition over one table, with what is bound in it. */
export interface Guard {
  readonly table: string;
  readonly where: string;
  readonly bound: readonly (string | number)[];
}

/**
 * The audit's row of a change that is only written where the guard holds: otherwise its detail is NULL, which the table
 * refuses, and the whole batch with it.
 */
export const guardedMark = (db: D1Database, mark: AuditMark, { table, where, bound }: Guard): D1PreparedStatement =>
  db
    .prepare(
      `INSERT INTO audit (change, seq, at, actor, action, subject, org, outcome, detail)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'done', (SELECT ? FROM ${table} WHERE ${where}))`,
    )
    .bind(mark.change, mark.seq, mark.at, mark.actor, mark.action, mark.subject, mark.org, JSON.stringify(mark.detail), ...bound);

/** What became of such a batch, as who asked for it is told. */
export async function attempt<T>(run: () => Promise<T>, moved: (cause: unknown) => GatewayError): Promise<T> {
  try {
    return await run();
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : '';
    if (/NOT NULL constraint failed: audit\.detail/i.test(text)) throw moved(cause);
    if (/UNIQUE constraint failed: audit\.change/i.test(text)) {
      throw new GatewayError('overloaded', 'The change took too long and was given up. Try again in a moment.', { cause });
    }
    throw cause;
  }
}
