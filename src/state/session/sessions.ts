import type { Sessions } from '../../core/session.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { OwnerKeys } from '../secret.ts';
import type { SessionObject } from './session-object.ts';

/** Sessions of an isolate whose names are remembered. */
const MOST_NAMES = 2_000;

/** Finds the object of a session. Its name is a keyed hash of its owner's: nobody reaches another's by knowing what it is called. */
export class NamedSessions implements Sessions {
  readonly #namespace: DurableObjectNamespace<SessionObject>;
  readonly #secret: string;
  /** Deriving a name takes as long as all else that is done to find a session. */
  readonly #names = new Snapshots<string>(MOST_NAMES);

  constructor(namespace: DurableObjectNamespace<SessionObject>, secret: string) {
    this.#namespace = namespace;
    this.#secret = secret;
  }

  async ask(owner: string, name: string, request: Request): Promise<Response> {
    return this.#namespace.getByName(await this.#name(owner, name)).fetch(request);
  }

  async #name(owner: string, name: string): Promise<string> {
    const whose = JSON.stringify([owner, name]);
    const known = this.#names.get(whose);
    if (known !== undefined) return known;
    const keys = await OwnerKeys.derive(this.#secret, owner, 'session');
    const derived = await keys.name(name);
    this.#names.put(whose, derived);
    return derived;
  }
}
