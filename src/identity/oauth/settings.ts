import { z } from 'zod';
import { addressFault } from '../../core/address.ts';
import { SECRET_NAME } from '../../core/secret-name.ts';

const value = z.union([z.string().min(1), z.number(), z.boolean()]);

/** Each fact must be or hold the value; of a list, every one. */
const claims = z.record(z.string().min(1).max(256), z.union([value, z.array(value).min(1)]));

/** RFC 6749 section 3.3. */
const scope = z
  .string()
  .max(128)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { error: 'is not a scope: no spaces, quotes or backslashes' });

const login = z.strictObject({
  issuer: z
    .string()
    .min(1)
    .max(1024)
    .describe('The OpenID provider of the organisation, exactly as `iss` says it. Its addresses are found by discovery.'),
  clientId: z.string().min(1).max(256).describe('What the gateway is there. Its redirect URI is <issuer of the gateway>/oauth/callback.'),
  clientSecret: z
    .strictObject({ secret: z.string().regex(SECRET_NAME, { error: 'is not the name of a secret that may be used here' }) })
    .optional()
    .describe('Absent where it is a public client there.'),
  scopes: z.array(scope).min(1).optional().describe('What is asked of the provider; openid, profile, email when absent.'),
  connect: z
    .enum(['when-known', 'always', 'never'])
    .optional()
    .describe(
      'Whether who opens the link that connects an account of a caller signs in first, and must be its user. When-known, and when absent: where the caller came with a token of this provider, or that somebody got who signed in there. Always: for every caller, and those whose credential names no user have no link.',
    ),
});

export const settings = z.strictObject({
  issuer: z
    .string()
    .max(256)
    .optional()
    .describe(
      'The address of this gateway, as clients know it: an origin such as https://ai.acme.example. Where absent, the one each request came to.',
    ),
  login: login.optional().describe('Where people sign in. Absent: with a gateway key, which the token then stands for.'),
  assertions: z
    .array(
      z.strictObject({
        issuer: z.string().min(1).max(1024).describe('Exactly as `iss` says it. Its keys are found by discovery, unless jwksUri is given.'),
        jwksUri: z.string().max(2048).optional().describe('Where its keys are.'),
      }),
    )
    .min(1)
    .max(8)
    .optional()
    .describe('Providers whose identity assertions (ID-JAG) clients may bring in the place of a sign-in.'),
  claims: claims
    .optional()
    .describe('What the provider must say of those who may sign in, by claim: a value, or a list of which there must be every one.'),
  scopes: z
    .record(
      scope,
      z.strictObject({
        description: z.string().min(1).max(256).optional().describe('What it allows, for the page that asks for consent.'),
        claims: claims.optional().describe('What the provider must say of those who may have it; anybody when absent.'),
      }),
    )
    .optional()
    .describe('Scopes that routes ask for, or that stand for the whole gateway.'),
  accessToken: z.int().min(60).max(86_400).optional().describe('Seconds for which an access token is good; 3,600 when absent.'),
  refreshToken: z
    .union([z.literal(0), z.int().min(120).max(31_536_000)])
    .optional()
    .describe('Seconds from the sign-in on for which it can be refreshed; 2,592,000 (30 days) when absent, and with 0 not at all.'),
  registration: z.boolean().optional().describe('Whether clients may register themselves (RFC 7591); true when absent.'),
});

export type OAuthSettings = z.output<typeof settings>;

export const DEFAULT_ACCESS_TOKEN = 3_600;
export const DEFAULT_REFRESH_TOKEN = 2_592_000;

/** What the schema cannot say. */
export function problemsOf({ issuer, login, assertions = [] }: OAuthSettings, { local }: { readonly local: boolean }) {
  const problems: { readonly path: string; readonly message: string }[] = [];
  if (issuer !== undefined) {
    const url = URL.parse(issuer);
    const fault = url === null ? 'it is not a URL' : addressFault(url, local);
    if (fault !== undefined) problems.push({ path: 'issuer', message: `cannot be the gateway's address: ${fault}` });
    else if (url?.origin !== issuer)
      problems.push({ path: 'issuer', message: 'is not an origin: no path, no slash at its end, lower case' });
  }
  if (login !== undefined) {
    const url = URL.parse(login.issuer);
    const fault = url === null ? 'it is not a URL' : addressFault(url, local);
    if (fault !== undefined) problems.push({ path: 'login.issuer', message: `cannot be asked: ${fault}` });
    if (login.scopes?.includes('openid') === false) problems.push({ path: 'login.scopes', message: 'lacks openid' });
  }
  for (const [step, { issuer: from, jwksUri }] of assertions.entries()) {
    const url = URL.parse(jwksUri ?? from);
    const fault = url === null ? 'it is not a URL' : addressFault(url, local);
    if (fault !== undefined) problems.push({ path: `assertions.${step}`, message: `cannot be asked for keys: ${fault}` });
  }
  return problems;
}
