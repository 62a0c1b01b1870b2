import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { matchesGlob } from '../../core/glob.ts';
import { defineIdentity, type IdentityPorts, type Proof, type Shown, type Witness } from '../../core/identity.ts';
import { isArray, type JsonObject } from '../../core/json.ts';
import { SECRET_NAME } from '../../core/secret-name.ts';
import { readForwarded } from './forwarded.ts';
import { partsOf } from './names.ts';

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'is not a header name' })
  .transform((header) => header.toLowerCase());

const texts = z.array(z.string().min(1).max(1024)).min(1);
const fingerprint = z
  .string()
  .transform((text) => text.replaceAll(':', '').toLowerCase())
  .pipe(z.string().regex(/^[0-9a-f]{64}$/, { error: 'is not a SHA-256 fingerprint: 64 hexadecimal digits' }));

const settings = z.strictObject({
  match: z
    .strictObject({
      fingerprint: z.array(fingerprint).min(1).optional().describe('SHA-256 of the certificate, in hexadecimal.'),
      subject: texts.optional().describe('The whole distinguished name, as RFC 4514 writes it: CN=bot,O=Acme.'),
      issuer: texts.optional().describe('Likewise, of who signed it.'),
      dns: texts.optional().describe('A DNS name among the alternative names; * stands for any text.'),
      uri: texts.optional().describe('Likewise, a URI, such as a SPIFFE id.'),
      email: texts.optional().describe('Likewise, an address.'),
    })
    .optional()
    .describe('Which certificates are meant: of each that is given, the certificate must have one. All that are verified when absent.'),
  proxy: z
    .strictObject({
      header: headerName.describe(
        'Where the proxy puts the certificate: client-cert (RFC 9440), x-forwarded-client-cert, or another that holds it as PEM.',
      ),
      proof: z
        .strictObject({
          header: headerName.describe('Where the proxy shows that it is the proxy.'),
          secret: z.string().regex(SECRET_NAME, { error: 'is not the name of a secret that may be used here' }),
        })
        .describe('Without it anybody could send the header: the secret is what must stand in the other one.'),
    })
    .optional()
    .describe('A proxy in front that ends TLS. When absent, Cloudflare does.'),
});

type MtlsSettings = z.output<typeof settings>;

/** Client certificates: verified by Cloudflare, or by a proxy that proves itself. */
export const mtls = defineIdentity({
  use: 'mtls',
  config: settings,
  examples: [
    { use: 'mtls', name: 'devices', match: { issuer: ['CN=Devices,O=Acme'] }, as: { org: 'acme', app: 'devices', user: '{cert.CN}' } },
    {
      use: 'mtls',
      name: 'mesh',
      proxy: { header: 'x-forwarded-client-cert', proof: { header: 'x-mesh-proof', secret: 'MESH_PROOF' } },
      match: { uri: ['spiffe://acme.example/ns/prod/*'] },
      as: { org: 'acme', app: 'services', user: '{cert.uri.0}' },
    },
  ],
  facts: ['cert'],
  problems: ({ proxy, match }) =>
    ALTERNATIVES.flatMap((field) =>
      proxy === undefined && match?.[field] !== undefined
        ? [{ path: `match.${field}`, message: 'is known of certificates that a proxy hands on, and not of those that Cloudflare verifies' }]
        : [],
    ),
  witness: (config) => new Certificates(config),
});

class Certificates implements Witness {
  readonly #config: MtlsSettings;

  constructor(config: MtlsSettings) {
    this.#config = config;
  }

  async prove({ request, token, tlsClient }: Shown, { secrets }: IdentityPorts): Promise<Proof | undefined> {
    if (token !== undefined) return undefined;
    const { proxy, match } = this.#config;
    const cert = proxy === undefined ? edgeCertificate(tlsClient) : await proxyCertificate(request, proxy, (name) => secrets.get(name));
    return cert === undefined || !fits(cert, match) ? undefined : { facts: { cert } };
  }
}

/**
 * What Cloudflare says of the caller's certificate, which nobody else can
 * (developers.cloudflare.com/workers/runtime-apis/request, tlsClientAuth). Throws where one was shown that is not good.
 */
function edgeCertificate(client: unknown): JsonObject | undefined {
  if (typeof client !== 'object' || client === null) return undefined;
  const said = (name: string): string => {
    const value: unknown = Reflect.get(client, name);
    return typeof value === 'string' ? value : '';
  };
  if (said('certPresented') !== '1') return undefined;
  if (said('certVerified') !== 'SUCCESS' || said('certRevoked') !== '0') {
    throw new GatewayError('invalid_key', 'The client certificate is not valid: it could not be verified, or it was revoked.');
  }
  const subject = said('certSubjectDNRFC2253');
  return {
    fingerprint: said('certFingerprintSHA256').toLowerCase(),
    subject,
    issuer: said('certIssuerDNRFC2253'),
    serial: said('certSerial'),
    ...partsOf(subject),
  };
}

async function proxyCertificate(
  { headers }: Request,
  { header, proof }: NonNullable<MtlsSettings['proxy']>,
  secretOf: (name: string) => string | undefined,
): Promise<JsonObject | undefined> {
  const value = headers.get(header);
  const shown = headers.get(proof.header);
  const secret = secretOf(proof.secret);
  // Whoever is not the proxy has not said anything.
  if (value === null || shown === null || secret === undefined || !(await isSame(shown, secret))) return undefined;
  const cert = await readForwarded(header, value);
  if (cert === undefined) throw new GatewayError('invalid_key', 'The client certificate that the proxy handed on cannot be read.');
  return cert;
}

/** Compares digests, which are of one length whatever was sent, in constant time. */
async function isSame(given: string, expected: string): Promise<boolean> {
  const [left, right] = await Promise.all([given, expected].map((text) => crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))));
  return left !== undefined && right !== undefined && crypto.subtle.timingSafeEqual(left, right);
}

/** What Cloudflare does not say, and where stars stand for any text: names without parts that a value could imitate. */
const ALTERNATIVES = ['dns', 'uri', 'email'] as const;

function fits(cert: JsonObject, match: MtlsSettings['match']): boolean {
  return Object.entries(match ?? {}).every(([field, wanted]) => {
    const value = cert[field];
    const values = isArray(value) ? value : [value];
    return wanted?.some((each) => values.some((one) => typeof one === 'string' && isMeant(field, each, one))) === true;
  });
}

const isMeant = (field: string, wanted: string, value: string): boolean =>
  ALTERNATIVES.some((each) => each === field) ? matchesGlob(wanted, value.toLowerCase()) : value === wanted;
