import { DurableObject } from 'cloudflare:workers';
import { systemClock } from '../ports.ts';
import { answerToken, type TokenAnswer, type TokenAsk } from './grant.ts';
import { forgetGrant } from './grant-rows.ts';
import { GrantStore } from './grant-store.ts';

export interface GrantEnv {
  /** Where grants are listed for those who administer them. */
  readonly DB?: D1Database;
}

/**
 * One grant: its code, its refresh tokens one after the other, its access tokens. Whatever would change it is done by one
 * request at a time, from the first look to the last write, so that of fifty that come together one is the first.
 */
export class OAuthGrant extends DurableObject<GrantEnv> {
  readonly #store: GrantStore;
  #last: Promise<unknown> = Promise.resolve();

  constructor(state: DurableObjectState, env: GrantEnv) {
    super(state, env);
    this.#store = new GrantStore(state.storage.sql);
  }

  /** Redeems a code or a refresh token, or revokes a token. */
  token(asked: TokenAsk): Promise<TokenAnswer> {
    return this.#alone(async () => {
      const answer = await answerToken(asked, { store: this.#store, now: systemClock.now, kept: (end) => this.#keepUntil(end) });
      if (this.#store.sweep(systemClock.now()) === undefined) await this.#clear();
      return answer;
    });
  }

  /** Takes all of it back: the code, and every token that came of it. */
  end(): Promise<void> {
    return this.#alone(async () => {
      this.#store.revoke();
      await this.#clear();
    });
  }

  /** One entry as the library wrote it; `null` where it is not, or no more. */
  read(key: string): string | null {
    return this.#store.read(key, systemClock.now()) ?? null;
  }

  /** When the grant ends by itself; `null` where it or the access token was revoked, or both are over. `names`: of their entries. */
  holds(names: readonly [token: string, grant: string], tokenEnds: number): number | null {
    return this.#store.endOf(names, tokenEnds, systemClock.now()) ?? null;
  }

  async write(key: string, value: string, expiresAt: number): Promise<void> {
    this.#store.write(key, value, expiresAt);
    this.#keepUntil(expiresAt);
  }

  /** Whether it is the first time that a name is taken. */
  take(name: string, expiresAt: number): boolean {
    const isFirst = this.#store.take(name, expiresAt);
    this.#keepUntil(expiresAt);
    return isFirst;
  }

  override async alarm(): Promise<void> {
    await this.#alone(async () => {
      const end = this.#store.sweep(systemClock.now());
      if (end === undefined) await this.#clear();
      else await this.ctx.storage.setAlarm(end);
    });
  }

  async #clear(): Promise<void> {
    this.#store.forget();
    await this.ctx.storage.deleteAlarm();
    await this.ctx.storage.deleteAll();
    const { DB: db } = this.env;
    // Where this fails the row stays until the time is over that it names: what it says is granted is not.
    if (db !== undefined) await forgetGrant(db, this.ctx.id.toString()).catch((cause) => console.error('A grant is still listed', cause));
  }

  #keepUntil(end: number): void {
    void this.ctx.storage.setAlarm(end);
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work, work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
