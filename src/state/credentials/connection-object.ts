import { DurableObject } from 'cloudflare:workers';
import type { GrantAsk, GrantKeeper } from '../../core/credentials.ts';
import { type ErrorCode, GatewayError } from '../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { systemClock } from '../ports.ts';
import { OwnerKeys } from '../secret.ts';

const GRANT = 'grant';
const EXPECTED = 'expected ';
const USED = 'used ';

/** What waits for somebody at most: who begins more has the oldest forgotten. */
const MOST_EXPECTED = 32;

interface Waiting {
  readonly sealed?: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** What a grant's use came to. */
export type GrantAnswer = { readonly grant?: JsonObject | undefined } | { readonly code: ErrorCode; readonly message: string };

/** What a connection is made of, by the Worker that exports the class. */
export interface ConnectionParts {
  /** The secret in use, then the one before it. */
  readonly secrets: readonly string[];
  readonly keeper: GrantKeeper;
}

/**
 * What one holder was granted at one account. It is sealed at rest, and renewed here alone: one place, one renewal at a time,
 * however many wait for it, because authorization servers take a refresh token that comes twice for a stolen one (RFC 9700 §4.14).
 */
export abstract class ConnectionObject extends DurableObject<object> {
  readonly #storage: DurableObjectStorage;
  readonly #name: string;
  #parts: ConnectionParts | undefined;
  #keys: Promise<readonly OwnerKeys[]> | undefined;
  /** Counts what was put in its place. */
  #changes = 0;
  /** By what they are asked with: one caller's token is not renewed with another's. */
  readonly #renewing = new Map<string, Promise<JsonObject | undefined>>();

  constructor(state: DurableObjectState, env: object) {
    super(state, env);
    this.#storage = state.storage;
    this.#name = state.id.toString();
  }

  protected abstract open(): ConnectionParts;

