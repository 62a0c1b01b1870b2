import { z } from 'zod';
import type { Egress, EgressRequest } from '../../../core/ports.ts';
import { type AccountContext, holderOf, type Shown, SourceAccount, secretValue } from '../auth/account.ts';
import { readChallenge } from '../auth/challenge.ts';
import { type AuthSetting, authProblems, authSetting, type SecretSetting, type SourceAccess, secretSetting } from '../auth/settings.ts';
import type { SourceContext, SourceHome } from './source.ts';

/** What says who the gateway is to a server: settings of every source over HTTP. */
export const credentialShape = {
  key: secretSetting
    .optional()
    .describe("The gateway's own credential there, sent as `Authorization: Bearer`. A caller's own never goes there."),
  auth: authSetting.optional(),
  header: z
    .string()
    .regex(/^(?!(?:host|cookie|accept|mcp-.*|content-.*|connection)$)[A-Za-z0-9-]{1,64}$/i, { error: 'is not a header for a credential' })
    .optional()
    .describe('The header that the credential stands in by itself, where it is not `Authorization`.'),
};

/** Besides, for APIs that take it in their addresses. */
export const credentialQuery = z
  .string()
  .min(1)
  .max(64)
  .optional()
  .describe('The parameter of the query that the credential stands in, where it is no header.');

export interface CredentialSettings {
  readonly key?: SecretSetting | undefined;
  readonly auth?: AuthSetting | undefined;
  readonly header?: string | undefined;
  readonly query?: string | undefined;
}

/** Whose request it is that goes to a server. */
export type CredentialContext = AccountContext & Pick<SourceContext, 'trace'>;

/** What is wrong with the settings that their schema cannot say. */
export function credentialProblems({ key, auth, header, query }: CredentialSettings, { local }: { readonly local: boolean }) {
  return [
    ...(header !== undefined && query !== undefined
      ? [{ path: 'query', message: 'is one place for the credential, and header another: name one' }]
      : []),
    ...(key !== undefined && auth !== undefined
      ? [{ path: 'auth', message: 'says where the credential comes from, and key too: give one' }]
      : []),
    ...(key?.value === undefined || local
      ? []
      : [{ path: 'key', message: 'holds the key itself, which only local runs may: use {"secret": "NAME"}' }]),
    ...(auth === undefined ? [] : authProblems(auth, local)),
  ];
}

/** What callers of a source have to do first, where it is at `url`; `undefined` where nothing. */
export const accessOf = ({ auth }: CredentialSettings, url: string | undefined): SourceAccess | undefined =>
  auth === undefined || url === undefined ? undefined : { auth, url };

/** How a source shows its server who asks. */
export class SourceCredential {
  readonly #settings: CredentialSettings;
  readonly #home: SourceHome;
  readonly #auth: AuthSetting | undefined;

  constructor(settings: CredentialSettings, home: SourceHome) {
    this.#settings = settings;
    this.#home = home;
    this.#auth = settings.auth;
  }

  /** Whether callers show different ones: what the server says to one is not what it says to another. */
  get isPersonal(): boolean {
    return this.#auth !== undefined || this.#settings.key?.vault !== undefined;
  }

  /** Among whom what the server says may be shared: the same text for all that show it the same. */
  whose(context: Pick<CredentialContext, 'caller' | 'principal'>): string {
    const auth = this.#auth;
    if (auth !== undefined) return holderOf({ auth, url: '' }, context);
    return this.isPersonal ? `org ${context.caller.org}` : 'all';
  }

  /**
   * The way out for the requests of one caller to the server at `url`: what is sent through it carries the credential, and
   * the caller's trace. Throws what the way out throws, `provider_key_missing`, and `ConsentNeeded`.
   */
  through(context: CredentialContext, url: string): Pick<Egress, 'send'> {
    const auth = this.#auth;
    if (auth !== undefined) {
      const account = new SourceAccount({ auth, url }, this.#home);
      return { send: (request) => this.#withAccount(account, request, context) };
    }
    return { send: async (request) => this.#send(request, await this.#key(context), context) };
  }

  async #key({ caller }: CredentialContext): Promise<string | undefined> {
    const { key } = this.#settings;
    return key === undefined ? undefined : secretValue(key, caller.org, this.#home);
  }

  /** Once more with a new credential where the server refuses the one it is shown; then somebody has to consent. */
  async #withAccount(account: SourceAccount, request: EgressRequest, context: CredentialContext): Promise<Response> {
    const first = await account.shown(context);
    if (first === undefined && !account.isAskedBare) throw account.consent(context);
    const response = await this.#send(request, first?.token, context);
    if (response.status === 403 && first !== undefined) {
      const challenge = readChallenge(response.headers);
      if (!account.mayWiden(challenge, first)) return response;
      await response.body?.cancel();
      throw account.consent(context, challenge, first);
    }
    if (response.status !== 401) return response;
    return this.#refused(account, first, response, request, context);
  }

  async #refused(
    account: SourceAccount,
    first: Shown | undefined,
    response: Response,
    request: EgressRequest,
    context: CredentialContext,
  ): Promise<Response> {
    const challenge = readChallenge(response.headers);
    const next = first === undefined ? undefined : await account.shown(context, first.token);
    if (next !== undefined && next.token !== first?.token && request.stream === undefined) {
      await response.body?.cancel();
      const again = await this.#send(request, next.token, context);
      if (again.status !== 401) return again;
      await again.body?.cancel();
    } else {
      await response.body?.cancel();
    }
    throw account.consent(context, challenge);
  }

  /** The request as it leaves: nothing that a source puts into its head stands above the credential. */
  #send(request: EgressRequest, value: string | undefined, { trace }: CredentialContext): Promise<Response> {
    const { header, query } = this.#settings;
    const { egress } = this.#home.ports;
    const headers = { ...trace, ...request.headers };
    if (value === undefined) return egress.send({ ...request, headers });
    if (query !== undefined) return egress.send({ ...request, headers, url: withQuery(request.url, query, value) });
    const shown = header === undefined ? { authorization: `Bearer ${value}` } : { [header.toLowerCase()]: value };
    return egress.send({ ...request, headers: { ...headers, ...shown } });
  }
}

function withQuery(url: string, name: string, value: string): string {
  const at = new URL(url);
  at.searchParams.set(name, value);
  return at.href;
}
