import { DurableObject } from 'cloudflare:workers';
import { systemClock } from '../ports.ts';
import { ClientRegistry, type Registered } from './client-registry.ts';

/** The clients that registered themselves: one object for the deployment, so that there is one bound for all of them. */
export class OAuthClients extends DurableObject<object> {
  readonly #registry: ClientRegistry;

  constructor(state: DurableObjectState, env: object) {
    super(state, env);
    this.#registry = new ClientRegistry(state.storage.sql);
  }

  same(digest: string): string | null {
    return this.#registry.same(digest, systemClock.now()) ?? null;
  }

  /** What is to be answered; `null` where there is no room. */
  register(client: Registered): string | null {
    return this.#registry.register(client, systemClock.now()) ?? null;
  }

  find(id: string): string | null {
    return this.#registry.find(id, systemClock.now()) ?? null;
  }

  note(id: string): void {
    this.#registry.note(id, systemClock.now());
  }

  count(): number {
    return this.#registry.count();
  }
}
