import { decodeBase64 } from '../../core/base64.ts';
import type { Connection, Credentials } from '../../core/credentials.ts';
import { within } from '../../core/deadline.ts';
import { GatewayError } from '../../core/errors.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { base64url, OwnerKeys } from '../secret.ts';
import type { ConnectionObject, GrantAnswer } from './connection-object.ts';
import type { Vault } from './vault.ts';

/** Milliseconds that an object may take to keep something; and to renew a grant, for which it asks somebody else. */
const DEADLINE = 5_000;
const RENEWAL = 20_000;

const HANDED_OUT = 'handed out';

type Namespace = DurableObjectNamespace<ConnectionObject>;

/** The id by which the administration knows a connection: that of its object, which tells nothing of whose it is. */
export const connectionId = async (namespace: Namespace, holder: string, account: string): Promise<string> =>
  namespace.idFromName(await nameOf(holder, account)).toString();

/** The object of a connection by that id; `undefined` for what is none. */
export function connectionById(namespace: Namespace, id: string): Pick<Connection, 'drop'> | undefined {
  if (!/^[\da-f]{64}$/.test(id)) return undefined;
  const stub = namespace.get(namespace.idFromString(id));
  return { drop: () => inTime(DEADLINE, stub.drop()) };
}

/** What the gateway shows the servers behind it. One an isolate. */
export class KeptCredentials implements Credentials {
  readonly #namespace: Namespace | undefined;
  readonly #vault: Vault | undefined;
  readonly #secrets: readonly string[];
  #derived: readonly OwnerKeys[] | undefined;

  /** `secrets`: the one in use, then the one before it. */
  constructor(namespace: Namespace | undefined, vault: Vault | undefined, secrets: readonly string[]) {
    this.#namespace = namespace;
    this.#vault = vault;
    this.#secrets = secrets;
  }

  async vault(org: string, name: string): Promise<string | undefined> {
    if (this.#vault === undefined) throw off('the database');
    return this.#vault.value(org, name);
  }

  connection(holder: string, account: string): Connection {
    const namespace = this.#namespace;
    if (namespace === undefined) throw off('CONNECTION');
    const object = async () => namespace.getByName(await nameOf(holder, account));
    return {
      use: async (ask) => told(await inTime(RENEWAL, (await object()).use(ask))),
      put: async (grant) => inTime(DEADLINE, (await object()).put(grant)),
      drop: async () => inTime(DEADLINE, (await object()).drop()),
      expect: async (id, value, until) => inTime(DEADLINE, (await object()).expect(id, value, until)),
      take: async (id) => objectOf(await inTime(DEADLINE, (await object()).take(id))),
      once: async (id, until) => inTime(DEADLINE, (await object()).once(id, until)),
    };
  }

  async seal(text: string): Promise<string> {
    const [current] = await this.#keys();
    if (current === undefined) throw off('the secret WEIR_SECRET');
    return base64url((await current.seal(text, HANDED_OUT)).slice().buffer);
  }

  async open(sealed: string): Promise<string | undefined> {
    const bytes = decodeBase64(sealed);
    if (bytes === undefined) return undefined;
    for (const keys of await this.#keys()) {
      const opened = await keys.open(bytes, HANDED_OUT);
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  async #keys(): Promise<readonly OwnerKeys[]> {
    // What is kept is the result, not the promise: that one would belong to a request that may be gone.
    this.#derived ??= await Promise.all(this.#secrets.map((secret) => OwnerKeys.derive(secret, 'links', 'connection')));
    return this.#derived;
  }
}

const off = (what: string) =>
  new GatewayError('state_off', `This gateway keeps no credentials of callers: the operator binds or sets ${what}.`);

/** The name of an object: the same for the same holder and account whatever the secret is, so that a new secret loses nothing. */
async function nameOf(holder: string, account: string): Promise<string> {
  const text = new TextEncoder().encode(JSON.stringify([holder, account]));
  return base64url(await crypto.subtle.digest('SHA-256', text));
}

/** Throws `overloaded` for what is too late or cannot be reached. */
async function inTime<T>(milliseconds: number, work: Promise<T>): Promise<T> {
  try {
    return await within(milliseconds, work);
  } catch (cause) {
    throw new GatewayError('overloaded', 'The credential for the server cannot be reached now. Try again in a moment.', { cause });
  }
}

function told(text: string): JsonObject | undefined {
  const answer: GrantAnswer = JSON.parse(text);
  if ('code' in answer) throw new GatewayError(answer.code, answer.message);
  return answer.grant;
}

function objectOf(text: string | null): JsonObject | undefined {
  const value = text === null ? undefined : parseJson(text);
  return isObject(value) ? value : undefined;
}
