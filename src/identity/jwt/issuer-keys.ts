import { GatewayError } from '../../core/errors.ts';
import type { IdentityPorts } from '../../core/identity.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { readText } from '../../core/reader.ts';

/** Milliseconds after which keys are fetched again, behind a request. */
export const FRESH = 10 * 60_000;
/** Milliseconds for which they stay good while the issuer does not answer. */
export const LAST_RESORT = 3_600_000;
/** Milliseconds between two fetches for a key that is not among them. */
export const AGAIN_AFTER = 60_000;
/** Milliseconds between two fetches where the one before failed and there are no keys. */
const RETRY_AFTER = 5_000;
/** Milliseconds for one answer, and for what a request waits for at most. */
const ANSWER_WITHIN = 5_000;
const WAIT = 2 * ANSWER_WITHIN + 1_000;
const MOST_BYTES = 64 * 1024;
const MOST_KEYS = 100;

/** What one fetch found. A new object each time, by which others may remember what they made of it. */
export interface KeySet {
  readonly keys: readonly { readonly [member: string]: unknown }[];
}

/** The public keys of one issuer: fetched from nowhere else, whatever a token says. */
export class IssuerKeys {
  readonly #issuer: string;
  readonly #jwksUri: string | undefined;
  #set: KeySet | undefined;
  #readAt = Number.NEGATIVE_INFINITY;
  #triedAt = Number.NEGATIVE_INFINITY;
  #flight: { readonly since: number; readonly done: Promise<void> } | undefined;

  /** Without `jwksUri` it is found by OpenID Connect Discovery 1.0, section 4. */
  constructor(issuer: string, jwksUri: string | undefined) {
    this.#issuer = issuer;
    this.#jwksUri = jwksUri;
  }

  /** Throws `overloaded` where there are none and none can be had now. */
  async current(ports: IdentityPorts): Promise<KeySet> {
    const now = ports.clock.now();
    const age = now - this.#readAt;
    if (this.#set !== undefined && age < LAST_RESORT) {
      if (age >= FRESH && now - this.#triedAt >= AGAIN_AFTER) this.#start(ports);
      return this.#set;
    }
    if (this.#flight === undefined && now - this.#triedAt < RETRY_AFTER) throw this.#unavailable();
    const set = await this.#landed(ports);
    if (set === undefined || ports.clock.now() - this.#readAt >= LAST_RESORT) throw this.#unavailable();
    return set;
  }

  /** Keys that may hold one which the current ones do not; `undefined` where it is too soon to ask for them. */
  async renewed(ports: IdentityPorts, known: KeySet): Promise<KeySet | undefined> {
    if (this.#set === known) {
      if (this.#flight === undefined && ports.clock.now() - this.#triedAt < AGAIN_AFTER) return undefined;
      await this.#landed(ports);
    }
    return this.#set === known ? undefined : this.#set;
  }

  #unavailable(): GatewayError {
    return new GatewayError('overloaded', 'The keys of the issuer of this token cannot be read at the moment. Try again shortly.', {
      retryAfter: RETRY_AFTER / 1000,
    });
  }

  /** The wait has its own timer in the waiting request: the fetch may belong to another one that is gone. */
  async #landed(ports: IdentityPorts): Promise<KeySet | undefined> {
    let stop = (): void => undefined;
    const deadline = new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, WAIT);
      stop = () => clearTimeout(timer);
    });
    await Promise.race([this.#start(ports), deadline]);
    stop();
    return this.#set;
  }

  #start(ports: IdentityPorts): Promise<void> {
    const now = ports.clock.now();
    if (this.#flight !== undefined && now - this.#flight.since < WAIT) return this.#flight.done;
    const flight = { since: now, done: this.#fetch(ports, now).finally(() => this.#land(flight)) };
    this.#flight = flight;
    this.#triedAt = now;
    ports.after(flight.done);
    return flight.done;
  }

  #land(flight: { readonly since: number }): void {
    if (this.#flight === flight) this.#flight = undefined;
  }

  /** Never rejects: what fails is logged, and the keys stay. */
  async #fetch(ports: IdentityPorts, now: number): Promise<void> {
    try {
      const uri = this.#jwksUri ?? (await this.#discovered(ports));
      const document = await fetchJson(uri, ports);
      const keys = document.keys;
      if (!isArray(keys)) throw new Error('The key set has no list of keys');
      this.#set = { keys: keys.filter(isObject).slice(0, MOST_KEYS) };
      this.#readAt = now;
    } catch (cause) {
      console.error(`The keys of the issuer ${this.#issuer} could not be read`, cause);
    }
  }

  /** Section 4.3: what it says of itself must be what it was asked as. */
  async #discovered(ports: IdentityPorts): Promise<string> {
    const document = await fetchJson(`${this.#issuer.replace(/\/$/, '')}/.well-known/openid-configuration`, ports);
    if (document.issuer !== this.#issuer) throw new Error('The discovery document is of another issuer');
    if (typeof document.jwks_uri !== 'string') throw new Error('The discovery document names no key set');
    return document.jwks_uri;
  }
}

async function fetchJson(url: string, { egress }: IdentityPorts): Promise<JsonObject> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN);
  const response = await egress.send({ url, method: 'GET', headers: { accept: 'application/json' }, signal });
  if (response.status !== 200) {
    await response.body?.cancel();
    throw new Error(`The answer was ${response.status}`);
  }
  const text = await readText(response, MOST_BYTES);
  if (text === undefined) throw new Error(`The answer is larger than ${MOST_BYTES} bytes`);
  const document: Json | undefined = parseJson(text);
  if (!isObject(document)) throw new Error('The answer is not a JSON object');
  return document;
}