  /** What of the grant may be shown. As JSON of a `GrantAnswer`: errors that are thrown lose what they are on the way. */
  async use(ask: GrantAsk): Promise<string> {
    try {
      return JSON.stringify({ grant: await this.#use(ask) } satisfies GrantAnswer);
    } catch (thrown) {
      const { code, message, cause } = GatewayError.from(thrown);
      if (code === 'internal') console.error('A grant could not be renewed', cause);
      return JSON.stringify({ code, message } satisfies GrantAnswer);
    }
  }

  async #use(ask: GrantAsk): Promise<JsonObject | undefined> {
    const { keeper } = this.#opened();
    const changes = this.#changes;
    const kept = await this.#kept();
    // It was read while another call put a new one in its place: its refresh token may be spent.
    if (changes !== this.#changes) return this.#use(ask);
    const standing = kept === undefined ? 'foreign' : keeper.standing(kept, ask);
    if (kept !== undefined && standing === 'good') return keeper.shown(kept);
    try {
      const grant = await this.#together(standing === 'foreign' ? undefined : kept, ask);
      return grant === undefined ? undefined : keeper.shown(grant);
    } catch (thrown) {
      if (kept !== undefined && standing === 'over' && keeper.isUsable(kept, ask)) return keeper.shown(kept);
      throw thrown;
    }
  }

  async put(grant: JsonObject): Promise<void> {
    const sealed = await this.#seal(grant, GRANT);
    this.#changes += 1;
    this.#storage.kv.put(GRANT, sealed);
  }

  async drop(): Promise<boolean> {
    const kept = await this.#kept();
    this.#changes += 1;
    const there = this.#storage.kv.delete(GRANT);
    if (kept !== undefined) this.ctx.waitUntil(this.#opened().keeper.takenBack(kept));
    return there;
  }

  async expect(id: string, value: JsonObject, until: number): Promise<void> {
    const sealed = await this.#seal(value, EXPECTED + id);
    const waiting = [...this.#storage.kv.list<Waiting>({ prefix: EXPECTED })].toSorted(([, a], [, b]) => a.until - b.until);
    for (const [name] of waiting.slice(0, Math.max(0, waiting.length + 1 - MOST_EXPECTED))) this.#storage.kv.delete(name);
    this.#storage.kv.put(EXPECTED + id, { sealed, until } satisfies Waiting);
    await this.#sweepAt(until);
  }

  /** As JSON. */
  async take(id: string): Promise<string | null> {
    const name = EXPECTED + id;
    const waiting = this.#storage.kv.get<Waiting>(name);
    // Gone before anything is waited for: of two who come at once one finds it.
    this.#storage.kv.delete(name);
    if (waiting?.sealed === undefined || waiting.until < systemClock.now()) return null;
    const value = await this.#unsealed(waiting.sealed, name);
    return value === undefined ? null : JSON.stringify(value);
  }

  async once(id: string, until: number): Promise<boolean> {
    if (this.#storage.kv.get(USED + id) !== undefined) return false;
    this.#storage.kv.put(USED + id, { until } satisfies Waiting);
    await this.#sweepAt(until);
    return true;
  }

  override async alarm(): Promise<void> {
    const now = systemClock.now();
    let next = Number.POSITIVE_INFINITY;
    for (const prefix of [EXPECTED, USED]) {
      for (const [name, { until }] of [...this.#storage.kv.list<Waiting>({ prefix })]) {
        if (until < now) this.#storage.kv.delete(name);
        else next = Math.min(next, until);
      }
    }
    if (Number.isFinite(next)) await this.#storage.setAlarm(next + 1);
    else if (this.#storage.kv.get(GRANT) === undefined) await this.#storage.deleteAll();
  }

  #together(kept: JsonObject | undefined, ask: GrantAsk): Promise<JsonObject | undefined> {
    const key = JSON.stringify([ask.with, kept === undefined]);
    const before = this.#renewing.get(key);
    if (before !== undefined) return before;
    const work = this.#renewed(kept, ask).finally(() => this.#renewing.delete(key));
    this.#renewing.set(key, work);
    return work;
  }

  async #renewed(kept: JsonObject | undefined, ask: GrantAsk): Promise<JsonObject | undefined> {
    const changes = this.#changes;
    const grant = await this.#opened().keeper.renewed(kept, ask);
    if (changes !== this.#changes) {
      // What was taken back or granted anew in the meantime stays so; what was got for this call alone is good for it.
      const now = await this.#kept();
      const isOwn = now !== undefined && this.#opened().keeper.standing(now, ask) !== 'foreign';
      return isOwn || ask.obtain === undefined ? now : grant;
    }
    if (grant !== undefined) await this.put(grant);
    else if (kept !== undefined) this.#storage.kv.delete(GRANT);
    return grant;
  }

  async #sweepAt(until: number): Promise<void> {
    const set = await this.#storage.getAlarm();
    if (set === null || set > until) await this.#storage.setAlarm(until + 1);
  }

  async #kept(): Promise<JsonObject | undefined> {
    const sealed = this.#storage.kv.get<Uint8Array>(GRANT);
    return sealed === undefined ? undefined : this.#unsealed(sealed, GRANT);
  }

  async #seal(value: JsonObject, place: string): Promise<Uint8Array> {
    const [current] = await this.#derived();
    if (current === undefined) throw new Error('a connection without a secret');
    return current.seal(JSON.stringify(value), `${this.#name} ${place}`);
  }

  /** `undefined` for what was sealed for another place, or with a secret that is known no more. */
  async #unsealed(sealed: Uint8Array, place: string): Promise<JsonObject | undefined> {
    for (const keys of await this.#derived()) {
      const text = await keys.open(sealed, `${this.#name} ${place}`);
      const value = text === undefined ? undefined : parseJson(text);
      if (isObject(value)) return value;
    }
    return undefined;
  }

  #derived(): Promise<readonly OwnerKeys[]> {
    this.#keys ??= Promise.all(this.#opened().secrets.map((secret) => OwnerKeys.derive(secret, this.#name, 'connection')));
    return this.#keys;
  }

  #opened(): ConnectionParts {
    this.#parts ??= this.open();
    return this.#parts;
  }
}
