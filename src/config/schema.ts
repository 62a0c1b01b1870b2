import { z } from 'zod';
import type { Quirks } from '../core/dialect.ts';
import type { IdentityKind } from '../core/identity.ts';
import { levels, units } from '../core/ledger/take.ts';
import type { Policy } from '../core/policy.ts';
import { VAULT_NAME } from '../core/secret-name.ts';
import { literalKey } from '../kinds/mcp/auth/settings.ts';
import { mcpShape } from '../kinds/mcp/settings.ts';
import { modelOption, requirement, target } from './model-schema.ts';
import { pricesSchema } from './prices.ts';
import type { Rolls } from './rolls.ts';
import { HOUR, milliseconds, name, onDisconnect, region } from './schema-pieces.ts';

/** A slash would make it look like `provider/model`; model names in the wild hold most other characters (`[1m]`, `@`). */
const modelName = z
  .string()
  .max(128)
  .regex(/^[^/\s\p{C}]+$/u, { error: 'is not a name for a virtual model: no "/", no spaces' });

/** A route that is found by its name in the path. */
const pathName = z
  .string()
  .max(64)
  .regex(/^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/, { error: 'is not a name for a path: use letters, digits and - . _ between them' });

const secretName = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, { error: 'is not the name of a secret: use letters, digits and _' })
  .refine((value) => !/^WEIR_/i.test(value), { error: "is one of the gateway's own secrets, which never go to a provider" });

const vaultName = z
  .string()
  .regex(VAULT_NAME, { error: 'is not a name for a credential of the vault: use letters, digits and . _ - between them, 64 at most' });

const key = z
  .strictObject({
    secret: secretName.optional().describe('The name of a Worker secret or environment variable.'),
    vault: vaultName
      .optional()
      .describe("The name of a credential that the caller's organisation keeps, written with POST /admin/v1/credentials."),
    value: literalKey,
    passthrough: z
      .literal(true)
      .optional()
      .describe("The caller's own: whoever shows the gateway key as x-weir-key has Authorization or x-api-key handed to the provider."),
  })
  .refine((value) => Object.values(value).filter((part) => part !== undefined).length === 1, {
    error: 'must have exactly one of secret, vault, value, passthrough',
  })
  .meta({ minProperties: 1, maxProperties: 1, description: "The provider's credential." });

/** Set by the transport or by the gateway itself, never by a document (RFC 9110 §7.6.1, §7.2, §8.6). */
const OWN_HEADERS = /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|host|content-length)$/i;

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, { error: 'is not a header name' })
  .refine((value) => !OWN_HEADERS.test(value), { error: 'is a header that the gateway sets itself' });

const headerValue = z.string().regex(/^[\t\x20-\x7e]*$/, { error: 'is not a header value' });

const quirks = z.strictObject({
  maxTokensField: z.enum(['max_tokens', 'max_completion_tokens']).optional(),
  streamUsage: z.boolean().optional(),
  developerRole: z.literal('system').optional(),
  reasoningField: z.enum(['reasoning_content', 'reasoning']).optional(),
  jsonSchema: z.boolean().optional(),
  reasoningEcho: z.literal(false).optional(),
  thoughtSignatures: z.boolean().optional(),
  promptCacheKey: z.boolean().optional(),
  prefill: z
    .strictObject({
      by: z.enum(['last', 'prefix', 'continue']),
      models: z.array(z.string().min(1)).min(1).optional(),
      dialect: z.string().optional(),
      echoes: z.literal(true).optional(),
    })
    .optional()
    .describe('How it goes on with an answer that another provider began (docs/resume.md); absent: it is not asked to.'),
} satisfies { readonly [quirk in keyof Quirks]-?: z.ZodType<Quirks[quirk]> });

