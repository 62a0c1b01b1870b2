import { isArray, type Json, type JsonObject } from '../../../core/json.ts';
import { askJson, checkedUrl, distrust, type Outbound } from './outbound.ts';

/** What a server says of who lets callers in (RFC 9728 §2). */
export interface ResourceMetadata {
  readonly resource: string;
  readonly issuers: readonly string[];
  readonly scopes: readonly string[];
}

/** What of an authorization server's metadata is used (RFC 8414 §2). Every address was checked. */
export interface ServerMetadata {
  readonly issuer: string;
  readonly authorizationUrl?: string | undefined;
  readonly tokenUrl: string;
  readonly registrationUrl?: string | undefined;
  readonly revocationUrl?: string | undefined;
  readonly scopes: readonly string[];
  readonly tokenMethods: readonly string[];
  readonly grantTypes: readonly string[] | undefined;
  /** Absent where it says nothing of it: then it has no PKCE that could be relied on. */
  readonly challengeMethods: readonly string[] | undefined;
  /** RFC 9207: whether answers say who gives them. */
  readonly saysIssuer: boolean;
  /** Whether clients may be metadata documents. */
  readonly takesDocuments: boolean;
}

const texts = (value: Json | undefined): readonly string[] | undefined =>
  isArray(value) ? value.filter((each) => typeof each === 'string').slice(0, 256) : undefined;

/** The metadata of a protected server. `given`: where its challenge said that it lies. `undefined` where it has none. Throws `upstream_authorization`. */
export async function resourceMetadata(url: string, given: string | undefined, outbound: Outbound): Promise<ResourceMetadata | undefined> {
  const at = new URL(url);
  const path = at.pathname.replace(/\/+$/, '');
  const places =
    given === undefined
      ? [...new Set([`${at.origin}/.well-known/oauth-protected-resource${path}`, `${at.origin}/.well-known/oauth-protected-resource`])]
      : [checkedUrl(given, 'the metadata of the server', outbound.local)];
  for (const place of places) {
    const { status, body } = await askJson(outbound, { url: place, what: 'the metadata of the server' });
    if (status !== 200 || body === undefined) continue;
    return readResource(body, url);
  }
  return undefined;
}

function readResource(body: JsonObject, url: string): ResourceMetadata {
  const { resource } = body;
  // RFC 9728 §3.3: metadata of something else must not be used. A server may speak for all that lies below it.
  if (typeof resource !== 'string' || !isAbove(resource, url)) throw distrust('the metadata of the server is about another one');
  return {
    resource,
    issuers: texts(body.authorization_servers) ?? [],
    scopes: texts(body.scopes_supported) ?? [],
  };
}

function isAbove(resource: string, address: string): boolean {
  const [own, asked] = [URL.parse(resource), URL.parse(address)];
  if (own === null || asked === null || own.origin !== asked.origin) return false;
  const slashed = (path: string) => (path.endsWith('/') ? path : `${path}/`);
  return slashed(asked.pathname).startsWith(slashed(own.pathname));
}

/** The metadata of an authorization server: RFC 8414, then OpenID Connect Discovery. Throws `upstream_authorization`. */
export async function serverMetadata(issuer: string, outbound: Outbound): Promise<ServerMetadata> {
  checkedUrl(issuer, 'the authorization server', outbound.local);
  const at = new URL(issuer);
  const path = at.pathname.replace(/\/+$/, '');
  const places = [
    `${at.origin}/.well-known/oauth-authorization-server${path}`,
    `${at.origin}/.well-known/openid-configuration${path}`,
    ...(path === '' ? [] : [`${at.origin}${path}/.well-known/openid-configuration`]),
  ];
  for (const place of places) {
    const { status, body } = await askJson(outbound, { url: place, what: 'the metadata of the authorization server' });
    if (status === 200 && body !== undefined) return readServer(body, issuer, outbound.local);
  }
  throw distrust('the authorization server has no metadata (RFC 8414)');
}

function readServer(body: JsonObject, issuer: string, local: boolean): ServerMetadata {
  // RFC 8414 §3.3: letter for letter, or whoever can write a file somewhere speaks for somebody else.
  if (body.issuer !== issuer) throw distrust('the authorization server calls itself by another name than the one it was found by');
  const url = (name: string) =>
    body[name] === undefined ? undefined : checkedUrl(body[name], `the ${name} of the authorization server`, local);
  return {
    issuer,
    authorizationUrl: url('authorization_endpoint'),
    tokenUrl: checkedUrl(body.token_endpoint, 'the token_endpoint of the authorization server', local),
    registrationUrl: url('registration_endpoint'),
    revocationUrl: url('revocation_endpoint'),
    scopes: texts(body.scopes_supported) ?? [],
    // RFC 8414 §2: what is left out is client_secret_basic.
    tokenMethods: texts(body.token_endpoint_auth_methods_supported) ?? ['client_secret_basic'],
    grantTypes: texts(body.grant_types_supported),
    challengeMethods: texts(body.code_challenge_methods_supported),
    saysIssuer: body.authorization_response_iss_parameter_supported === true,
    takesDocuments: body.client_id_metadata_document_supported === true,
  };
}

/** Who lets callers of a server in, and what they ask for. */
export interface Discovered {
  readonly server: ServerMetadata;
  /** The server itself, as it calls itself (RFC 8707). */
  readonly resource: string;
  /** What it says that all its callers need. */
  readonly scopes: readonly string[];
}

/** From a server to its authorization server. `issuer`: the one that the operator named. Throws `upstream_authorization`. */
export async function discoverServer(
  target: { readonly url: string; readonly metadata?: string | undefined; readonly issuer?: string | undefined },
  outbound: Outbound,
): Promise<Discovered> {
  const found = await resourceMetadata(target.url, target.metadata, outbound);
  const resource = found?.resource ?? target.url;
  const scopes = found?.scopes ?? [];
  if (target.issuer !== undefined) return { server: await serverMetadata(target.issuer, outbound), resource, scopes };
  const [named] = found?.issuers ?? [];
  if (found !== undefined && named === undefined) throw distrust('the server names no authorization server: the operator sets `issuer`');
  // Servers of 2025-03-26 have none of this: their own origin is their authorization server.
  return { server: await serverMetadata(named ?? new URL(target.url).origin, outbound), resource, scopes };
}
