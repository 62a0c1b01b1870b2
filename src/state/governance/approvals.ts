import { within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import type { ApprovalAsk, ApprovalState, Approvals } from '../../core/governance.ts';
import type { Clock } from '../../core/ports.ts';
import type { Announce } from './announce.ts';

const DEADLINE = 5_000;
/** Calls of one organisation that may wait at the same time: an operator reads no more. */
export const MOST_WAITING = 500;
/** Milliseconds for which is kept what became of one. */
const KEPT_FOR = 90 * 86_400_000;
/** Old ones that go when a new one comes. */
const SWEPT = 20;

interface Row {
  readonly id: string;
  readonly status: 'pending' | 'approved' | 'denied' | 'used';
  readonly claim: string | null;
  readonly expires_at: number;
  readonly reason: string | null;
}

/**
 * Calls that wait for operators. Their one owner is a table: an approval is used up by a single statement, which finds it
 * unused or does not find it, whoever else asks at the same moment.
 */
export class TableApprovals implements Approvals {
  readonly #db: D1Database;
  readonly #clock: Clock;
  readonly #newId: () => string;
  readonly #announce: Announce | undefined;

  constructor(db: D1Database, clock: Clock, newId: () => string, announce?: Announce) {
    this.#announce = announce;
    this.#db = db;
    this.#clock = clock;
    this.#newId = newId;
  }

  async ask(ask: ApprovalAsk): Promise<ApprovalState> {
    const { org, team, app, keyId, user = null, route, source, tool, call, digest, preview, ttl } = ask;
    const now = this.#clock.now();
    const claim = this.#newId();
    const id = `apr_${this.#newId()}`;
    const results = await this.#run([
      this.#db.prepare(USE_ONE).bind(claim, now, call),
      this.#db
        .prepare(OPEN)
        .bind(...[id, org, team, app, keyId, user, route, source, tool, call, digest, preview], now, ttl, now + ttl, claim),
      this.#db
        .prepare(`DELETE FROM mcp_approvals WHERE id IN (SELECT id FROM mcp_approvals WHERE at < ? LIMIT ${SWEPT})`)
        .bind(now - KEPT_FOR),
      this.#db.prepare(STANDING).bind(call, now, claim),
    ]);
    const [row] = results.at(-1)?.results ?? [];
    if (row === undefined) {
      throw new GatewayError('rate_limited', `${MOST_WAITING} calls of this organisation wait for operators already.`, { retryAfter: 60 });
    }
    if (row.id === id)
      await this.#announce?.('approval.requested', org, {
        ...{ id, org, team, app, key: keyId, user, route, source, tool },
        expiresAt: now + ttl,
      });
    return stateOf(row, claim, now);
  }

  async look(id: string): Promise<ApprovalState> {
    const now = this.#clock.now();
    const claim = this.#newId();
    const known = (await this.#run([this.#db.prepare(ONE).bind(id)])).at(-1)?.results[0];
    // Who waits looks often: only what was granted is written to.
    if (known?.status !== 'approved') return known === undefined ? { id, status: 'expired' } : stateOf(known, claim, now);
    return this.#claimed(id, claim, now, this.#db.prepare(USE).bind(claim, now, id));
  }

  async goOn(id: string, claim: string): Promise<ApprovalState> {
    const now = this.#clock.now();
    const next = this.#newId();
    const move = this.#db
      .prepare("UPDATE mcp_approvals SET claim = ? WHERE id = ? AND status = 'used' AND claim = ?")
      .bind(next, id, claim);
    return this.#claimed(id, next, now, move);
  }

  async #claimed(id: string, claim: string, now: number, claiming: D1PreparedStatement): Promise<ApprovalState> {
    const [row] = (await this.#run([claiming, this.#db.prepare(ONE).bind(id)])).at(-1)?.results ?? [];
    return row === undefined ? { id, status: 'expired' } : stateOf(row, claim, now);
  }

  async #run(statements: D1PreparedStatement[]): Promise<D1Result<Row>[]> {
    try {
      return await within(DEADLINE, this.#db.batch<Row>(statements));
    } catch (cause) {
      throw new GatewayError('overloaded', 'Whether the call was approved cannot be found out now. Try again in a moment.', { cause });
    }
  }
}

const ONE = 'SELECT id, status, claim, expires_at, reason FROM mcp_approvals WHERE id = ?';

const USE = "UPDATE mcp_approvals SET status = 'used', claim = ?1, used_at = ?2 WHERE id = ?3 AND status = 'approved' AND expires_at > ?2";

const USE_ONE = `
  UPDATE mcp_approvals SET status = 'used', claim = ?1, used_at = ?2
  WHERE id = (SELECT id FROM mcp_approvals WHERE call = ?3 AND status = 'approved' AND expires_at > ?2 ORDER BY decided_at LIMIT 1)
    AND status = 'approved'`;

/** None where this request has just used one up, where one waits, and where one was refused lately: no is no for as long. */
const OPEN = `
  INSERT INTO mcp_approvals (id, org, team, app, key_id, user, route, source, tool, call, digest, preview, status, at, ttl, expires_at)
  SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'pending', ?13, ?14, ?15
  WHERE NOT EXISTS (SELECT 1 FROM mcp_approvals WHERE call = ?10 AND (claim = ?16 OR (status IN ('pending', 'denied') AND expires_at > ?13)))
    AND (SELECT COUNT(*) FROM mcp_approvals WHERE org = ?2 AND status = 'pending' AND expires_at > ?13) < ${MOST_WAITING}`;

const STANDING = `
  SELECT id, status, claim, expires_at, reason FROM mcp_approvals
  WHERE call = ?1 AND (claim = ?3 OR (status IN ('pending', 'denied') AND expires_at > ?2))
  ORDER BY claim = ?3 DESC, at DESC LIMIT 1`;

function stateOf({ id, status, claim, expires_at, reason }: Row, own: string, now: number): ApprovalState {
  if (status === 'used') return claim === own ? { id, status: 'granted', claim } : { id, status };
  if (status === 'denied') return { id, status, ...(reason === null ? {} : { reason }) };
  // One that was approved and could not be used up is over.
  return { id, status: status === 'pending' && expires_at > now ? 'pending' : 'expired' };
}
