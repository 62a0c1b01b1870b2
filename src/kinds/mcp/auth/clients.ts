import type { Credentials } from '../../../core/credentials.ts';
import { isObject, type JsonObject } from '../../../core/json.ts';
import type { ServerMetadata } from './metadata.ts';
import { askJson, distrust, type Outbound } from './outbound.ts';
import { methodOf, type OAuthClient } from './tokens.ts';

export const CALLBACK_PATH = '/oauth/connect/callback';
/** Where the gateway says what it is to authorization servers that read it (client ID metadata documents). */
export const CLIENT_METADATA_PATH = '/oauth/client-metadata.json';

/** Whose the registrations of the gateway itself are. */
const GATEWAY = 'gateway';
/** Milliseconds after which it registers anew for those who consent then: a server may have forgotten it, and does not say so. */
const REGISTERED_FOR = 7 * 24 * 3_600_000;

/** What the gateway says of itself (RFC 7591 §2). */
export const clientMetadata = (origin: string): JsonObject => ({
  client_name: 'Weir',
  redirect_uris: [`${origin}${CALLBACK_PATH}`],
  grant_types: ['authorization_code', 'refresh_token'],
  response_types: ['code'],
  token_endpoint_auth_method: 'none',
  application_type: 'web',
});

/** The document at `CLIENT_METADATA_PATH`, whose address is the client's id. */
export const clientDocument = (origin: string): JsonObject => ({
  client_id: `${origin}${CLIENT_METADATA_PATH}`,
  client_uri: origin,
  ...clientMetadata(origin),
});

/**
 * Who the gateway is to an authorization server: as the operator registered it, or else by its own document, or else as it
 * registers itself. Throws `upstream_authorization` where it can be none.
 */
export async function clientFor(
  server: ServerMetadata,
  own: { readonly id?: string | undefined; readonly secret?: string | undefined },
  origin: string,
  credentials: Credentials,
): Promise<OAuthClient> {
  if (own.id !== undefined) return { id: own.id, secret: own.secret, method: methodOf(own.secret, server.tokenMethods) };
  // An authorization server reads the document itself: what has no public address has none for it.
  if (server.takesDocuments && origin.startsWith('https:')) return { id: `${origin}${CLIENT_METADATA_PATH}`, method: 'none' };
  const { registrationUrl, issuer, tokenMethods } = server;
  if (registrationUrl === undefined)
    throw distrust('the authorization server registers nobody: the operator registers the gateway there and sets `clientId`');
  const method = tokenMethods.includes('none') ? 'none' : methodOf('', tokenMethods);
  const place = credentials.connection(GATEWAY, `client ${issuer} ${origin} ${method}`);
  const client = readClient(await place.use({ obtain: { kind: 'register', url: registrationUrl, origin, method } }));
  if (client === undefined) throw distrust('the authorization server did not register the gateway');
  return client;
}

export function readClient(value: JsonObject | undefined): OAuthClient | undefined {
  if (value === undefined || typeof value.id !== 'string') return undefined;
  const { id, secret, method } = value;
  if (method !== 'none' && method !== 'client_secret_basic' && method !== 'client_secret_post') return undefined;
  return { id, method, ...(typeof secret === 'string' ? { secret } : {}) };
}

/** Registers the gateway (RFC 7591 §3). Throws `upstream_authorization`. */
export async function register({ url, origin, method }: JsonObject, outbound: Outbound): Promise<JsonObject> {
  if (typeof url !== 'string' || typeof origin !== 'string' || typeof method !== 'string')
    throw new Error('a registration without its parts');
  const wanted = {
    ...clientMetadata(origin),
    token_endpoint_auth_method: method,
    ...(origin.startsWith('https:') ? {} : { application_type: 'native' }),
  };
  const { status, body } = await askJson(outbound, {
    url,
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(wanted),
    what: 'the registration endpoint',
  });
  if ((status !== 201 && status !== 200) || !isObject(body) || typeof body.client_id !== 'string')
    throw distrust(`the authorization server did not register the gateway (status ${status})`);
  const { client_id: id, client_secret: secret, client_secret_expires_at: expires, token_endpoint_auth_method: said } = body;
  const now = outbound.clock.now();
  const secretUntil = typeof expires === 'number' && expires > 0 ? expires * 1_000 : Number.POSITIVE_INFINITY;
  return {
    kind: 'client',
    id,
    ...(typeof secret === 'string' ? { secret } : {}),
    method: typeof secret !== 'string' ? 'none' : typeof said === 'string' ? said : method,
    until: Math.min(now + REGISTERED_FOR, secretUntil),
  };
}
