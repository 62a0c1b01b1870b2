import { decodeBase64, encodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import { asNumber, asString, isObject, parseJson } from '../../core/json.ts';
import type { SignTools } from '../../core/provider.ts';

/** The key file of a service account. Source: https://cloud.google.com/iam/docs/keys-create-delete */
export interface ServiceAccount {
  readonly email: string;
  readonly keyId: string;
  /** PKCS #8 in PEM. */
  readonly privateKey: string;
  readonly tokenUrl: string;
  readonly project: string | undefined;
}

export type Credential =
  | { readonly kind: 'account'; readonly account: ServiceAccount }
  | { readonly kind: 'token' | 'key'; readonly text: string };

const unusable = (why: string, cause?: unknown) =>
  new GatewayError('upstream_credential', `The credential of the provider "vertex" ${why}. The operator corrects it.`, { cause });

/**
 * What an operator may give: the JSON of a service account's key file, an access token that somebody else keeps fresh, or
 * an API key of Vertex AI's express mode. Throws `upstream_credential`.
 */
export function readCredential(text: string): Credential {
  const trimmed = text.trim();
  if (!trimmed.startsWith('{')) return { kind: /^(?:AIza|AQ\.)/.test(trimmed) ? 'key' : 'token', text: trimmed };
  const file = parseJson(trimmed);
  const field = (name: string) => (isObject(file) ? asString(file[name]) : undefined);
  const email = field('client_email');
  const privateKey = field('private_key');
  if (email === undefined || privateKey === undefined) throw unusable('is JSON, and not the key file of a service account');
  return {
    kind: 'account',
    account: {
      email,
      privateKey,
      keyId: field('private_key_id') ?? '',
      tokenUrl: field('token_uri') ?? 'https://oauth2.googleapis.com/token',
      project: field('project_id'),
    },
  };
}

interface Token {
  readonly text: string;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Access tokens by account and key. They are values, not promises: no request waits for another one's call. */
const tokens = new Map<string, Token>();
const MOST_TOKENS = 16;
/** Before its end a token is renewed: a call that it begins must not outlive it. */
const MARGIN = 5 * 60_000;
const LIFETIME = 3600;
const SCOPE = 'https://www.googleapis.com/auth/cloud-platform';
const GRANT = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const encoder = new TextEncoder();

/** An access token of the account, from memory while it is good. Source: https://developers.google.com/identity/protocols/oauth2/service-account */
export async function accessToken(account: ServiceAccount, tools: SignTools): Promise<string> {
  const key = JSON.stringify([account.email, account.keyId, account.tokenUrl]);
  const now = tools.clock.now();
  const known = tokens.get(key);
  if (known !== undefined && known.until > now) return known.text;
  const token = await fetchToken(account, now, tools);
  tokens.delete(key);
  const oldest = tokens.size >= MOST_TOKENS ? tokens.keys().next().value : undefined;
  if (oldest !== undefined) tokens.delete(oldest);
  tokens.set(key, token);
  return token.text;
}

async function fetchToken(account: ServiceAccount, now: number, { egress, signal }: SignTools): Promise<Token> {
  const assertion = await assertionOf(account, Math.floor(now / 1000));
  const response = await egress.send({
    url: account.tokenUrl,
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({ grant_type: GRANT, assertion }).toString(),
    signal,
  });
  const answer = parseJson(await response.text());
  const text = isObject(answer) ? asString(answer.access_token) : undefined;
  if (response.ok && isObject(answer) && text !== undefined) {
    return { text, until: now + (asNumber(answer.expires_in) ?? LIFETIME) * 1000 - MARGIN };
  }
  if (response.status >= 500) throw new GatewayError('upstream_error', "The provider's token server failed.", { status: 502 });
  const reason = isObject(answer) ? (asString(answer.error_description) ?? asString(answer.error)) : undefined;
  throw unusable(`was refused by its token server: ${reason ?? `status ${response.status}`}`);
}

/** A JWT that the account signs itself: RFC 7515 with RS256, RFC 7523. */
async function assertionOf(account: ServiceAccount, seconds: number): Promise<string> {
  const header = { alg: 'RS256', typ: 'JWT', ...(account.keyId === '' ? {} : { kid: account.keyId }) };
  const claims = { iss: account.email, scope: SCOPE, aud: account.tokenUrl, iat: seconds, exp: seconds + LIFETIME };
  const signed = [header, claims].map((part) => base64Url(encoder.encode(JSON.stringify(part)))).join('.');
  const key = await importKey(account.privateKey);
  const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, encoder.encode(signed));
  return `${signed}.${base64Url(new Uint8Array(signature))}`;
}

async function importKey(pem: string): Promise<CryptoKey> {
  const bytes = decodeBase64(pem.replace(/-----[^-]+-----|\\n|\s/g, ''));
  if (bytes === undefined) throw unusable('holds a private key that is not PEM');
  try {
    return await crypto.subtle.importKey('pkcs8', new Uint8Array(bytes), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['sign']);
  } catch (cause) {
    throw unusable('holds a private key that is not PKCS #8 of RSA', cause);
  }
}

const base64Url = (bytes: Uint8Array) => encodeBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
