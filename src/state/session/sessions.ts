import type { Sessions } from '../../core/session.ts';
import { OwnerKeys } from '../secret.ts';
import type { SessionObject } from './session-object.ts';

/** Finds the object of a session. Its name is a keyed hash of its owner's: nobody reaches another's by knowing what it is called. */
export class NamedSessions implements Sessions {
  readonly #namespace: DurableObjectNamespace<SessionObject>;
  readonly #secret: string;

  constructor(namespace: DurableObjectNamespace<SessionObject>, secret: string) {
    this.#namespace = namespace;
    this.#secret = secret;
  }

  async ask(owner: string, name: string, request: Request): Promise<Response> {
    const keys = await OwnerKeys.derive(this.#secret, owner, 'session');
    return this.#namespace.getByName(await keys.name(name)).fetch(request);
  }
}
