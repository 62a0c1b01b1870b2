import { z } from 'zod';
import { GatewayError } from '../core/errors.ts';
import type { Exchange } from '../core/exchange.ts';
import { holdBack } from '../core/hold-back.ts';
import { definePolicy, type PolicyRun } from '../core/policy.ts';
import { Rewriter, rewriteText } from '../core/rewrite.ts';
import { Terms } from '../core/terms.ts';

const found = {
  terms: z.array(z.string().min(1).max(200)).min(1).describe('Literal texts.'),
  in: z.enum(['requests', 'answers', 'both']).default('both').describe('Where they are looked for.'),
  wholeWord: z.boolean().default(false).describe('Only where they do not continue a word.'),
};

const entry = z.discriminatedUnion('action', [
  z.strictObject({
    ...found,
    action: z.literal('mask'),
    replacement: z
      .string()
      .max(200)
      // Masked text may stand inside JSON that a model writes (a tool's arguments), which must stay JSON.
      .regex(/^[^"\\\p{Cc}]*$/u, 'must not contain quotation marks, backslashes or control characters')
      .default('[masked]')
      .describe('What stands in their place.'),
  }),
  z.strictObject({ ...found, action: z.literal('refuse') }),
]);

/** Compiling this many takes an isolate some tenths of a second, once for each revision of the configuration. */
const MAX_TERMS = 5_000;

const config = z.strictObject({
  entries: z
    .array(entry)
    .min(1)
    .refine(
      (entries) => entries.reduce((sum, each) => sum + each.terms.length, 0) <= MAX_TERMS,
      `must not hold more than ${MAX_TERMS} terms`,
    )
    .describe('Where entries overlap, all of the text is masked, as the first match says.'),
  matchCase: z.boolean().default(false).describe('Upper and lower case are told apart.'),
});

type Config = z.output<typeof config>;
type Entry = Config['entries'][number];
type Place = 'requests' | 'answers';

/** Literal texts that must not pass: masked, or the whole call refused. */
export const terms = definePolicy({
  name: 'terms',
  config,
  examples: [
    { entries: [{ action: 'refuse', in: 'requests', terms: ['Project Nightjar'] }] },
    { entries: [{ action: 'refuse', terms: ['Project Nightjar', 'nightjar-7'], wholeWord: true }] },
    {
      entries: [
        { action: 'mask', terms: ['Ada Lovelace', 'Lovelace, Ada'], replacement: '[person]' },
        { action: 'mask', terms: ['Ada'], wholeWord: true },
        { action: 'refuse', terms: ['Project Nightjar'], in: 'answers' },
      ],
      matchCase: true,
    },
  ],
  touches: (settings) => {
    const entries = entriesFor(settings, 'answers');
    if (entries.length === 0) return 'nothing';
    return entries.some(({ action }) => action === 'mask') ? 'edits' : 'reads';
  },
  open: (settings, exchange) => {
    const { requests, answers } = compiled(settings);
    return {
      ...(requests !== undefined && { request: requestHook(requests, exchange) }),
      ...(answers !== undefined && { chunk: chunkHook(answers, exchange) }),
    };
  },
});

/** What one place is searched for: the matcher's terms one by one, each with the entry it comes from. */
interface Search {
  readonly place: Place;
  readonly matcher: Terms;
  readonly owners: readonly { readonly entry: Entry; readonly number: number }[];
}

type Searches = { readonly [place in Place]: Search | undefined };

/** Settings live as long as the plan they belong to, and what was compiled from them lives as long as they do. */
const searches = new WeakMap<Config, Searches>();

function compiled(settings: Config): Searches {
  const known = searches.get(settings);
  if (known !== undefined) return known;
  const made = { requests: compile(settings, 'requests'), answers: compile(settings, 'answers') };
  searches.set(settings, made);
  return made;
}

const entriesFor = ({ entries }: Config, place: Place): readonly Entry[] =>
  entries.filter((each) => each.in === 'both' || each.in === place);

function compile(settings: Config, place: Place): Search | undefined {
  const owned = entriesFor(settings, place).flatMap((each) =>
    each.terms.map((text) => ({
      term: { text, wholeWord: each.wholeWord, alarm: each.action === 'refuse' },
      owner: { entry: each, number: settings.entries.indexOf(each) },
    })),
  );
  if (owned.length === 0) return undefined;
  const matcher = new Terms(
    owned.map(({ term }) => term),
    { matchCase: settings.matchCase },
  );
  return { place, matcher, owners: owned.map(({ owner }) => owner) };
}

/** Counts masks and throws refusals. The log says which entry it was, the caller only which policy: the terms may be secrets. */
function judge({ place, owners }: Search, exchange: Exchange): (match: number) => string {
  let masked = 0;
  return (match) => {
    const owner = owners[match];
    if (owner?.entry.action === 'mask') {
      exchange.note(`terms.${place}.masked`, ++masked);
      return owner.entry.replacement;
    }
    if (owner !== undefined) exchange.note(`terms.${place}.refused`, owner.number);
    const what = place === 'requests' ? 'request' : 'answer';
    throw new GatewayError('content_refused', `The policy "terms" refused the ${what}: it contains a text that may not pass.`);
  };
}

function requestHook(search: Search, exchange: Exchange): NonNullable<PolicyRun['request']> {
  return (call) => {
    const replacement = judge(search, exchange);
    try {
      return { go: exchange.surface.texts(call, (text) => rewriteText(text, search.matcher, replacement)) };
    } catch (thrown) {
      if (thrown instanceof GatewayError && thrown.code === 'content_refused') return { refuse: thrown };
      throw thrown;
    }
  };
}

function chunkHook(search: Search, exchange: Exchange): NonNullable<PolicyRun['chunk']> {
  const replacement = judge(search, exchange);
  const rewrite = holdBack(exchange.surface, () => new Rewriter(search.matcher, replacement));
  if (search.owners.some(({ entry: { action } }) => action === 'mask')) return rewrite;
  return (chunk) => {
    // Only refusals: what the rewriter would hold back has its say, and the chunk passes as it is.
    rewrite(chunk);
    return [chunk];
  };
}
