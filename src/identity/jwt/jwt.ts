import { encodeBase64 } from '../../core/base64.ts';
import { GatewayError } from '../../core/errors.ts';
import { defineIdentity, type IdentityPorts, type Proof, type Shown, type Witness } from '../../core/identity.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { holds } from '../../core/template.ts';
import { IssuerKeys } from './issuer-keys.ts';
import { type JwtSettings, problemsOf, settings } from './settings.ts';
import { claimedBy } from './token.ts';
import type { verify } from './verify.ts';

/** Good tokens that an isolate remembers for one entry, and for how many milliseconds at most. */
const REMEMBERED = 1_000;
const REMEMBERED_FOR = 5 * 60_000;

/** Signed tokens of issuers that the operator trusts: OpenID Connect, OAuth 2.0 access tokens (RFC 9068), workload identities. */
export const jwt = defineIdentity({
  use: 'jwt',
  config: settings,
  examples: [
    {
      use: 'jwt',
      name: 'acme',
      issuer: 'https://login.acme.example',
      audience: 'https://ai.acme.example',
      claims: { scope: ['ai:use'] },
      as: { org: 'acme', app: '{claims.azp}', user: '{claims.email|claims.sub}', metadata: { department: '{claims.department}' } },
      admin: { claims: { groups: 'platform' } },
    },
    {
      use: 'jwt',
      name: 'ci',
      issuer: 'https://ci.acme.example',
      jwksUri: 'https://ci.acme.example/jwks',
      audience: ['weir'],
      algorithms: ['ES256'],
      as: { app: 'builds', user: '{claims.sub}' },
    },
    { use: 'jwt', name: 'inside', issuer: 'inside', secret: { secret: 'INSIDE_JWT' }, audience: 'weir', as: { app: 'batch' } },
  ],
  facts: ['claims'],
  problems: problemsOf,
  witness: (config) => new Tokens(config),
});

interface Good {
  readonly proof: Proof;
  /** Milliseconds since the epoch. */
  readonly until: number;
}

class Tokens implements Witness {
  readonly #config: JwtSettings;
  readonly #keys: IssuerKeys | undefined;
  /** By a digest of the whole token: two that begin alike have nothing in common. */
  readonly #good = new Snapshots<Good>(REMEMBERED);
  #verify: typeof verify | undefined;

  constructor(config: JwtSettings) {
    this.#config = config;
    const { issuer, jwksUri, jwks, secret } = config;
    this.#keys = jwks === undefined && secret === undefined ? new IssuerKeys(issuer, jwksUri) : undefined;
  }

  prove({ token }: Shown, ports: IdentityPorts): Promise<Proof> | undefined {
    // Which issuer it is of is all that is believed of it so far.
    return token === undefined || claimedBy(token)?.iss !== this.#config.issuer ? undefined : this.#judge(token, ports);
  }

  async #judge(token: string, ports: IdentityPorts): Promise<Proof> {
    const digest = encodeBase64(new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(token))));
    const known = this.#good.get(digest);
    if (known !== undefined && ports.clock.now() < known.until) return known.proof;
    this.#verify ??= (await import('./verify.ts')).verify;
    const claims = await this.#verify(token, this.#config, this.#keys, ports);
    const proof = this.#proofOf(claims);
    const now = ports.clock.now();
    const until = Math.min(Number(claims.exp) * 1000, now + REMEMBERED_FOR);
    if (until > now) this.#good.put(digest, { proof, until });
    return proof;
  }

  #proofOf(claims: JsonObject): Proof {
    const { claims: required, admin } = this.#config;
    const missing = missingFrom(claims, required);
    if (missing !== undefined) {
      throw new GatewayError(
        'not_allowed',
        `The token is valid and may not be used here: its "${missing}" does not hold what the operator asks for.`,
      );
    }
    const { sub } = claims;
    const mayAdminister = admin !== undefined && typeof sub === 'string' && sub !== '' && missingFrom(claims, admin.claims) === undefined;
    return { facts: { claims }, scopes: scopesOf(claims), ...(mayAdminister ? { admin: sub } : {}) };
  }
}

/** RFC 9068 section 2.2.3; Entra and Okta call it `scp`, as a text or a list. A token that says none has none. */
function scopesOf({ scope, scp }: JsonObject): readonly string[] {
  const said = scope ?? scp;
  if (isArray(said)) return said.filter((each) => typeof each === 'string');
  return typeof said === 'string' ? said.split(' ').filter(Boolean) : [];
}

/** The first claim that is not or does not hold all it must. */
function missingFrom(claims: JsonObject, required: JwtSettings['claims']): string | undefined {
  const found = Object.entries(required ?? {}).find(([path, wanted]) => {
    const values = Array.isArray(wanted) ? wanted : [wanted];
    return !values.every((value) => holds(claims, path, value));
  });
  return found?.[0];
}
