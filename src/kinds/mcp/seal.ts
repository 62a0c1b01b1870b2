import { GatewayError } from '../../core/errors.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Clock, Continuity } from '../../core/ports.ts';

/** Seals what clients keep for the gateway, so that only the same caller can show it again, for the same use, in time. */
export class Sealer {
  readonly #continuity: Continuity | undefined;
  readonly #clock: Clock;
  readonly #owner: string;

  constructor(continuity: Continuity | undefined, clock: Clock, owner: string) {
    this.#continuity = continuity;
    this.#clock = clock;
    this.#owner = owner;
  }

  /** Good for `use` and so many milliseconds. Throws `state_off` where the deployment has no secret. */
  async seal(use: string, value: Json, ms: number): Promise<string> {
    return this.#port().seal(this.#owner, JSON.stringify({ use, value, until: this.#clock.now() + ms }));
  }

  /** `undefined` for what was not sealed for this caller and this use, was changed, or is too old. */
  async open(use: string, sealed: string): Promise<JsonObject | undefined> {
    const text = await this.#port().open(this.#owner, sealed);
    const said = text === undefined ? undefined : parseJson(text);
    if (!isObject(said) || said.use !== use || typeof said.until !== 'number' || said.until < this.#clock.now()) return undefined;
    return isObject(said.value) ? said.value : undefined;
  }

  /** The same each time for the same caller, use and text; nobody else has it. 43 characters of base64url. */
  async sign(use: string, text: string): Promise<string> {
    return this.#port().sign(this.#owner, JSON.stringify([use, text]));
  }

  #port(): Continuity {
    if (this.#continuity === undefined)
      throw new GatewayError('state_off', 'This gateway seals nothing: the operator sets the secret WEIR_SECRET.');
    return this.#continuity;
  }
}
