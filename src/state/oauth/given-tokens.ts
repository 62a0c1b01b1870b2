import { within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { AccessToken, AccessTokens, TokenRef } from '../../core/oauth.ts';
import { Snapshots } from '../../core/snapshots.ts';
import type { TokenNames } from './names.ts';
import type { OAuthPlaces } from './places.ts';
import { providerOf, type ServerSettings } from './provider.ts';

/** What stands behind a grant: whoever has one of its tokens. */
export interface Granted {
  readonly claims: JsonObject;
  readonly key?: string;
}

/** Tokens an isolate remembers, and for how many milliseconds: what is revoked is known everywhere by then. */
const REMEMBERED = 1_000;
const REMEMBERED_FOR = 1_000;
/** Milliseconds for which whoever looks after an answer waits: an object that is slow must not hide what others know. */
const PATIENCE = 1_000;

/** The access tokens that were given out here. */
export class GivenTokens implements AccessTokens {
  readonly #places: OAuthPlaces;
  readonly #names: TokenNames;
  readonly #seen = new Snapshots<{ readonly token: AccessToken | undefined; readonly until: number }>(REMEMBERED);
  readonly #held = new Snapshots<{ readonly end: number | undefined; readonly until: number }>(REMEMBERED);

  constructor(places: OAuthPlaces, names: TokenNames) {
    this.#places = places;
    this.#names = names;
  }

  mayBe(token: string): boolean {
    return this.#names.mayBe(token);
  }

  async find(token: string): Promise<AccessToken | undefined> {
    const { clock } = this.#places;
    const known = this.#seen.get(token);
    if (known !== undefined && clock.now() < known.until) return known.token;
    const named = await this.#names.read(token);
    if (named === undefined) return undefined;
    let found: AccessToken | undefined;
    try {
      found = await this.#unwrap(named.inner);
    } catch (cause) {
      throw new GatewayError('overloaded', 'Access tokens cannot be checked at the moment. Try again shortly.', { cause, retryAfter: 2 });
    }
    this.#seen.put(token, { token: found, until: clock.now() + REMEMBERED_FOR });
    return found !== undefined && found.expiresAt <= clock.now() ? undefined : found;
  }

  async holds({ id, expiresAt }: TokenRef): Promise<number | undefined> {
    const { clock } = this.#places;
    const known = this.#held.get(id);
    if (known !== undefined && clock.now() < known.until) return known.end;
    const [user = '', grant = ''] = id.split(':');
    const asked = this.#places.grantOf(user, grant).holds([`token:${id}`, `grant:${user}:${grant}`], expiresAt);
    const end = (await within(PATIENCE, asked)) ?? undefined;
    this.#held.put(id, { end, until: clock.now() + REMEMBERED_FOR });
    return end;
  }

  async #unwrap(inner: string): Promise<AccessToken | undefined> {
    // Which settings it was given out under decides nothing here: the token says itself what it is for.
    const provider = await providerOf(READING);
    const summary = await provider.api({ OAUTH_KV: this.#places.kv() }).unwrapToken<Granted>(inner);
    if (summary === null || typeof summary.audience !== 'string') return undefined;
    const { claims, key } = summary.grant.props;
    return {
      id: `${summary.userId}:${summary.grantId}:${summary.id}`,
      resource: summary.audience,
      scopes: summary.scope,
      client: summary.grant.clientId,
      claims,
      expiresAt: summary.expiresAt * 1000,
      ...(key === undefined ? {} : { key }),
    };
  }
}

/** For what only reads. */
const READING: ServerSettings = {
  issuer: 'https://gateway.invalid',
  resources: ['https://gateway.invalid'],
  scopes: [],
  accessToken: 3_600,
  refreshToken: 0,
  registration: false,
  assertions: false,
};
