import type { Connection, Credentials, GrantAsk } from '../../../core/credentials.ts';
import { GatewayError } from '../../../core/errors.ts';
import { isArray, type JsonObject } from '../../../core/json.ts';
import { digestOf } from '../../../core/ledger/canonical.ts';
import type { SourceContext, SourceHome } from '../sources/source.ts';
import { type Challenge, scopesIn, union } from './challenge.ts';
import type { ConnectLink } from './link.ts';
import { resourceOf, type SecretSetting, type SourceAccess } from './settings.ts';

/** Whose call it is that needs a credential. */
export type AccountContext = Pick<SourceContext, 'caller' | 'principal' | 'token'>;

/** Times the scopes of one grant are widened: a server that always wants more gets no more. */
const MOST_STEPS = 3;

/** The caller, or the operator, has to do something in a browser first. */
export class ConsentNeeded extends Error {
  readonly source: string;
  /** Where the link begins and what it says; `undefined` where the caller cannot do it. */
  readonly link: Omit<ConnectLink, 'id' | 'until' | 'route'> | undefined;

  constructor(source: string, link: ConsentNeeded['link']) {
    super(`The source "${source}" needs somebody's consent.`);
    this.source = source;
    this.link = link;
  }
}

/** What may be shown now. */
export interface Shown {
  readonly token: string;
  readonly scopes: readonly string[];
  readonly steps: number;
}

/** The value of a setting that nobody may read. Throws `provider_key_missing`. */
export async function secretValue(
  setting: SecretSetting,
  org: string,
  { name, ports }: Pick<SourceHome, 'name' | 'ports'>,
): Promise<string> {
  if (setting.value !== undefined) return setting.value;
  const value =
    setting.vault === undefined ? ports.secrets.get(setting.secret ?? '') : await vaultOf(ports.credentials).vault(org, setting.vault);
  if (value !== undefined) return value;
  const what =
    setting.vault === undefined
      ? `the operator sets the secret ${setting.secret}`
      : `the operator writes the credential "${setting.vault}" of the organisation into the vault (POST /admin/v1/credentials)`;
  throw new GatewayError('provider_key_missing', `The source "${name}" has no credential: ${what}.`);
}

function vaultOf(credentials: Credentials | undefined): Credentials {
  if (credentials !== undefined) return credentials;
  throw new GatewayError(
    'state_off',
    'This gateway keeps no credentials: the operator binds the database and sets the secret WEIR_SECRET.',
  );
}

/** Whose a grant is: of one principal, or of all of an organisation. */
export const holderOf = ({ auth }: SourceAccess, { principal, caller }: Pick<AccountContext, 'caller' | 'principal'>): string =>
  auth.use === 'client-credentials' || (auth.use === 'oauth' && auth.shared === true) ? `org ${caller.org}` : `principal ${principal}`;

/** What a grant is for: sources that stand for the same server share it, another address has none of it. */
export const accountOf = ({ auth, url }: SourceAccess): string =>
  auth.use === 'client-credentials'
    ? JSON.stringify([auth.use, resourceOf(url), auth.issuer, auth.clientId, auth.scopes])
    : auth.use === 'token-exchange'
      ? JSON.stringify([auth.use, resourceOf(url), auth.tokenUrl, auth.audience, auth.resource, auth.scopes])
      : JSON.stringify([auth.use, resourceOf(url)]);

/** The credential of a source that is no fixed key. */
export class SourceAccount {
  readonly #access: SourceAccess;
  readonly #home: Pick<SourceHome, 'name' | 'ports'>;

  constructor(access: SourceAccess, home: Pick<SourceHome, 'name' | 'ports'>) {
    this.#access = access;
    this.#home = home;
  }

  /** Whether a server may answer who shows nothing, and says itself when it wants a grant. */
  get isAskedBare(): boolean {
    return this.#access.auth.use === 'oauth';
  }

  /** What may be shown; `undefined` where somebody has to consent first. `refused`: what was shown before, in vain. */
  async shown(context: AccountContext, refused?: string): Promise<Shown | undefined> {
    const said = await this.#connection(context).use(await this.#ask(context, refused));
    if (said === undefined || typeof said.token !== 'string') return undefined;
    return { token: said.token, scopes: texts(said.scopes), steps: typeof said.steps === 'number' ? said.steps : 0 };
  }

  /** What to throw where nothing may be shown, or what is shown is refused. */
  consent({ caller, principal }: AccountContext, challenge: Challenge = {}, shown?: Shown): ConsentNeeded {
    const { auth } = this.#access;
    const isShared = auth.use === 'oauth' && auth.shared === true;
    const { org, app, user, keyId: by } = caller;
    return new ConsentNeeded(
      this.#home.name,
      isShared
        ? undefined
        : {
            source: this.#home.name,
            holder: holderOf(this.#access, { principal, caller }),
            ...{ org, app, user, by },
            ...(challenge.scope === undefined ? {} : { scopes: union(shown?.scopes ?? [], scopesIn(challenge.scope)) }),
            ...(challenge.resourceMetadata === undefined ? {} : { metadata: challenge.resourceMetadata }),
            steps: shown === undefined ? 0 : shown.steps + 1,
          },
    );
  }

  /** Whether a wider grant may help who was told that its scopes do not reach (RFC 6750 §3.1). */
  mayWiden({ error, scope }: Challenge, shown: Shown): boolean {
    if (this.#access.auth.use !== 'oauth' || error !== 'insufficient_scope' || shown.steps >= MOST_STEPS) return false;
    return scopesIn(scope).some((each) => !shown.scopes.includes(each));
  }

  #connection(context: AccountContext): Connection {
    return vaultOf(this.#home.ports.credentials).connection(holderOf(this.#access, context), accountOf(this.#access));
  }

  async #ask({ caller, token }: AccountContext, refused: string | undefined): Promise<GrantAsk> {
    const { auth, url } = this.#access;
    const again = refused === undefined ? {} : { refused };
    if (auth.use === 'user-key') return again;
    const clientSecret = auth.clientSecret === undefined ? undefined : await secretValue(auth.clientSecret, caller.org, this.#home);
    const client: JsonObject = { clientId: auth.clientId, clientSecret };
    if (auth.use === 'oauth') return { ...again, with: client };
    if (auth.use === 'client-credentials') {
      const { issuer, scopes, clientKey: key } = auth;
      const clientKey = key === undefined ? undefined : await secretValue(key, caller.org, this.#home);
      return { ...again, with: client, obtain: { kind: auth.use, url: resourceOf(url), issuer, scopes, clientKey, ...client } };
    }
    if (token === undefined) {
      throw new GatewayError(
        'not_allowed',
        `The source "${this.#home.name}" is used with a token of an identity provider, which the gateway exchanges; this caller came with something else.`,
      );
    }
    const subject = await digestOf(token);
    const { tokenUrl, audience, resource = resourceOf(url), scopes } = auth;
    const obtain = { kind: auth.use, tokenUrl, audience, resource, scopes, token, subject, ...client };
    return { ...again, with: { ...client, subject }, obtain };
  }
}

const texts = (value: JsonObject[string]): readonly string[] => (isArray(value) ? value.filter((each) => typeof each === 'string') : []);
