import { z } from 'zod';
import { addressFault } from '../../../core/address.ts';
import { REDACTED, SECRET_NAME, VAULT_NAME } from '../../../core/secret-name.ts';

/** A key that stands in the configuration itself: the form in which it is shown there is taken for none. */
export const literalKey = z
  .string()
  .min(1)
  .refine((value) => value !== REDACTED, {
    error: 'is the redacted form that reading the configuration shows: send the key itself, or {"secret": "NAME"}',
  })
  .optional()
  .describe('The key itself. Local runs only.');

/** Something that nobody may read in the configuration. */
export const secretSetting = z
  .strictObject({
    secret: z
      .string()
      .regex(SECRET_NAME, { error: 'is not the name of a secret that sources may use' })
      .optional()
      .describe('The name of a Worker secret or environment variable.'),
    vault: z
      .string()
      .regex(VAULT_NAME, { error: 'is not a name for a credential of the vault' })
      .optional()
      .describe("The name of a credential that the caller's organisation keeps, written with POST /admin/v1/credentials."),
    value: literalKey,
  })
  .refine((value) => Object.values(value).filter((part) => part !== undefined).length === 1, {
    error: 'must have exactly one of secret, vault, value',
  });

export type SecretSetting = z.output<typeof secretSetting>;

const url = z.string().max(2048);
const scopes = z
  .array(z.string().regex(/^[\x21\x23-\x5b\x5d-\x7e]{1,128}$/, { error: 'is not a scope' }))
  .min(1)
  .max(64);
const clientId = z.string().min(1).max(2048);

const issuer = url
  .optional()
  .describe('The authorization server, exactly as it calls itself. Absent: the one that the server names (RFC 9728).');
const wanted = scopes.optional().describe('What is asked for; what the server says it needs when absent.');

/** How the gateway comes by a credential where it is no fixed key of its own. */
export const authSetting = z
  .discriminatedUnion('use', [
    z.strictObject({
      use: z.literal('user-key').describe('A key of each caller, which it stores once: on a page that it is sent to, or by the API.'),
      help: z.string().min(1).max(500).optional().describe('What the page says of where to get one.'),
    }),
    z.strictObject({
      use: z.literal('oauth').describe('A grant that somebody consents to in the browser; the gateway is the OAuth client.'),
      shared: z
        .boolean()
        .optional()
        .describe('One grant for an organisation, which its operator consents to. Otherwise, and when absent, one for each caller.'),
      issuer,
      clientId: clientId
        .optional()
        .describe('The client as it is known there. Absent: the gateway shows its own metadata document, or registers itself.'),
      clientSecret: secretSetting.optional(),
      scopes: wanted,
    }),
    z.strictObject({
      use: z.literal('client-credentials').describe('The gateway asks for a token in its own name (RFC 6749 §4.4).'),
      issuer,
      clientId,
      clientSecret: secretSetting.optional(),
      clientKey: secretSetting
        .optional()
        .describe('Instead of a secret: the private key that assertions are signed with (`private_key_jwt`), PKCS#8 as PEM.'),
      scopes: wanted,
    }),
    z.strictObject({
      use: z
        .literal('token-exchange')
        .describe("The caller's own token is exchanged for one that is good at the server (RFC 8693), and goes nowhere else."),
      tokenUrl: url.describe('The token endpoint that exchanges it: the only place that sees it.'),
      clientId: clientId.optional(),
      clientSecret: secretSetting.optional(),
      audience: z.string().min(1).max(2048).optional(),
      resource: url.optional().describe('What it is for (RFC 8707); the address of the server when absent.'),
      scopes: scopes.optional(),
    }),
  ])
  .describe('How the gateway comes by its credential at the server, where it is not a `key`.');

export type AuthSetting = z.output<typeof authSetting>;
export type OAuthSetting = Extract<AuthSetting, { readonly use: 'oauth' }>;

interface Problem {
  readonly path: string;
  readonly message: string;
}

/** What is wrong with them that their schema cannot say. */
export function authProblems(auth: AuthSetting, local: boolean): readonly Problem[] {
  const secret = 'clientSecret' in auth ? auth.clientSecret : undefined;
  const key = auth.use === 'client-credentials' ? auth.clientKey : undefined;
  const addresses = {
    issuer: 'issuer' in auth ? auth.issuer : undefined,
    tokenUrl: 'tokenUrl' in auth ? auth.tokenUrl : undefined,
  };
  return [
    ...(auth.use === 'client-credentials' && (secret === undefined) === (key === undefined)
      ? [{ path: 'auth', message: 'must have exactly one of clientSecret, clientKey' }]
      : []),
    ...((secret?.value === undefined && key?.value === undefined) || local
      ? []
      : [{ path: 'auth', message: 'holds the client secret itself, which only local runs may: use {"secret": "NAME"}' }]),
    ...(secret !== undefined && 'clientId' in auth && auth.clientId === undefined
      ? [{ path: 'auth', message: 'has a clientSecret and no clientId whose it is' }]
      : []),
    ...Object.entries(addresses).flatMap(([name, text]) => {
      if (text === undefined) return [];
      const parsed = URL.parse(text);
      const fault = parsed === null ? 'it is not a URL' : addressFault(parsed, local);
      return fault === undefined ? [] : [{ path: 'auth', message: `has an ${name} that is refused: ${fault}` }];
    }),
  ];
}

/** A source whose callers, or their operator, have to do something first. */
export interface SourceAccess {
  readonly auth: AuthSetting;
  /** Where the server is: what a grant is for (RFC 8707), and what its place is called by. */
  readonly url: string;
}

/** The name of a resource: the server's address without what stands behind `#` and `?`. */
export function resourceOf(address: string): string {
  const at = new URL(address);
  at.hash = '';
  at.search = '';
  return at.pathname === '/' && !address.replace(/[?#].*$/, '').endsWith('/') ? at.origin : at.href;
}
