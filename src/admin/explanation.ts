import { z } from 'zod';
import type { JsonObject } from '../core/json.ts';

const why = z.string().optional().describe('Why it stands where it does.');
const out = z.string().optional().describe('Why it is not asked, whatever fails.');

/** How a call found its way. Texts and lists are cut where they are long. */
export const decision = z.strictObject({
  model: z.string().describe('As the caller named it.'),
  strategies: z
    .array(z.string())
    .readonly()
    .optional()
    .describe('`model: strategy`, in the order in which they ordered; nested models first.'),
  models: z
    .array(z.strictObject({ model: z.string(), why, out }))
    .readonly()
    .optional()
    .describe('Virtual models that were options of another.'),
  candidates: z
    .array(z.strictObject({ target: z.string().describe('`provider/model`.'), name: z.string().optional(), why, out }))
    .readonly()
    .describe('In the order in which they are asked; those with `out`, which are not, come last.'),
  attempts: z
    .array(
      z.strictObject({
        target: z.string(),
        credential: z.string().optional().describe('By its number, where the provider has several.'),
        at: z.number().nullable().optional().describe('Milliseconds from the decision to its beginning.'),
        ms: z.number().nullable().optional().describe('Milliseconds to the first content or the failure.'),
        outcome: z.string().describe('`answered`, `skipped` (it had failed lately), `left` (the caller did), or a code of docs/errors.md.'),
        status: z.number().nullable().optional().describe('That the provider answered with, or that stands for what it did.'),
        why: z.string().optional().describe('Of one that was skipped: what it failed with last.'),
        probe: z.literal(true).optional().describe('It was asked to find out whether it may be asked again.'),
        as: z.enum(['hedge', 'resume']).optional().describe('What makes it another than the next in line.'),
      }),
    )
    .readonly(),
  random: z.literal(true).optional().describe('Chance had a part in the order.'),
  notes: z.looseObject({}).optional(),
  more: z.record(z.string(), z.int()).optional().describe('How many entries of each list were left out.'),
});

export type DecisionItem = z.output<typeof decision>;

const obstacle = z.strictObject({ code: z.string().describe('Of docs/errors.md.'), status: z.int(), message: z.string() });

const amount = z.strictObject({
  input: z.number().describe('Tokens.'),
  output: z.number().describe('Tokens.'),
  cost: z.number().optional().describe('Nano-dollars; absent where no price is known.'),
});

const limit = z.strictObject({
  level: z.string().describe('Whose it is.'),
  each: z.string().optional().describe('The user, run … that is counted, where each is on its own.'),
  unit: z.string(),
  window: z.string(),
  limit: z.number().describe('Dollars for usd.'),
  remaining: z.number(),
  needs: z.number().describe('What the call needs of it at least.'),
  fits: z.boolean(),
  soft: z.literal(true).optional(),
  resetsAt: z.int().optional().describe('Milliseconds since the epoch.'),
});

const place = z.strictObject({
  credential: z.string().optional().describe('By its number, where the provider has several.'),
  state: z.enum(['closed', 'open', 'half-open']).describe('`open`: it is not asked, because it has failed lately.'),
  inFlight: z.int(),
  firstTokenMs: z.number().optional(),
  retryAt: z.number().optional().describe('When it may be tried again; milliseconds since the epoch.'),
  lastError: z.string().optional(),
});

const target = z.strictObject({
  target: z.string().describe('`provider/model`.'),
  name: z.string().optional(),
  rules: z.string().describe('The model whose retries, timeouts and breaker hold for it.'),
  tries: z.int().describe('On it, the first included.'),
  dialect: z.string().optional().describe('The form in which it is asked; absent where it cannot be.'),
  translated: z.boolean().optional(),
  loss: z.array(z.string()).readonly().describe('What of the call cannot be said in that form.'),
  estimate: amount.describe('By which orderings go.'),
  most: amount.optional().describe('What limits hold for it.'),
  places: z.array(place).readonly().describe('Its credentials as they are asked, as this isolate knows them.'),
  obstacle: obstacle.optional().describe('What keeps it from being asked.'),
  limits: z.strictObject({
    allowed: z.boolean(),
    code: z.string().optional(),
    items: z.array(limit).readonly(),
  }),
});

const hedge = z.strictObject({
  after: z.int().nullable().describe('Milliseconds without content after which another target is asked beside the first; null: none is.'),
  target: z.string().optional().describe('Which, as `provider/model`.'),
  why: z.string().optional().describe('Why none is.'),
});

const mirror = z.strictObject({
  to: z.string().describe('`provider/model`.'),
  share: z.number().describe('Part of the calls that are copied, by chance.'),
  why: z.string().optional().describe('Why this one is not, whatever chance says.'),
});

/** What would become of a call. */
export const explanation = z.strictObject({
  route: z.string(),
  dialect: z.string().optional().describe("The caller's; absent of operations beside chat."),
  operation: z.string(),
  model: z.string(),
  stream: z.boolean(),
  decision,
  notes: z.looseObject({}).optional().describe('What policies and strategies noted.'),
  targets: z.array(target).readonly().describe('Those that may be asked, in their order.'),
  first: z.string().nullable().describe('Who is asked first, as `provider/model`; null where nobody is.'),
  hedge: hedge.optional().describe('Where the model asks for a second target beside a slow one.'),
  mirror: mirror.optional().describe('Where the model has a part of its calls copied.'),
  answered: z.literal(true).optional().describe('A policy answers the call.'),
  refusal: obstacle.optional().describe('What the caller would be told instead of an answer.'),
});

export type ExplanationItem = z.output<typeof explanation>;

/** As it is made: decisions are JSON from their beginning. */
export type Explanation = Omit<ExplanationItem, 'decision' | 'notes'> & { readonly decision: JsonObject; readonly notes?: JsonObject };