const limits = z.strictObject({
  body: z
    .int()
    .min(1024)
    .max(100 * 1024 * 1024)
    .optional()
    .describe('Largest request body in bytes; 32 MiB when absent.'),
  ping: milliseconds(60_000, 10)
    .optional()
    .describe('Milliseconds of upstream silence after which a stream gets a ping; 15,000 when absent.'),
  allowances: z
    .boolean()
    .optional()
    .describe('Whether calls that come often take from blocks of their limits that isolates borrow for a second; true when absent.'),
  hold: milliseconds(24 * HOUR, 2_000)
    .optional()
    .describe(
      'Milliseconds after which a call that nobody ended counts as it was foreseen, as after a crash: longer than any call; 900,000 when absent.',
    ),
});

const state = z
  .strictObject({
    responseDays: z.number().min(0).max(365).optional().describe('Days for which responses and conversations are kept; 30 when absent.'),
    signatureHours: z
      .number()
      .min(0)
      .max(720)
      .optional()
      .describe('Hours for which signatures are kept that the caller has no place for; 24 when absent.'),
    idempotencyHours: z
      .number()
      .min(0)
      .max(720)
      .optional()
      .describe('Hours for which answers of calls with an Idempotency-Key are kept; 24 when absent, and with 0 the keys mean nothing.'),
    items: z.int().min(0).max(1_000_000).optional().describe('Things kept for one app at most, the oldest go first; 20,000 when absent.'),
    bytes: z
      .int()
      .min(0)
      .max(8 * 1024 * 1024 * 1024)
      .optional()
      .describe('Bytes kept for one app at most, the oldest go first; 256 MiB when absent.'),
  })
  .describe('What is kept between the calls of an app.');

const providerSchema = (rolls: Rolls) => {
  const dialect = z.enum(rolls.dialects.map(({ id }) => id));
  const whole = z.strictObject({
    like: z.string().optional().describe('A built-in provider whose dialects, authentication and quirks are taken.'),
    baseUrl: z.string().optional().describe("Up to the version segment; the dialect's path is appended."),
    key: key.optional(),
    keys: z
      .array(key)
      .min(1)
      .max(16)
      .optional()
      .describe(
        'Several credentials instead of one: calls are spread over them, and one that is refused or used up gives way to the next.',
      ),
    region: region.optional().describe('Where it runs, for requirements: eu, us, eu-west-1.'),
    zeroRetention: z.boolean().optional().describe('Whether it keeps nothing of a call once that is answered.'),
    dialects: z
      .union([z.array(dialect).min(1), z.partialRecord(dialect, z.union([z.literal(true), z.string()]))], {
        error: 'must be a list of dialects, or an object from dialect to base URL (or true)',
      })
      .optional()
      .describe('The dialects it speaks, native first; as an object, each with a base URL of its own, or true.'),
    headers: z.record(headerName, headerValue).optional().describe('Sent with every call.'),
    settings: z
      .record(z.string(), z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, { error: 'holds letters, digits and - . _ only' }))
      .optional()
      .describe('What the address or signature of some providers needs: region, project, location, account, …'),
    quirks: quirks.optional(),
    prices: pricesSchema
      .optional()
      .describe('Prices and limits by model, or by the beginning of its name and "*"; over those of the catalogue.'),
  });
  return whole.refine((value) => value.key === undefined || value.keys === undefined, {
    error: 'has both key and keys: write one of them',
  });
};

const policyOption = (policy: Policy) => {
  const use = z.literal(policy.name);
  return policy.config instanceof z.ZodObject ? z.strictObject({ ...policy.config.shape, use }) : z.looseObject({ use });
};

const template = z.string().min(1).max(512);

/** As whom the calls of an identity count. */
const mapping = z
  .strictObject({
    org: template.optional().describe('The organisation of the app, by id or name.'),
    team: template.optional().describe('The team of the app, by id or name.'),
    app: template.describe('The app, by id or name, or a template such as {claims.azp}.'),
    user: template.optional().describe('The end user, whom limits per user count by: a template such as {claims.sub}.'),
    metadata: z.record(z.string().min(1).max(64), template).optional().describe('For the attribution of costs.'),
  })
  .describe('As whom its calls count.');

/** As limits of keys are written; `readLimit` says what fits together. */
const limit = z.strictObject({
  unit: z.enum(units),
  limit: z.number().min(0),
  window: z.string().optional(),
  per: z.enum(levels).optional(),
  tools: z.array(z.string()).optional(),
  burst: z.number().min(0).optional(),
  zone: z.string().optional(),
});

