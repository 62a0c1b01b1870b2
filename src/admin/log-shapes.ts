import { z } from 'zod';
import { decision } from './explanation.ts';

const usage = z.looseObject({
  input: z.int().describe('Tokens, those of a cache included.'),
  output: z.int().describe('Tokens, those of reasoning included.'),
  cacheRead: z.int().optional(),
  cacheWrite: z.int().optional(),
  reasoning: z.int().optional(),
  images: z.int().optional(),
  seconds: z.number().optional(),
  estimated: z.boolean().optional().describe('True where the provider said nothing and the gateway counted.'),
});

/** One call, as the log has it; what a call does not have is absent. */
export const record = z.looseObject({
  id: z.string().describe('The request id that the caller saw.'),
  startedAt: z.int().describe('Milliseconds since the epoch.'),
  durationMs: z.int().describe('Until the last byte had left.'),
  firstTokenMs: z.int().optional().describe('Until the first content came from a provider.'),
  org: z.string().optional(),
  team: z.string().optional(),
  app: z.string().optional(),
  keyId: z.string().optional(),
  user: z.string().optional().describe('The end user whom the credential or the caller named.'),
  run: z.string().optional(),
  route: z.string(),
  dialect: z.string().optional().describe("The caller's."),
  askedModel: z.string().optional().describe('As the caller named it.'),
  servedModel: z.string().optional().describe('`provider/model` that the call was sent to and that answered.'),
  status: z.enum(['complete', 'partial', 'aborted', 'failed']),
  httpStatus: z.int(),
  errorCode: z.string().optional(),
  stream: z.boolean(),
  lane: z.string().optional(),
  attempts: z.int().describe('Calls to providers.'),
  usage: usage.optional(),
  toolCalls: z.int().optional().describe('Tool calls whose results the call brought; absent where no limit had them counted.'),
  cost: z.int().optional().describe('Nano-dollars; absent where no price is known.'),
  priceVersion: z.string().optional(),
  metadata: z.unknown().optional(),
  facts: z.looseObject({}).optional().describe('What policies noted.'),
  decision: decision.optional().describe('How the call found its way; of one request alone, not in lists.'),
});

export type RequestItem = z.output<typeof record>;

const tokens = z.strictObject({
  input: z.int().describe('Those read from or written to a cache included.'),
  output: z.int().describe('Those of reasoning included.'),
  cacheRead: z.int(),
  cacheWrite: z.int(),
  reasoning: z.int(),
});

/** What calls come to together. */
const sums = {
  calls: z.int(),
  errors: z.int().describe('Calls that ended with an error.'),
  attempts: z.int().describe('Calls to providers.'),
  tokens,
  toolCalls: z.int().nullable().describe('Tool calls whose results the calls brought; null where no limit had them counted.'),
  cost: z.int().describe('Nano-dollars.'),
  unpriced: z.int().describe('Calls that were served at no known price: they are not in `cost`.'),
};

export const usageItem = z.strictObject({
  group: z.looseObject({}).describe('What the calls have in common, by the names of `group_by`; null where they have none.'),
  ...sums,
  latency: z
    .strictObject({ p50: z.int(), p95: z.int() })
    .describe('Milliseconds until the last byte: half of the calls, and 95 of 100, took no longer.'),
});

export type UsageItem = z.output<typeof usageItem>;

export const mcpUsageItem = z.strictObject({
  group: z.looseObject({}).describe('What the requests have in common, by the names of `group_by`; null where they have none.'),
  calls: z.int().describe('Requests of the protocol.'),
  errors: z.int().describe('Answered with an error of the protocol or the gateway, or broken off.'),
  toolErrors: z.int().describe('Calls whose tool said that it had failed.'),
  cancelled: z.int().describe('Whose callers left, or took them back.'),
  cost: z.int().describe('Nano-dollars, by the prices of the route.'),
  latency: z
    .strictObject({ p50: z.int(), p90: z.int(), p99: z.int() })
    .describe('Milliseconds until the last byte: so many of 100 took no longer.'),
  methods: z
    .array(z.strictObject({ method: z.string(), calls: z.int() }))
    .describe('How often each was asked for, most first; 20 at most.'),
  tools: z.array(z.strictObject({ tool: z.string(), calls: z.int() })).describe('The ten that were called most.'),
});

export type McpUsageItem = z.output<typeof mcpUsageItem>;

const owner = z.string().nullable();
export const runItem = z.strictObject({
  run: z.string().describe('As the caller named it.'),
  org: owner,
  team: owner,
  app: owner,
  firstAt: z.int().describe('When the first call came; milliseconds since the epoch.'),
  lastAt: z.int().describe('When the last byte of all its calls had left.'),
  ...sums,
  models: z.array(z.string()).describe('`provider/model` that served.'),
  status: z.enum(['complete', 'partial', 'aborted', 'failed']).describe('How the call that came last ended.'),
});

export type RunItem = z.output<typeof runItem>;
