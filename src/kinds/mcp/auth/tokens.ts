import { encodeBase64 } from '../../../core/base64.ts';
import type { JsonObject } from '../../../core/json.ts';
import { askJson, distrust, type Outbound } from './outbound.ts';

/** Who the gateway is to one authorization server. */
export interface OAuthClient {
  readonly id: string;
  readonly secret?: string | undefined;
  /** How it shows its secret: RFC 7591 §2. */
  readonly method: 'none' | 'client_secret_basic' | 'client_secret_post';
  /** What it shows instead of a secret: a JWT for one request (RFC 7523 §2.2). */
  readonly assertion?: string | undefined;
}

/** What a token endpoint gave. */
export interface TokenAnswer {
  readonly token: string;
  /** Seconds for which it is good; absent where nobody said. */
  readonly expiresIn?: number | undefined;
  readonly refreshToken?: string | undefined;
  readonly scope?: string | undefined;
}

/** A token endpoint said that what it was shown is good no more (RFC 6749 §5.2 `invalid_grant`). */
export class GrantRefused extends Error {}

/** Which way of showing a secret both sides know. Throws `upstream_authorization`. */
export function methodOf(secret: string | undefined, offered: readonly string[]): OAuthClient['method'] {
  if (secret === undefined) return 'none';
  if (offered.includes('client_secret_basic')) return 'client_secret_basic';
  if (offered.includes('client_secret_post')) return 'client_secret_post';
  throw distrust('the authorization server takes no client secrets');
}

/** RFC 6749 §2.3.1: both halves are form-encoded before they are joined. */
const formEncoded = (text: string) => new URLSearchParams({ '': text }).toString().slice(1);

/** Asks a token endpoint. Throws `GrantRefused`, and `upstream_authorization` for everything else that is no token. */
export async function askToken(
  url: string,
  client: OAuthClient | undefined,
  fields: { readonly [name: string]: string | undefined },
  outbound: Outbound,
): Promise<TokenAnswer> {
  const { status, body } = await postForm(url, client, fields, outbound, 'the token endpoint');
  if (status === 200 && body !== undefined) return readToken(body);
  const error = typeof body?.error === 'string' ? body.error : undefined;
  if (error === 'invalid_grant') throw new GrantRefused();
  // What else it says goes to nobody: it may repeat what it was sent.
  const named = error !== undefined && /^[a-z_]{1,64}$/.test(error) ? error : `status ${status}`;
  throw distrust(`the token endpoint answers ${named}`);
}

/** Tells an authorization server that a token is used no more (RFC 7009). Never throws: it is forgotten here in any case. */
export async function revoke(url: string, client: OAuthClient, token: string, outbound: Outbound): Promise<void> {
  await postForm(url, client, { token }, outbound, 'the revocation endpoint').catch(() => undefined);
}

function postForm(
  url: string,
  client: OAuthClient | undefined,
  fields: { readonly [name: string]: string | undefined },
  outbound: Outbound,
  what: string,
) {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) form.set(name, value);
  const headers: { [name: string]: string } = { 'content-type': 'application/x-www-form-urlencoded' };
  if (client?.method === 'client_secret_basic' && client.secret !== undefined) {
    const pair = `${formEncoded(client.id)}:${formEncoded(client.secret)}`;
    headers.authorization = `Basic ${encodeBase64(new TextEncoder().encode(pair))}`;
  } else if (client !== undefined) {
    form.set('client_id', client.id);
    if (client.assertion !== undefined) {
      form.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
      form.set('client_assertion', client.assertion);
    }
    if (client.method === 'client_secret_post' && client.secret !== undefined) form.set('client_secret', client.secret);
  }
  return askJson(outbound, { url, method: 'POST', headers, body: form.toString(), what });
}

function readToken({
  access_token: token,
  token_type: type,
  expires_in: seconds,
  refresh_token: refreshToken,
  scope,
}: JsonObject): TokenAnswer {
  // A token that could end a header, or that must be proved and not only shown, is none of ours.
  if (typeof token !== 'string' || !/^[\x21-\x7e]{1,16384}$/.test(token)) throw distrust('the token endpoint gave no token');
  if (typeof type !== 'string' || !['bearer', 'n_a'].includes(type.toLowerCase()))
    throw distrust('the token endpoint gave a token that is no bearer token');
  const expiresIn = typeof seconds === 'string' ? Number(seconds) : seconds;
  return {
    token,
    ...(typeof expiresIn === 'number' && expiresIn > 0 && Number.isFinite(expiresIn) ? { expiresIn } : {}),
    ...(typeof refreshToken === 'string' && refreshToken !== '' ? { refreshToken } : {}),
    ...(typeof scope === 'string' ? { scope } : {}),
  };
}
