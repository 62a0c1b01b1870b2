import { z } from 'zod';
import { MOST_CHARACTERS } from '../../core/cel/rule.ts';
import { defineStrategy, type StrategyTools, type Target } from '../../core/strategy.ts';
import { targetsNamed, unknownNames } from '../../core/target-names.ts';
import { CallFacts } from './facts.ts';
import { routingRule } from './variables.ts';

const names = z.array(z.string().min(1).max(256)).min(1, { error: 'must name at least one target' }).max(64);

/** Characters of one explanation. */
const MOST_EXPLANATION = 300;

const when = z
  .string()
  .max(MOST_CHARACTERS)
  .transform((text, context) => {
    try {
      return routingRule(text);
    } catch (error) {
      context.addIssue({ code: 'custom', message: `is not a rule: ${error instanceof Error ? error.message : 'it cannot be read'}` });
      return z.NEVER;
    }
  })
  .describe('An expression in CEL that is true or false of a call.');

const rule = z.strictObject({
  name: z.string().min(1).max(64).optional().describe('What explanations call it; its number when absent.'),
  when,
  use: names.describe("Names of the model's own targets, in the order in which they are asked."),
  rest: z.literal(true).optional().describe('All other targets come after those of `use`, as listed; without it no other is asked.'),
});

const config = z.strictObject({
  rules: z.array(rule).min(1).max(64).describe('In this order; the first that is true decides.'),
  otherwise: names.optional().describe('Where no rule is true; all targets as listed when absent.'),
});

type Config = z.output<typeof config>;

/** The first rule that is true of a call says which targets are asked. */
export const conditional = defineStrategy({
  name: 'conditional',
  config,
  examples: [
    { rules: [{ when: 'metadata.plan == "gold"', use: ['openai/gpt-5'] }], otherwise: ['openai/gpt-5-mini'] },
    {
      rules: [
        { name: 'long', when: 'tokens.input > 100000', use: ['google/gemini-2.5-pro'], rest: true },
        { name: 'night', when: 'time.getHours("Europe/Zurich") < 6 && !stream', use: ['batch'] },
        { when: 'country in ["DE", "AT"] || tools.exists(tool, tool.startsWith("crm_"))', use: ['eu', 'eu-second'] },
      ],
    },
  ],
  check: ({ rules, otherwise }, known) =>
    unknownNames(
      [...rules.map(({ use }, step) => ({ path: ['rules', step, 'use'], names: use })), { path: ['otherwise'], names: otherwise ?? [] }],
      known,
    ),
  order(targets, settings, call, exchange, tools) {
    const facts = new CallFacts(call, exchange, tools);
    const faults: string[] = [];
    for (const [step, entry] of settings.rules.entries()) {
      const { holds, fault } = entry.when.judge(facts);
      const called = entry.name === undefined ? `rule ${step + 1}` : `rule ${step + 1} (${entry.name})`;
      if (fault !== undefined) faults.push(`${called} counts as false: ${fault}`);
      if (!holds) continue;
      exchange.note('rule', entry.name ?? step + 1);
      return explained(decided(targets, entry, settings), called, faults, tools);
    }
    exchange.note('rule', 'otherwise');
    return explained(decided(targets, { use: settings.otherwise }, settings), 'no rule is true', faults, tools);
  },
});

/** Tells each target what decided that it is asked, and which rules could not be worked out before. */
function explained(targets: readonly Target[], decider: string, faults: readonly string[], tools: StrategyTools): readonly Target[] {
  const why = [decider, ...faults]
    .join('; ')
    .replace(/\p{C}+/gu, ' ')
    .slice(0, MOST_EXPLANATION);
  for (const target of targets) tools.explain(target, why);
  return targets;
}

function decided(
  targets: readonly Target[],
  { use, rest }: { readonly use?: readonly string[] | undefined; readonly rest?: true | undefined },
  settings: Config,
): readonly Target[] {
  const chosen = use === undefined ? targets : targetsNamed(targets, use);
  if (rest === true) return [...new Set([...chosen, ...targets])];
  return chosen.length === 0 ? withoutTheirs(targets, settings) : chosen;
}

/**
 * The targets that were decided for may not be asked, since something else forbids it. No other is asked in their place:
 * a rule is a decision. Only where the settings speak of none of these targets at all do they say nothing of them.
 */
function withoutTheirs(targets: readonly Target[], { rules, otherwise = [] }: Config): readonly Target[] {
  const named = targetsNamed(targets, [...rules.flatMap(({ use }) => use), ...otherwise]);
  return named.length === 0 ? targets : [];
}
