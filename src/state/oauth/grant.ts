import { base64url } from '../secret.ts';
import { GRACE, type GrantStore, localKv } from './grant-store.ts';
import { providerOf, type ServerSettings, TOKEN_PATH } from './provider.ts';

/** A request to the token endpoint, on its way to the object of its grant. */
export interface TokenAsk {
  readonly settings: ServerSettings;
  /** As it came, with codes and tokens as the library knows them. */
  readonly body: string;
  readonly authorization: string | null;
  /** The client that it says it is of, as it is registered; absent where there is none of that id. */
  readonly client?: { readonly id: string; readonly record: string };
  /** `<user>:<grant>` of what is redeemed. */
  readonly grant: string;
}

export interface TokenAnswer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

export interface GrantPlace {
  readonly store: GrantStore;
  now(): number;
  /** Something is kept until then. */
  kept(expiresAt: number): void;
}

/** Answers one request. Nobody else may work with the grant until it is done. */
export async function answerToken(asked: TokenAsk, place: GrantPlace): Promise<TokenAnswer> {
  const form = new URLSearchParams(asked.body);
  const widened = widening(form, asked, place);
  if (widened !== undefined) return widened;
  const refresh = form.get('grant_type') === 'refresh_token' ? form.get('refresh_token') : null;
  return refresh === null ? askProvider(asked, place) : answerRefresh(refresh, asked, place);
}

/**
 * Refresh tokens are for one use. Who sends the same request again within a few seconds gets the same answer again: it was
 * sent twice at once, or its answer was lost. Whoever comes later has a copy, and then nobody keeps anything (RFC 9700
 * section 4.14.2).
 */
async function answerRefresh(refresh: string, asked: TokenAsk, place: GrantPlace): Promise<TokenAnswer> {
  const { store } = place;
  const [token, request] = await Promise.all([digest(refresh), digest(`${asked.authorization ?? ''}\n${asked.body}`)]);
  const used = store.used(token);
  if (used !== undefined) {
    if (place.now() - used.usedAt >= GRACE) {
      store.revoke();
      return refusal('invalid_grant', 'The refresh token was used before, so that nothing of its family holds any longer.');
    }
    const again = used.asked === request && used.answer !== undefined ? await opened(used.answer, refresh) : undefined;
    return again ?? refusal('invalid_grant', 'The refresh token has just been used.');
  }
  const answer = await askProvider(asked, place);
  if (answer.status === 200) store.use(token, { usedAt: place.now(), asked: request, answer: await sealed(answer, refresh) });
  return answer;
}

/** More than was granted is refused before anything is used up (RFC 6749 section 6); the library would leave it out. */
function widening(form: URLSearchParams, { grant }: TokenAsk, { store, now }: GrantPlace): TokenAnswer | undefined {
  const asked = form.get('scope')?.split(' ').filter(Boolean) ?? [];
  const kept = store.read(`grant:${grant}`, now());
  if (asked.length === 0 || kept === undefined) return undefined;
  const { scope }: { readonly scope?: unknown } = JSON.parse(kept);
  const granted: readonly unknown[] = Array.isArray(scope) ? scope : [];
  return asked.every((each) => granted.includes(each)) ? undefined : refusal('invalid_scope', 'More is asked for than was granted.');
}

async function askProvider({ settings, body, authorization, client }: TokenAsk, { store, now, kept }: GrantPlace): Promise<TokenAnswer> {
  const request = new Request(`${settings.issuer}${TOKEN_PATH}`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded', ...(authorization === null ? {} : { authorization }) },
    body,
  });
  const provider = await providerOf(settings);
  return answerOf(await provider.answer(request, { OAUTH_KV: localKv(store, client, now, kept) }));
}

export async function answerOf(response: Response): Promise<TokenAnswer> {
  return { status: response.status, headers: Object.fromEntries(response.headers), body: await response.text() };
}

export const refusal = (error: string, description: string, status = 400): TokenAnswer => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ error, error_description: description }),
});

const encoder = new TextEncoder();
const digest = async (text: string) => base64url(await crypto.subtle.digest('SHA-256', encoder.encode(text)));

/** The answer can be read with the refresh token alone that it was given for, which is not kept. */
async function keyOf(refresh: string): Promise<CryptoKey> {
  const bytes = await crypto.subtle.digest('SHA-256', encoder.encode(`weir oauth 1 successor ${refresh}`));
  return crypto.subtle.importKey('raw', bytes, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/** The key seals one text alone, so that its nonce may be what it likes. */
const iv = new Uint8Array(12);

async function sealed(answer: TokenAnswer, refresh: string): Promise<Uint8Array> {
  const text = encoder.encode(JSON.stringify(answer));
  return new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, await keyOf(refresh), text));
}

async function opened(bytes: Uint8Array, refresh: string): Promise<TokenAnswer> {
  return JSON.parse(new TextDecoder().decode(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, await keyOf(refresh), bytes)));
}
