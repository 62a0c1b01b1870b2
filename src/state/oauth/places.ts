import type { Clock } from '../../core/ports.ts';
import { ClientDocuments, type ClientDocumentsOptions, ClientFault } from './client-documents.ts';
import type { OAuthClients } from './clients-object.ts';
import type { OAuthGrant } from './grant-object.ts';
import { endOf } from './grant-store.ts';
import type { GrantKv } from './provider.ts';

export interface OAuthPlacesOptions extends ClientDocumentsOptions {
  readonly grants: DurableObjectNamespace<OAuthGrant>;
  readonly clients: DurableObjectNamespace<OAuthClients>;
}

/** Where the authorization server keeps things: an object for each grant, one for the clients, and documents elsewhere. */
export class OAuthPlaces {
  readonly #options: OAuthPlacesOptions;
  readonly #documents: ClientDocuments;

  constructor(options: OAuthPlacesOptions) {
    this.#options = options;
    this.#documents = new ClientDocuments(options);
  }

  get clock(): Clock {
    return this.#options.clock;
  }

  grantOf(user: string, grant: string): DurableObjectStub<OAuthGrant> {
    return this.#options.grants.getByName(`${user}:${grant}`);
  }

  /** The id by which operators know it: that of its object. */
  grantId(user: string, grant: string): string {
    return this.#options.grants.idFromName(`${user}:${grant}`).toString();
  }

  grantById(id: string): DurableObjectStub<OAuthGrant> {
    return this.#options.grants.get(this.#options.grants.idFromString(id));
  }

  registry(): DurableObjectStub<OAuthClients> {
    return this.#options.clients.getByName('clients');
  }

  /** Whether it is the first time that a name is put down. */
  takeOnce(name: string, until: number): Promise<boolean> {
    return this.#options.grants.getByName(`once ${name}`).take(name, until);
  }

  /** A client as the library keeps it; `undefined` where there is none. */
  async clientOf(id: string | undefined): Promise<{ readonly id: string; readonly record: string } | undefined> {
    if (id === undefined || id === '' || id.length > 1024) return undefined;
    try {
      const record = ClientDocuments.isAddress(id) ? await this.#documents.find(id) : await this.registry().find(id);
      return record === null ? undefined : { id, record };
    } catch (thrown) {
      if (thrown instanceof ClientFault) return undefined;
      throw thrown;
    }
  }

  /** What the library keeps, wherever it belongs. `registering`: takes a client rather than keeping it. */
  kv(registering?: (key: string, value: string) => void): GrantKv {
    const { clock } = this.#options;
    const objectOf = (key: string) => {
      const [, user = '', grant = ''] = key.split(':');
      return this.grantOf(user, grant);
    };
    return {
      ...nothing,
      get: async (key) => {
        const id = key.startsWith('client:') ? key.slice('client:'.length) : undefined;
        if (id === undefined) return json(await objectOf(key).read(key));
        if (ClientDocuments.isAddress(id)) return json(await this.#documents.find(id));
        return json(await this.registry().find(id));
      },
      put: async (key, value, options) => {
        if (key.startsWith('client:')) registering?.(key, value);
        else await objectOf(key).write(key, value, endOf(options, clock.now()));
      },
    };
  }
}

/** Holds nothing, and keeps nothing. */
export const nothing: GrantKv = {
  get: async () => null,
  put: async () => undefined,
  delete: async () => undefined,
  list: async () => ({ keys: [], list_complete: true }),
};

const json = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
