import { z } from 'zod';
import { addressFault } from '../../core/address.ts';
import { SECRET_NAME } from '../../core/secret-name.ts';

/** Signatures that a public key checks (RFC 7518 section 3.1, RFC 8037, RFC 9864). */
export const ASYMMETRIC = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'] as const;
/** Those that the issuer's own secret checks, and could make. */
export const SYMMETRIC = ['HS256', 'HS384', 'HS512'] as const;

const value = z.union([z.string().min(1), z.number(), z.boolean()]);

/** Each fact must be or hold the value; of a list, every one. */
const claims = z
  .record(z.string().min(1).max(256), z.union([value, z.array(value).min(1)]))
  .describe('What the token must say, by claim: a value, or a list of which it must have every one. `scope` is read word by word.');

const jwks = z.strictObject({
  keys: z
    .array(z.looseObject({ kty: z.enum(['RSA', 'EC', 'OKP'], { error: 'must be a public key: RSA, EC or OKP' }) }))
    .min(1)
    .max(100),
});

export const settings = z.strictObject({
  issuer: z
    .string()
    .min(1)
    .max(1024)
    .describe('Exactly as `iss` says it. Its keys are found by OIDC discovery, unless one of the next three is given.'),
  jwksUri: z.string().max(2048).optional().describe('Where its keys are.'),
  jwks: jwks.optional().describe('Its keys themselves.'),
  secret: z
    .strictObject({ secret: z.string().regex(SECRET_NAME, { error: 'is not the name of a secret that may be used here' }) })
    .optional()
    .describe('What it signs with where it signs by HMAC: 32 bytes at least.'),
  audience: z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).describe('Whom its tokens must be for: one of these in `aud`.'),
  algorithms: z
    .array(z.enum([...ASYMMETRIC, ...SYMMETRIC]))
    .min(1)
    .optional()
    .describe('All with a public key when absent, and HS256 with a secret.'),
  type: z.string().min(1).max(64).optional().describe('What `typ` must be: at+jwt of access tokens (RFC 9068).'),
  claims: claims.optional(),
  clockTolerance: z.int().min(0).max(300).optional().describe('Seconds by which clocks may differ; 60 when absent.'),
  admin: z
    .strictObject({ claims: claims.refine((each) => Object.keys(each).length > 0, { error: 'must not be empty' }) })
    .optional()
    .describe('Tokens that say this too may use the admin API.'),
});

export type JwtSettings = z.output<typeof settings>;

const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'k'];

/** What the schema cannot say. */
export function problemsOf(config: JwtSettings, { local }: { readonly local: boolean }) {
  const problems: { readonly path: string; readonly message: string }[] = [];
  const { issuer, jwksUri, secret } = config;
  const ways = (['jwksUri', 'jwks', 'secret'] as const).filter((way) => config[way] !== undefined);
  if (ways.length > 1) problems.push({ path: ways[1] ?? '', message: `is one too many: there is ${ways[0]} already` });
  if (ways.length === 0) addFault(problems, 'issuer', issuer, local);
  if (jwksUri !== undefined) addFault(problems, 'jwksUri', jwksUri, local);
  for (const [step, key] of (config.jwks?.keys ?? []).entries()) {
    if (PRIVATE.some((part) => key[part] !== undefined))
      problems.push({ path: `jwks.keys.${step}`, message: 'is a private key: give the public one' });
  }
  const known: readonly string[] = secret === undefined ? ASYMMETRIC : SYMMETRIC;
  const wrong = config.algorithms?.find((each) => !known.includes(each));
  if (wrong !== undefined) {
    const message = secret === undefined ? `holds ${wrong}, which needs a secret` : `holds ${wrong}, which is not for a secret`;
    problems.push({ path: 'algorithms', message });
  }
  return problems;
}

function addFault(problems: { readonly path: string; readonly message: string }[], path: string, text: string, local: boolean): void {
  const url = URL.parse(text);
  const fault = url === null ? 'it is not a URL' : addressFault(url, local);
  if (fault !== undefined) problems.push({ path, message: `cannot be asked for keys: ${fault}` });
}
