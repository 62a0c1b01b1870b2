import { TOKEN_PREFIX } from '../../core/oauth.ts';
import { base64url, deriveHmac } from '../secret.ts';

const encoder = new TextEncoder();

/** Characters of base64url: 128 bits of a digest. */
const MAC = 22;
const USER = 16;

/** One code or token, taken apart: `inner` is what the library made of it. */
export interface NamedToken {
  readonly user: string;
  readonly grant: string;
  readonly inner: string;
}

/**
 * Codes and tokens as they are shown: `weir_oauth_<user>.<grant>.<secret>.<mac>`. They name the object that knows them, so
 * that the name must not be anybody's to choose: without a genuine one no object is asked, and none is made.
 */
export class TokenNames {
  readonly #secrets: readonly string[];
  #keys: Promise<readonly CryptoKey[]> | undefined;

  /** `secrets`: the one in use first, then the one before. */
  constructor(secrets: readonly string[]) {
    this.#secrets = secrets;
  }

  /** The same for the same person of the same sign-in, and telling nothing of them. */
  async user(who: string): Promise<string> {
    return `${TOKEN_PREFIX}${(await this.#mac(`user ${who}`)).slice(0, USER)}`;
  }

  async shown(inner: string): Promise<string> {
    return `${inner.replaceAll(':', '.')}.${await this.#mac(inner)}`;
  }

  mayBe(token: string): boolean {
    return token.startsWith(TOKEN_PREFIX) && token.length <= 512;
  }

  /** `undefined` for what this gateway did not make. */
  async read(shown: string): Promise<NamedToken | undefined> {
    if (!this.mayBe(shown)) return undefined;
    const [user, grant, secret, mac, ...more] = shown.split('.');
    if (user === undefined || !grant || !secret || mac === undefined || more.length > 0) return undefined;
    const inner = `${user}:${grant}:${secret}`;
    for (const key of await this.#derived()) {
      if (same(mac, await macOf(key, inner))) return { user, grant, inner };
    }
    return undefined;
  }

  async #mac(text: string): Promise<string> {
    const [key] = await this.#derived();
    if (key === undefined) throw new Error('there is no secret');
    return macOf(key, text);
  }

  #derived(): Promise<readonly CryptoKey[]> {
    this.#keys ??= Promise.all(this.#secrets.map((secret) => deriveHmac(secret, 'weir oauth 1 names')));
    return this.#keys;
  }
}

const macOf = async (key: CryptoKey, text: string) => base64url(await crypto.subtle.sign('HMAC', key, encoder.encode(text))).slice(0, MAC);

const same = (left: string, right: string) =>
  left.length === right.length && crypto.subtle.timingSafeEqual(encoder.encode(left), encoder.encode(right));
