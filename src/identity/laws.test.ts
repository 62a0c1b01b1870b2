import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import { fakePorts } from '../core/fakes.ts';
import type { IdentityKind, Proof } from '../core/identity.ts';
import type { JsonObject } from '../core/json.ts';
import { identities } from './index.ts';

const SECRET = 'a secret of the laws, of 32 bytes and more';

/** The entry's own settings, as the configuration hands them on. */
function settingsOf(kind: IdentityKind, example: JsonObject): unknown {
  const { use: _use, name: _name, as: _as, limits: _limits, ...own } = example;
  return kind.config.parse(own);
}

const examples = identities.flatMap((kind) =>
  kind.examples.map((example) => ({ kind, example, of: `${kind.use} ${String(example.name)}` })),
);

it('have names that tell them apart, and those who ask for nothing come last', () => {
  expect(new Set(identities.map(({ use }) => use)).size).toBe(identities.length);
  expect(identities.findIndex(({ anybody }) => anybody === true)).toBe(identities.length - 1);
});

it.each(identities.map((kind) => [kind.use, kind] as const))(
  '%s is strict, has a schema, examples, and no setting of the names that every entry has',
  (use, kind) => {
    expect(kind.examples.length).toBeGreaterThan(0);
    expect(kind.examples.every((example) => example.use === use)).toBe(true);
    const [example] = kind.examples;
    const own = settingsOf(kind, example ?? {});
    expect(kind.config.safeParse({ ...(own as object), unknownSetting: 1 }).success).toBe(false);
    expect(z.toJSONSchema(kind.config, { io: 'input' })).toMatchObject({ type: 'object', additionalProperties: false });
    expect(kind.config).toBeInstanceOf(z.ZodObject);
    const shape = kind.config instanceof z.ZodObject ? Object.keys(kind.config.shape) : [];
    for (const taken of ['use', 'name', 'as', 'limits']) expect(shape).not.toContain(taken);
  },
);

/** Pieces of what credentials are made of. */
const piece = fc.constantFrom(
  ...[
    'eyJhbGciOiJub25lIn0',
    'eyJhbGciOiJSUzI1NiJ9',
    'eyJpc3MiOiJodHRwczovL2xvZ2luLmFjbWUuZXhhbXBsZSJ9',
    'eyJpc3MiOiJpbnNpZGUifQ',
    '.',
    '..',
    'weir_live_',
  ],
  ...[
    "' OR 1=1 --",
    '"',
    '\\',
    ';',
    ',',
    '=',
    ':',
    '(',
    ')',
    '%00',
    '{claims.sub}',
    '__proto__',
    'ü',
    '\u{1f511}',
    'sig1=("@method" "@target-uri");created=1800000000;keyid="ci-1";nonce="x"',
  ],
  ...['sig1=:AAAA:', 'sha-256=:AAAA:', ':MIIB:', 'Hash=00', '-----BEGIN CERTIFICATE-----', 'CN=root', 'x'.repeat(300)],
);
const text = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
const NAMES = [
  'signature-input',
  'signature',
  'content-digest',
  'client-cert',
  'x-forwarded-client-cert',
  'x-mesh-proof',
  'cf-connecting-ip',
  'x-forwarded-for',
  'x-user',
];

const shown = fc.record({
  token: fc.option(text, { nil: undefined }),
  headers: fc.dictionary(
    fc.constantFrom(...NAMES),
    text.map((value) => encodeURI(value)),
    { maxKeys: 5 },
  ),
  body: fc.option(fc.constantFrom('', '{}'), { nil: undefined }),
});

describe.each(examples)('$of', ({ kind, example }) => {
  const setUp = () => {
    const ports = fakePorts({ secrets: { INSIDE_JWT: SECRET, CI_SIGNING: SECRET, MESH_PROOF: SECRET } });
    return { ports, witness: kind.witness(settingsOf(kind, example), 'laws') };
  };
  const prove = async (parts: {
    readonly token?: string | undefined;
    readonly headers?: Record<string, string>;
    readonly body?: string | undefined;
  }) => {
    const { ports, witness } = setUp();
    const { token, headers = {}, body } = parts;
    const request = new Request('https://weir.example/v1/chat/completions', {
      method: 'POST',
      headers,
      ...(body === undefined ? {} : { body }),
    });
    const proof: Proof | GatewayError | undefined = await Promise.resolve(
      witness.prove({ request, mostBody: 1_000, ...(token === undefined ? {} : { token }) }, ports),
    ).catch((thrown: unknown) => {
      if (thrown instanceof GatewayError) return thrown;
      throw thrown;
    });
    return { proof, request, ports };
  };

  it('sees nothing in a request that shows nothing, unless it asks for nothing', async () => {
    const { proof, ports } = await prove({});
    expect(proof !== undefined).toBe(kind.anybody === true);
    expect(ports.sent).toEqual([]);
  });

  it('takes nothing that was made up for good, and answers with a refusal rather than a fault', async () => {
    await fc.assert(
      fc.asyncProperty(shown, async (parts) => {
        const { proof, request, ports } = await prove(parts);
        if (proof instanceof GatewayError) {
          // An issuer that cannot be asked is told apart from a token that is not good.
          expect(['invalid_key', 'not_allowed', 'overloaded']).toContain(proof.code);
          expect(proof.message).toMatch(/^[A-Z][^\n]{5,200}\.$/);
        } else if (proof !== undefined) expect(kind.anybody).toBe(true);
        expect(request.bodyUsed).toBe(false);
        for (const { url } of ports.sent) expect(url.startsWith(String(example.jwksUri ?? example.issuer))).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('proves facts of the names that templates may begin with, and no secret', async () => {
    const { proof } = await prove({});
    if (proof === undefined || proof instanceof GatewayError) return;
    expect(Object.keys(proof.facts).every((name) => kind.facts.includes(name))).toBe(true);
    expect(JSON.stringify(proof)).not.toContain(SECRET);
  });
});
