import type { ExplanationItem } from '../admin/explanation.ts';
import type { AppResource, KeyOnce, KeyResource, OrgResource, TeamResource } from '../admin/resources/shapes.ts';

/** What each kind of thing looks like when it is read. */
export interface Resources {
  readonly orgs: OrgResource;
  readonly teams: TeamResource;
  readonly apps: AppResource;
  readonly keys: KeyResource;
}
export type Plural = keyof Resources;

/** What each kind of thing looks like when it has just been made. */
export interface Made extends Omit<Resources, 'keys'> {
  readonly keys: KeyOnce;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

export interface ClientOptions {
  /** Of the gateway, without `/admin/v1`. */
  readonly url: string;
  readonly token: string;
  readonly fetch: typeof fetch;
}

/** What the admin API says went wrong, in its own words. */
export class ApiError extends Error {
  readonly status: number;
  readonly problems: readonly { readonly path: string; readonly message: string }[];

  constructor(status: number, detail: string, problems: ApiError['problems']) {
    super(detail);
    this.name = 'ApiError';
    this.status = status;
    this.problems = problems;
  }
}

/** The admin API, typed by the schemas that it answers by. */
export class AdminClient {
  readonly #options: ClientOptions;

  constructor(options: ClientOptions) {
    this.#options = options;
  }

  create<P extends Plural>(plural: P, body: object): Promise<Made[P]> {
    return this.#ask('POST', `/${plural}`, body);
  }

  list<P extends Plural>(plural: P, query: { readonly [filter: string]: string } = {}): Promise<Page<Resources[P]>> {
    const search = new URLSearchParams(query).toString();
    return this.#ask('GET', `/${plural}${search === '' ? '' : `?${search}`}`);
  }

  /** Throws away answers that would be given again. */
  purge(scope: object): Promise<object> {
    return this.#ask('DELETE', '/cache', scope);
  }

  change<P extends Plural>(plural: P, id: string, body: object): Promise<Resources[P]> {
    return this.#ask('PATCH', `/${plural}/${encodeURIComponent(id)}`, body);
  }

  delete(plural: Plural, id: string): Promise<{ readonly id: string; readonly deleted: true }> {
    return this.#ask('DELETE', `/${plural}/${encodeURIComponent(id)}`);
  }

  rotate(id: string, body: { readonly overlap?: string }): Promise<KeyOnce> {
    return this.#ask('POST', `/keys/${encodeURIComponent(id)}/rotate`, body);
  }

  /** What is at a path, of the type that its route answers with. */
  read<T>(path: string, query: { readonly [name: string]: string } = {}): Promise<T> {
    const search = new URLSearchParams(query).toString();
    return this.#ask('GET', `${path}${search === '' ? '' : `?${search}`}`);
  }

  /** Writes at a path; what its route answers with. */
  send<T>(method: 'POST' | 'PATCH' | 'DELETE', path: string, body?: object): Promise<T> {
    return this.#ask(method, path, body);
  }

  /** Decides what waits at a path; what is there then. */
  decide<T>(path: string, body: object): Promise<T> {
    return this.#ask('POST', path, body);
  }

  /** What would become of a call. */
  explain(body: object): Promise<ExplanationItem> {
    return this.#ask('POST', '/explain', body);
  }

  /** The configuration that is served; literal keys in it are hidden. */
  config(): Promise<{ readonly revision: number; readonly document: { readonly [part: string]: unknown } }> {
    return this.#ask('GET', '/config');
  }

  /** What publishing the document would say. */
  tryConfig(document: object): Promise<{ readonly valid: boolean; readonly problems: ApiError['problems'] }> {
    return this.#ask('PUT', '/config?dryRun=1', document);
  }

  /** Publishes the document, unless another one than `revision` is served by now. */
  publish(document: object, revision: number, note: string): Promise<{ readonly revision: number }> {
    return this.#ask('PUT', `/config?${new URLSearchParams({ note })}`, document, { 'if-match': `"${revision}"` });
  }

  auditKey(): Promise<{ readonly key: string; readonly previous: readonly string[] }> {
    return this.#ask('GET', '/audit/key');
  }

  /** Hands on what is answered, byte by byte, as it comes. */
  async stream(path: string, query: { readonly [name: string]: string }, take: (bytes: Uint8Array) => Promise<void>): Promise<void> {
    const search = new URLSearchParams(query).toString();
    const response = await this.#send('GET', `${path}${search === '' ? '' : `?${search}`}`);
    if (!response.ok) throw errorOf(response.status, await response.text());
    for await (const bytes of response.body ?? []) await take(bytes);
  }

  async #ask<T>(method: string, path: string, body?: object, headers: { readonly [name: string]: string } = {}): Promise<T> {
    const response = await this.#send(method, path, body, headers);
    const text = await response.text();
    if (!response.ok) throw errorOf(response.status, text);
    return JSON.parse(text) as T;
  }

  #send(method: string, path: string, body?: object, headers: { readonly [name: string]: string } = {}): Promise<Response> {
    const { url, token, fetch } = this.#options;
    return fetch(`${url.replace(/\/+$/, '')}/admin/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      redirect: 'error',
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  }
}

function errorOf(status: number, text: string): ApiError {
  const { detail, problems } = problemIn(text);
  return new ApiError(status, detail ?? `What answered (${status}) is no admin API: is WEIR_URL right?`, problems ?? []);
}

interface Problem {
  readonly detail?: string;
  readonly problems?: ApiError['problems'];
}

function problemIn(text: string): Problem {
  try {
    return JSON.parse(text) as Problem;
  } catch {
    return {};
  }
}
