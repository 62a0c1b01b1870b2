import { decodeBase64 } from '../../core/base64.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { readText } from '../../core/reader.ts';
import { base64url } from '../secret.ts';
import { ClientDocuments } from './client-documents.ts';
import { answerOf, refusal, type TokenAnswer, type TokenAsk } from './grant.ts';
import type { TokenNames } from './names.ts';
import { nothing, type OAuthPlaces } from './places.ts';
import { type GrantKv, providerOf, REGISTER_PATH, type ServerSettings, TOKEN_PATH } from './provider.ts';

const MOST_FORM = 16 * 1024;
const MOST_REGISTRATION = 16 * 1024;

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** What becomes of the assertion of a client that has proven itself: a code for it, or an error of OAuth. */
export type Assertions = (
  settings: ServerSettings,
  form: URLSearchParams,
  client: { readonly id: string; readonly record: string },
) => Promise<{ readonly code: string; readonly verifier: string } | { readonly error: string; readonly why: string }>;

/** What clients ask by themselves, without a browser. Nothing of it throws for what they send. */
export class ClientEndpoints {
  readonly #places: OAuthPlaces;
  readonly #names: TokenNames;

  constructor(places: OAuthPlaces, names: TokenNames) {
    this.#places = places;
    this.#names = names;
  }

  /** The token endpoint. */
  token(settings: ServerSettings, request: Request, assertions?: Assertions): Promise<Response> {
    const fieldOf = (form: URLSearchParams) => (form.get('grant_type') === 'refresh_token' ? 'refresh_token' : 'code');
    return this.#redeem(settings, request, fieldOf, assertions);
  }

