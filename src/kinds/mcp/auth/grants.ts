import type { GrantAsk, GrantKeeper } from '../../../core/credentials.ts';
import { isArray, type JsonObject } from '../../../core/json.ts';
import { clientAssertion } from './assertion.ts';
import { scopesIn } from './challenge.ts';
import { readClient, register } from './clients.ts';
import { discoverServer } from './metadata.ts';
import { distrust, type Outbound } from './outbound.ts';
import { askToken, GrantRefused, methodOf, type OAuthClient, revoke, type TokenAnswer } from './tokens.ts';

/** Milliseconds in which a token that was only just got is not got anew, whoever refuses it. */
const GRACE = 10_000;
/** Milliseconds before its end in which a token is renewed; never more than a tenth of its life. */
const MARGIN = 30_000;

/** A grant of an authorization server, as it is kept. */
export interface OAuthGrant {
  readonly kind: 'oauth';
  readonly token: string;
  /** Milliseconds since the epoch; absent where nobody said. */
  readonly expiresAt?: number | undefined;
  readonly obtainedAt: number;
  readonly refreshToken?: string | undefined;
  readonly scopes: readonly string[];
  readonly issuer: string;
  readonly tokenUrl: string;
  readonly revocationUrl?: string | undefined;
  readonly resource: string;
  readonly clientId: string;
  /** Of a client that registered itself; an operator's secret is not kept. */
  readonly clientSecret?: string | undefined;
  readonly method: OAuthClient['method'];
  /** How often its scopes were widened. */
  readonly steps: number;
}

/** As JSON, without what it has not. */
export const grantJson = (grant: OAuthGrant): JsonObject => JSON.parse(JSON.stringify(grant));

const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
const number = (value: unknown): number | undefined => (typeof value === 'number' ? value : undefined);
const list = (value: unknown): readonly string[] =>
  isArray(value as never) ? (value as readonly unknown[]).filter((each) => typeof each === 'string') : [];

/** What of an answer of a token endpoint is kept. */
export const tokenParts = ({ token, expiresIn, refreshToken, scope }: TokenAnswer, asked: readonly string[], now: number) => ({
  kind: 'oauth' as const,
  token,
  obtainedAt: now,
  ...(expiresIn === undefined ? {} : { expiresAt: now + expiresIn * 1_000 }),
  ...(refreshToken === undefined ? {} : { refreshToken }),
  // RFC 6749 §5.1: what it leaves out is what was asked for.
  scopes: scope === undefined ? asked : scopesIn(scope),
});

/** Keeps keys that callers stored, grants of authorization servers, tokens that the gateway gets by itself, and its own registrations. */
export class Grants implements GrantKeeper {
  readonly #outbound: Outbound;

  constructor(outbound: Outbound) {
    this.#outbound = outbound;
  }

  standing(grant: JsonObject, ask: GrantAsk): 'good' | 'over' | 'foreign' {
    const now = this.#outbound.clock.now();
    if (grant.kind === 'key') return 'good';
    if (grant.kind === 'client') return now < (number(grant.until) ?? 0) ? 'good' : 'over';
    const { clientId, subject } = ask.with ?? {};
    if ((clientId !== undefined && clientId !== grant.clientId) || subject !== grant.subject) return 'foreign';
    const obtainedAt = number(grant.obtainedAt) ?? 0;
    if (ask.refused === grant.token && now - obtainedAt >= GRACE) return 'over';
    const expiresAt = number(grant.expiresAt);
    if (expiresAt === undefined) return 'good';
    return now < expiresAt - Math.min(MARGIN, (expiresAt - obtainedAt) / 10) ? 'good' : 'over';
  }

  isUsable(grant: JsonObject, ask: GrantAsk): boolean {
    return ask.refused !== grant.token && this.#outbound.clock.now() < (number(grant.expiresAt) ?? number(grant.until) ?? 0);
  }

