import { errorCodes, GatewayError } from '../../core/errors.ts';
import { isObject, type Json, parseJson } from '../../core/json.ts';
import type { AppResource, KeyOnce, KeyResource, OrgResource, TeamResource } from '../resources/shapes.ts';

interface Resources {
  readonly orgs: OrgResource;
  readonly teams: TeamResource;
  readonly apps: AppResource;
  readonly keys: KeyResource;
}
type Plural = keyof Resources;

interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

const OF_THE_BODY = ['content-length', 'content-type', 'content-encoding', 'transfer-encoding', 'if-match'];

type Query = { readonly [filter: string]: string };

/**
 * The admin API, asked from within: what is done through another gateway's paths is checked, audited and made known as
 * what is done through its own.
 */
export class InnerAdmin {
  readonly #ask: (request: Request) => Promise<Response> | Response;
  readonly #headers: Headers;

  /** `caller`: whose request it is that leads to these. They are made as whoever it shows itself to be. */
  constructor(ask: (request: Request) => Promise<Response> | Response, caller: Request) {
    this.#ask = ask;
    this.#headers = new Headers(caller.headers);
    for (const name of OF_THE_BODY) this.#headers.delete(name);
  }

  create<P extends Exclude<Plural, 'keys'>>(plural: P, body: object): Promise<Resources[P]> {
    return this.#send('POST', `/${plural}`, body);
  }

  createKey(body: object): Promise<KeyOnce> {
    return this.#send('POST', '/keys', body);
  }

  /** `undefined` where there is none. */
  async read<P extends Plural>(plural: P, id: string): Promise<Resources[P] | undefined> {
    try {
      return await this.#send('GET', `/${plural}/${encodeURIComponent(id)}`);
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === 'not_found') return undefined;
      throw thrown;
    }
  }

  change<P extends Plural>(plural: P, id: string, body: object): Promise<Resources[P]> {
    return this.#send('PATCH', `/${plural}/${encodeURIComponent(id)}`, body);
  }

  remove(plural: Plural, id: string): Promise<object> {
    return this.#send('DELETE', `/${plural}/${encodeURIComponent(id)}`);
  }

  /** Every one of the kind that these filters find. */
  async *all<P extends Plural>(plural: P, query: Query = {}): AsyncGenerator<Resources[P]> {
    let cursor: string | null = null;
    do {
      const more: Query = cursor === null ? {} : { cursor };
      const page: Page<Resources[P]> = await this.#send('GET', `/${plural}?${new URLSearchParams({ ...query, limit: '500', ...more })}`);
      yield* page.items;
      cursor = page.next;
    } while (cursor !== null);
  }

  async #send<T>(method: string, path: string, body?: object): Promise<T> {
    const response = await this.#ask(
      new Request(`http://inner${path}`, {
        method,
        headers: this.#headers,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
    );
    const text = await response.text();
    if (!response.ok) throw errorOf(parseJson(text));
    return JSON.parse(text);
  }
}

function errorOf(problem: Json | undefined): GatewayError {
  const { code, detail, param } = isObject(problem) ? problem : {};
  if (!isCode(code) || typeof detail !== 'string')
    return new GatewayError('internal', 'The admin API answered with nothing that is an error.');
  return new GatewayError(code, detail, typeof param === 'string' ? { param } : {});
}

const isCode = (code: Json | undefined): code is keyof typeof errorCodes => typeof code === 'string' && Object.hasOwn(errorCodes, code);
