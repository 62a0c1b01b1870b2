import type { Exchange } from '../../core/exchange.ts';
import type { Json } from '../../core/json.ts';
import { defineStrategy, type StrategyTools, type Target } from '../../core/strategy.ts';
import { targetsNamed, unknownNames } from '../../core/target-names.ts';
import { type Found, intentOf } from './intent-of.ts';
import { config, listOf, OTHERWISE } from './settings.ts';

/** Characters of one explanation, and of an example in it. */
const MOST_EXPLANATION = 300;
const MOST_EXAMPLE = 80;

/** By what the user means: the route whose examples the last words of the user are most like. docs/semantic-routing.md. */
export const semantic = defineStrategy({
  name: 'semantic',
  config,
  examples: [
    {
      routes: [
        { name: 'billing', examples: ['I was charged twice', 'where is my invoice', 'how do I get a refund'], use: 'openai/gpt-5-mini' },
        {
          name: 'code',
          examples: ['fix this stack trace', 'write a unit test for it'],
          use: ['anthropic/claude-opus-4-5', 'openai/gpt-5'],
        },
      ],
      otherwise: 'openai/gpt-5',
    },
    {
      routes: [{ name: 'smalltalk', examples: ['good morning', 'how are you', 'thanks a lot'], use: 'small' }],
      threshold: 0.6,
      embedding: 'openai/text-embedding-3-small',
      wait: 500,
    },
  ],
  check: ({ routes, otherwise }, known) =>
    unknownNames(
      [
        ...routes.map(({ use }, step) => ({ path: ['routes', step, 'use'], names: listOf(use) })),
        { path: ['otherwise'], names: listOf(otherwise) },
      ],
      known,
    ),
  async order(targets, settings, call, exchange, tools) {
    const found = await intentOf(settings, call, exchange, tools.now);
    tell(found, exchange);
    const route = found.route === undefined ? undefined : settings.routes[found.route];
    const chosen = targetsNamed(targets, [...listOf(route?.use), ...listOf(settings.otherwise)]);
    return explained([...new Set([...chosen, ...targets])], found, tools);
  },
});

/** In the head of the answer, as an item of RFC 9651, and in the log. */
function tell(found: Found, exchange: Exchange): void {
  const { name, nearest } = found;
  if (nearest === undefined) {
    exchange.note('intent', { route: OTHERWISE, reason: found.reason });
    exchange.tell?.('x-weir-intent', OTHERWISE);
    return;
  }
  const { similarity, threshold, margin, example } = nearest;
  const fact: { [part: string]: Json } = { route: name ?? OTHERWISE, similarity, threshold, example: shortened(example) };
  if (margin !== undefined) fact.margin = margin;
  if (name === undefined) fact.nearest = nearest.name;
  exchange.note('intent', fact);
  exchange.tell?.('x-weir-intent', `${name ?? OTHERWISE};similarity=${similarity};threshold=${threshold}`);
}

function explained(ordered: readonly Target[], found: Found, tools: StrategyTools): readonly Target[] {
  const why = reasonFor(found)
    .replace(/\p{C}+/gu, ' ')
    .slice(0, MOST_EXPLANATION);
  for (const target of ordered) tools.explain(target, why);
  return ordered;
}

function reasonFor({ name, nearest, reason }: Found): string {
  if (nearest === undefined) return `no intent: ${reason}`;
  const like = `${nearest.similarity} like "${shortened(nearest.example)}"`;
  if (name !== undefined) return `intent ${name}: ${like}, ${nearest.threshold} is enough`;
  return `no intent: ${like} of ${nearest.name}, ${nearest.threshold} would be enough`;
}

const shortened = (text: string) => (text.length <= MOST_EXAMPLE ? text : `${text.slice(0, MOST_EXAMPLE - 1)}…`);
