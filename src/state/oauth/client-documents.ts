import { addressFault } from '../../core/address.ts';
import { isArray, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Clock, Egress } from '../../core/ports.ts';
import { readText } from '../../core/reader.ts';
import { Snapshots } from '../../core/snapshots.ts';

/** Bytes of a document: draft-ietf-oauth-client-id-metadata-document-00 section 6.6 says five thousand. */
const MOST_BYTES = 5 * 1024;
const ANSWER_WITHIN = 5_000;
/** Milliseconds for which a document is remembered, and that there is none. */
const FRESH = 5 * 60_000;
const FRESH_REFUSAL = 30_000;
const REMEMBERED = 200;

/** Why there is no such client, for whoever asked for it. */
export class ClientFault extends Error {}

export interface ClientDocumentsOptions {
  readonly egress: Egress;
  readonly clock: Clock;
  /** Whether documents may lie on loopback, without TLS: runs on somebody's own machine. */
  readonly local: boolean;
}

/** Clients that are known by the address of what they say of themselves (Client ID Metadata Documents). */
export class ClientDocuments {
  readonly #options: ClientDocumentsOptions;
  readonly #known = new Snapshots<{ readonly found: string | ClientFault; readonly until: number }>(REMEMBERED);

  constructor(options: ClientDocumentsOptions) {
    this.#options = options;
  }

  /** Whether an id is an address at all. */
  static isAddress = (id: string): boolean => /^https?:\/\//.test(id);

  /** The client as the library keeps it. Throws a `ClientFault`. */
  async find(id: string): Promise<string> {
    const { clock } = this.#options;
    const known = this.#known.get(id);
    if (known !== undefined && clock.now() < known.until) {
      if (known.found instanceof ClientFault) throw known.found;
      return known.found;
    }
    const found = await this.#read(id).catch((cause: unknown) =>
      cause instanceof ClientFault ? cause : new ClientFault('The document of this client could not be read.', { cause }),
    );
    this.#known.put(id, { found, until: clock.now() + (found instanceof ClientFault ? FRESH_REFUSAL : FRESH) });
    if (found instanceof ClientFault) throw found;
    return found;
  }

  async #read(id: string): Promise<string> {
    const { egress, local, clock } = this.#options;
    checkAddress(id, local);
    const signal = AbortSignal.timeout(ANSWER_WITHIN);
    const response = await egress.send({ url: id, method: 'GET', headers: { accept: 'application/json' }, signal });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new ClientFault(`The document of this client was answered with ${response.status}.`);
    }
    const text = await readText(response, MOST_BYTES);
    if (text === undefined) throw new ClientFault(`The document of this client is larger than ${MOST_BYTES} bytes.`);
    const document = parseJson(text);
    if (!isObject(document)) throw new ClientFault('The document of this client is not a JSON object.');
    return JSON.stringify(recordOf(id, document, Math.floor(clock.now() / 1000)));
  }
}

/** Section 3: https, a path, and one way to write it. */
function checkAddress(id: string, local: boolean): void {
  const url = URL.parse(id);
  const fault = url === null || id.length > 1024 ? 'it is not a URL' : addressFault(url, local);
  if (fault !== undefined) throw new ClientFault(`The document of this client is not asked for: ${fault}.`);
  if (url?.href !== id || url.hash !== '' || url.pathname === '/') {
    throw new ClientFault('The id of this client is not written as an address of a document is.');
  }
}

/** Section 4: the fields of RFC 7591, of a client without a secret. */
function recordOf(id: string, document: JsonObject, now: number): object {
  const { client_id, client_name, client_uri, redirect_uris, token_endpoint_auth_method: method } = document;
  if (client_id !== id) throw new ClientFault('The document is of another client.');
  if (document.client_secret !== undefined) throw new ClientFault('The document of a client is no place for secrets.');
  const offered = document.token_endpoint_auth_methods_supported;
  const isPublic = method === undefined || method === 'none' || (isArray(offered) && offered.includes('none'));
  if (!isPublic) throw new ClientFault(`This client wants to prove itself by ${String(method)}, which is not taken here: none is.`);
  const redirects = isArray(redirect_uris) ? redirect_uris.filter((each) => typeof each === 'string' && each !== '') : [];
  if (redirects.length === 0 || redirects.length > 50) throw new ClientFault('The document of this client lists no redirect_uris.');
  return {
    clientId: id,
    redirectUris: redirects,
    ...(typeof client_name === 'string' ? { clientName: client_name.slice(0, 200) } : {}),
    ...(typeof client_uri === 'string' ? { clientUri: client_uri.slice(0, 1024) } : {}),
    grantTypes: ['authorization_code', 'refresh_token'],
    responseTypes: ['code'],
    tokenEndpointAuthMethod: 'none',
    authMethodExplicit: true,
    registrationDate: now,
  };
}