  /** RFC 7009. */
  revoke(settings: ServerSettings, request: Request): Promise<Response> {
    return this.#redeem(settings, request, (form) => {
      form.delete('grant_type');
      return 'token';
    });
  }

  /** RFC 7591. */
  async register(settings: ServerSettings, request: Request): Promise<Response> {
    const text = await bodyOf(request, MOST_REGISTRATION);
    if (text === undefined) return shown(refusal('invalid_request', `The body is larger than ${MOST_REGISTRATION} bytes.`, 413));
    const metadata = parseJson(text);
    const clients = this.#places.registry();
    const digest = isObject(metadata) && metadata.token_endpoint_auth_method === 'none' ? await digestOf(metadata) : undefined;
    const before = digest === undefined ? null : await clients.same(digest);
    if (before !== null) return shown(registered(before));
    let record: { readonly id: string; readonly record: string } | undefined;
    const provider = await providerOf(settings);
    const asked = new Request(`${settings.issuer}${REGISTER_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: text,
    });
    const answer = await answerOf(
      await provider.answer(asked, {
        OAUTH_KV: this.#places.kv((key, value) => {
          record = { id: key.slice('client:'.length), record: value };
        }),
      }),
    );
    if (record === undefined) return shown(answer);
    const kept = await clients.register({ ...record, ...(digest === undefined ? {} : { digest, answer: answer.body }) });
    if (kept === null) return shown(refusal('temporarily_unavailable', 'There is no room for further clients.', 503));
    return shown(kept === '' ? answer : registered(kept));
  }

  /** Has the object answer whose grant is named by what stands in a field of the form. */
  async #redeem(
    settings: ServerSettings,
    request: Request,
    fieldOf: (form: URLSearchParams) => string,
    assertions?: Assertions,
  ): Promise<Response> {
    if (!/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers.get('content-type') ?? '')) {
      return shown(refusal('invalid_request', 'The body is sent as application/x-www-form-urlencoded.'));
    }
    const text = await bodyOf(request, MOST_FORM);
    if (text === undefined) return shown(refusal('invalid_request', `The body is larger than ${MOST_FORM} bytes.`, 413));
    const form = new URLSearchParams(text);
    const authorization = request.headers.get('authorization');
    if (settings.assertions && form.get('grant_type') === JWT_BEARER)
      return shown(await this.#exchange(settings, form, authorization, assertions));
    return shown(await this.#redeemed(settings, form, authorization, fieldOf(form)));
  }

  async #redeemed(settings: ServerSettings, form: URLSearchParams, authorization: string | null, field: string): Promise<TokenAnswer> {
    const [token, ...more] = form.getAll(field);
    if (field === 'token' && !token) return refusal('invalid_request', 'The token is missing.');
    const named = token === undefined || more.length > 0 ? undefined : await this.#names.read(token);
    if (token !== undefined && more.length === 0) form.set(field, named?.inner ?? 'unknown:unknown:unknown');
    const client = await this.#places.clientOf(clientIdOf(form, authorization));
    const asked = { settings, body: form.toString(), authorization, ...(client === undefined ? {} : { client }) };
    const answer =
      named === undefined
        ? await this.#refuse(asked)
        : await this.#places.grantOf(named.user, named.grant).token({ ...asked, grant: `${named.user}:${named.grant}` });
    if (answer.status === 200 && client !== undefined && !ClientDocuments.isAddress(client.id))
      await this.#places.registry().note(client.id);
    return this.#outward(answer);
  }

  /**
   * RFC 7523: an assertion in the place of a code. Whose it is and what it is good for is found out elsewhere; here its
   * client proves itself as it would with any code, and the grant is made and redeemed in one go, without a refresh token.
   */
  async #exchange(
    settings: ServerSettings,
    form: URLSearchParams,
    authorization: string | null,
    assertions: Assertions | undefined,
  ): Promise<TokenAnswer> {
    const client = await this.#places.clientOf(clientIdOf(form, authorization));
    const own = new URLSearchParams([...form].filter(([name]) => name.startsWith('client_')));
    own.set('grant_type', 'authorization_code');
    own.set('code', 'unknown:unknown:unknown');
    // Told that its code is no code, it has proven that it is the client.
    const probe = await this.#refuse({ settings, body: own.toString(), authorization, ...(client === undefined ? {} : { client }) });
    const said = parseJson(probe.body);
    if (client === undefined || !isObject(said) || said.error !== 'invalid_grant') return probe;
    const made = await assertions?.(settings, form, client);
    if (made === undefined) return refusal('unsupported_grant_type', 'Assertions are not taken here.');
    if ('error' in made) return refusal(made.error, made.why);
    own.set('code', made.code);
    own.set('code_verifier', made.verifier);
    return this.#redeemed({ ...settings, refreshToken: 0 }, own, authorization, 'code');
  }

  /** What names no grant is looked at here: the client is told what is wrong, and no object is asked. */
  async #refuse({ settings, body, authorization, client }: Omit<TokenAsk, 'grant'>): Promise<TokenAnswer> {
    const provider = await providerOf(settings);
    const request = new Request(`${settings.issuer}${TOKEN_PATH}`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...(authorization === null ? {} : { authorization }) },
      body,
    });
    const kv: GrantKv = { ...nothing, get: async (key) => (key === `client:${client?.id}` ? JSON.parse(client?.record ?? 'null') : null) };
    return answerOf(await provider.answer(request, { OAUTH_KV: kv }));
  }

  /** Tokens as they are shown. */
  async #outward(answer: TokenAnswer): Promise<TokenAnswer> {
    const body = answer.status === 200 ? parseJson(answer.body) : undefined;
    if (!isObject(body) || typeof body.access_token !== 'string') return answer;
    const { access_token, refresh_token, ...rest } = body;
    const tokens = {
      access_token: await this.#names.shown(access_token),
      ...(typeof refresh_token === 'string' ? { refresh_token: await this.#names.shown(refresh_token) } : {}),
    };
    return { ...answer, body: JSON.stringify({ ...tokens, ...rest, token_type: 'Bearer' }) };
  }
}

const registered = (body: string): TokenAnswer => ({
  status: 201,
  headers: { 'content-type': 'application/json' },
  body,
});

/** Nothing of it may be kept on its way (RFC 6749 section 5.1). */
function shown({ status, headers, body }: TokenAnswer): Response {
  const response = new Response(body, { status, headers });
  response.headers.set('cache-control', 'no-store');
  response.headers.set('pragma', 'no-cache');
  return response;
}

/** Which client the form says it is of; whether it is, is found out later. */
function clientIdOf(form: URLSearchParams, authorization: string | null): string | undefined {
  const [, basic] = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(authorization ?? '') ?? [];
  const bytes = basic === undefined ? undefined : decodeBase64(basic);
  if (bytes === undefined) return form.get('client_id') ?? undefined;
  const [id = ''] = new TextDecoder().decode(bytes).split(':', 1);
  return new URLSearchParams(`id=${id}`).get('id') ?? undefined;
}

/** The same for the same metadata in any order. */
async function digestOf(metadata: JsonObject): Promise<string> {
  const sorted = JSON.stringify(metadata, (_name, value: unknown) =>
    isObject(value) ? Object.fromEntries(Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1))) : value,
  );
  return base64url(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(sorted)));
}

/** `undefined` where it is too large; what breaks off or is no text counts as what came of it. */
async function bodyOf(request: Request, most: number): Promise<string | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > most) return undefined;
  return readText(request, most).catch(() => '');
}