const identityOption = (kind: IdentityKind) => {
  const own = kind.config instanceof z.ZodObject ? kind.config.shape : {};
  const whose = Object.hasOwn(own, 'admin') || kind.standsAlone !== undefined ? mapping.optional() : mapping;
  const limits = z
    .array(limit)
    .max(8)
    .describe('Limits of its own, held in addition to those of the app and what is above it; written as limits of keys are.');
  return z.strictObject({
    ...own,
    use: z.literal(kind.use),
    name: name('identity').describe('Stands in the request log as <use>:<name>.'),
    as: whose,
    limits: kind.anybody === true ? limits.min(1, { error: 'must not be empty: anybody could spend without end' }) : limits.optional(),
  });
};

/** A union by one key; with an empty roll, nothing is valid. */
function unionBy(key: string, options: readonly z.ZodObject[], error: string): z.ZodType {
  const [first, ...rest] = options;
  return first === undefined ? z.never({ error }) : z.discriminatedUnion(key, [first, ...rest], { error: () => error });
}

const list = (names: readonly string[]) => names.map((each) => `"${each}"`).join(', ');

/** The document's schema and those of its parts, made from what the rolls hold. Every object refuses unknown keys. */
export function makeSchema(rolls: Rolls) {
  const provider = providerSchema(rolls);
  const policy = unionBy(
    'use',
    rolls.policies.map(policyOption),
    `must name a policy: ${list(rolls.policies.map((each) => each.name)) || 'none is built in'}`,
  );
  const model = z.union(
    [
      z.string().describe('One target.'),
      z.array(target).min(1, { error: 'must name at least one target' }).describe('Targets, tried in this order.'),
      unionBy(
        'strategy',
        rolls.strategies.map(modelOption),
        `must name a strategy: ${list(rolls.strategies.map((each) => each.name)) || 'none is built in'}`,
      ),
    ],
    { error: 'must be a target, a list of targets, or an object with targets' },
  );
  const identity = unionBy(
    'use',
    rolls.identities.map(identityOption),
    `must name an identity: ${list(rolls.identities.map((each) => each.use)) || 'none is built in'}`,
  );
  const route = z.discriminatedUnion(
    'kind',
    [
      z.strictObject({
        name: name('route'),
        kind: z.literal('llm'),
        policies: z.array(policy).optional(),
        require: requirement.optional(),
        onDisconnect: onDisconnect.optional(),
      }),
      z.strictObject({ ...mcpShape, name: pathName, kind: z.literal('mcp'), policies: z.array(policy).optional() }),
    ],
    { error: (issue) => (issue.code === 'invalid_union' ? 'is not available yet: routes are of kind "llm" or "mcp"' : undefined) },
  );
  const document = z
    .strictObject({
      $schema: z.string().optional(),
      providers: z.record(name('provider'), provider).optional().describe('Where models live, by id. Built-in ids need only a key.'),
      models: z.record(modelName, model).optional().describe('Virtual models, by the name that callers use.'),
      policies: z.array(policy).optional().describe('Around every route, in this order.'),
      routes: z.array(route).optional().describe('There is one of kind llm even when none is listed.'),
      limits: limits.optional(),
      state: state.optional(),
      identities: z.array(identity).max(64).optional().describe('Who may ask without a key of this gateway.'),
    })
    .meta({ title: 'Weir configuration' });
  return { document, provider, model, policy, route, limits, state, identity, mapping, requirement };
}

export type ConfigSchema = ReturnType<typeof makeSchema>;

/** A provider as a document writes it. */
export type ProviderDocument = z.input<ConfigSchema['provider']>;
export type LimitsDocument = z.input<typeof limits>;
export type StateDocument = z.input<typeof state>;

/** The document as JSON Schema 2020-12, as an editor reads it. */
export function jsonSchema(rolls: Rolls): Record<string, unknown> {
  return z.toJSONSchema(makeSchema(rolls).document, { io: 'input', unrepresentable: 'any' });
}
