import { within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import { type SealedValue, VaultSeal } from './seal.ts';

/** Milliseconds for which a value is in the isolate's memory: so long one that was changed or deleted may still be shown. */
const KEPT_FOR = 60_000;
/** Milliseconds for which it is believed that there is none, or none that can be read. */
const ABSENT_FOR = 5_000;
/** Milliseconds that the database may take. */
const DEADLINE = 2_000;
const MOST_KEPT = 1_000;

interface Kept {
  readonly value: string | GatewayError | undefined;
  readonly until: number;
}

interface Row extends SealedValue {
  readonly id: string;
  readonly revision: number;
}

/** Values that organisations keep, read where a request needs one. One an isolate. */
export class Vault {
  readonly #db: D1Database;
  readonly #clock: Clock;
  readonly #seal: VaultSeal;
  readonly #kept = new Map<string, Kept>();

  constructor(db: D1Database, secrets: readonly string[], clock: Clock) {
    this.#db = db;
    this.#clock = clock;
    this.#seal = new VaultSeal(secrets);
  }

  /** `undefined` where there is none. Throws `overloaded` where the database does not answer, `internal` where it cannot be opened. */
  async value(org: string, name: string): Promise<string | undefined> {
    const key = JSON.stringify([org, name]);
    const kept = this.#kept.get(key);
    const value = kept !== undefined && this.#clock.now() < kept.until ? kept.value : await this.#fresh(key, org, name);
    // A new one each time: what is thrown is told more of the request on its way.
    if (value instanceof GatewayError) throw new GatewayError(value.code, value.message, { cause: value.cause });
    return value;
  }

  /** Something in it was changed here. */
  changed(): void {
    this.#kept.clear();
  }

  async #fresh(key: string, org: string, name: string): Promise<Kept['value']> {
    const value = await this.#read(org, name).catch(GatewayError.from);
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    this.#kept.set(key, { value, until: this.#clock.now() + (typeof value === 'string' ? KEPT_FOR : ABSENT_FOR) });
    return value;
  }

  async #read(org: string, name: string): Promise<string | undefined> {
    const row = await this.#row(org, name);
    if (row === null) return undefined;
    const value = await this.#seal.open(row, { org, name, id: row.id, revision: row.revision });
    if (value !== undefined) return value;
    throw new GatewayError(
      'provider_key_missing',
      `The credential "${name}" of the vault cannot be opened: it was sealed with another WEIR_SECRET, or changed. The operator writes it anew.`,
    );
  }

  async #row(org: string, name: string): Promise<Row | null> {
    const statement = this.#db
      .prepare('SELECT id, revision, wrapped, sealed FROM credentials WHERE org_id = ? AND name = ? AND deleted_at IS NULL')
      .bind(org, name);
    try {
      return await within(DEADLINE, statement.first<Row>());
    } catch (cause) {
      throw new GatewayError('overloaded', 'The vault cannot be read now. Try again in a moment.', { cause });
    }
  }
}