  async renewed(grant: JsonObject | undefined, ask: GrantAsk): Promise<JsonObject | undefined> {
    const refreshed = grant?.kind === 'oauth' && typeof grant.refreshToken === 'string' ? await this.#refreshed(grant, ask) : undefined;
    if (refreshed !== undefined) return refreshed;
    const { obtain } = ask;
    if (obtain?.kind === 'register') return register(obtain, this.#outbound);
    if (obtain?.kind === 'client-credentials') return this.#ownToken(obtain);
    if (obtain?.kind === 'token-exchange') return this.#exchanged(obtain);
    return undefined;
  }

  async takenBack(grant: JsonObject): Promise<void> {
    const { revocationUrl, refreshToken, token } = grant;
    const client = clientOf(grant, undefined);
    if (typeof revocationUrl !== 'string' || client === undefined) return;
    const shown = text(refreshToken) ?? text(token);
    if (shown !== undefined) await revoke(revocationUrl, client, shown, this.#outbound);
  }

  shown(grant: JsonObject): JsonObject {
    const { kind, token, id, secret, method, scopes, steps } = grant;
    return kind === 'client' ? { id, secret, method } : { token, scopes, steps };
  }

  /** `undefined` where the authorization server has taken it back, or somebody else has used it. */
  async #refreshed(grant: JsonObject, ask: GrantAsk): Promise<JsonObject | undefined> {
    const { tokenUrl, refreshToken, resource } = grant;
    const client = clientOf(grant, ask.with);
    if (typeof tokenUrl !== 'string' || client === undefined) return undefined;
    const fields = { grant_type: 'refresh_token', refresh_token: text(refreshToken), resource: text(resource) };
    try {
      const answer = await askToken(tokenUrl, client, fields, this.#outbound);
      const parts = tokenParts(answer, list(grant.scopes), this.#outbound.clock.now());
      const { expiresAt: _, ...rest } = grant;
      return { ...rest, ...parts };
    } catch (thrown) {
      if (thrown instanceof GrantRefused) return undefined;
      throw thrown;
    }
  }

  /** RFC 6749 §4.4: a token for the gateway itself. */
  async #ownToken({ url, metadata, issuer, clientId, clientSecret, clientKey, scopes }: JsonObject): Promise<JsonObject> {
    const found = await discoverServer({ url: text(url) ?? '', metadata: text(metadata), issuer: text(issuer) }, this.#outbound);
    const { server, resource } = found;
    const secret = text(clientSecret);
    const id = text(clientId) ?? '';
    const assertion =
      typeof clientKey === 'string' ? await clientAssertion(clientKey, id, server.issuer, this.#outbound.clock.now()) : undefined;
    const client: OAuthClient =
      assertion === undefined ? { id, secret, method: methodOf(secret, server.tokenMethods) } : { id, method: 'none', assertion };
    const wanted = list(scopes).length > 0 ? list(scopes) : found.scopes;
    const answer = await this.#asked(server.tokenUrl, client, {
      grant_type: 'client_credentials',
      resource,
      ...(wanted.length === 0 ? {} : { scope: wanted.join(' ') }),
    });
    const { tokenUrl, issuer: named } = server;
    return {
      ...tokenParts(answer, wanted, this.#outbound.clock.now()),
      refreshToken: undefined,
      issuer: named,
      tokenUrl,
      resource,
      clientId: client.id,
      method: client.method,
      steps: 0,
    };
  }

  /** RFC 8693: a token for the caller, got for the caller's own. */
  async #exchanged({ tokenUrl, clientId, clientSecret, audience, resource, scopes, token, subject }: JsonObject): Promise<JsonObject> {
    const id = text(clientId);
    const secret = text(clientSecret);
    const client = id === undefined ? undefined : ({ id, secret, method: secret === undefined ? 'none' : 'client_secret_basic' } as const);
    const wanted = list(scopes);
    const answer = await this.#asked(text(tokenUrl) ?? '', client, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: text(token),
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      audience: text(audience),
      resource: text(resource),
      ...(wanted.length === 0 ? {} : { scope: wanted.join(' ') }),
    });
    const kept = { tokenUrl, resource, subject, clientId: id, method: client?.method ?? 'none', steps: 0 };
    return { ...tokenParts(answer, wanted, this.#outbound.clock.now()), ...kept, refreshToken: undefined };
  }

  async #asked(
    ...[url, client, fields]: [string, OAuthClient | undefined, { readonly [name: string]: string | undefined }]
  ): Promise<TokenAnswer> {
    try {
      return await askToken(url, client, fields, this.#outbound);
    } catch (thrown) {
      if (thrown instanceof GrantRefused) throw distrust('the token endpoint answers invalid_grant', thrown);
      throw thrown;
    }
  }
}

/** The client whose grant it is, with the secret that is kept with it or that the operator keeps. */
function clientOf({ clientId, clientSecret, method }: JsonObject, given: JsonObject | undefined): OAuthClient | undefined {
  return readClient({ id: clientId, method, secret: clientSecret ?? given?.clientSecret });
}
