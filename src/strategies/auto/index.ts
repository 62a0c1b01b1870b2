import { z } from 'zod';
import type { Canon } from '../../core/exchange.ts';
import { defineStrategy } from '../../core/strategy.ts';
import { targetsNamed, unknownNames } from '../../core/target-names.ts';
import { type Difficulty, difficultyOf } from './difficulty.ts';
import { promptOf } from './prompt.ts';

const names = z.union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(64)]);

const tier = z.strictObject({
  below: z.number().min(0).max(1).optional().describe('Difficulty below which these are asked first; the last tier has none.'),
  use: names.describe("Names of the model's own targets."),
});

const config = z
  .strictObject({
    easy: names.optional().describe('Targets for what is easy: names of the model’s own, or one name.'),
    hard: names.optional().describe('Targets for what is hard.'),
    threshold: z.number().min(0).max(1).optional().describe('Difficulty from which on a call is hard; 0.5 when absent.'),
    tiers: z.array(tier).min(2).max(8).optional().describe('More than two, from the easiest to the hardest, instead of easy and hard.'),
  })
  .superRefine((settings, context) => {
    for (const { path, message } of faultsOf(settings)) context.addIssue({ code: 'custom', path: [...path], message });
  });

type Config = z.output<typeof config>;

interface Tier {
  readonly below: number;
  readonly names: readonly string[];
}

/** By how difficult the prompt is found: docs/auto-routing.md says what that is worth. */
export const auto = defineStrategy({
  name: 'auto',
  config,
  examples: [
    { easy: 'openai/gpt-5-mini', hard: ['openai/gpt-5', 'anthropic/claude-opus-4-5'], threshold: 0.6 },
    { tiers: [{ below: 0.3, use: 'small' }, { below: 0.7, use: ['middle'] }, { use: 'large' }] },
  ],
  check: (settings, known) =>
    unknownNames(
      [
        { path: ['easy'], names: listOf(settings.easy) },
        { path: ['hard'], names: listOf(settings.hard) },
        ...(settings.tiers ?? []).map(({ use }, step) => ({ path: ['tiers', step, 'use'], names: listOf(use) })),
      ],
      known,
    ),
  order(targets, settings, call, exchange, tools) {
    const difficulty = judged(call);
    const rounded = difficulty === undefined ? undefined : Number(difficulty.value.toFixed(2));
    if (rounded !== undefined) {
      exchange.note('difficulty', rounded);
      exchange.tell?.('x-weir-difficulty', String(rounded));
    }
    const tiers = tiersOf(settings);
    const found = difficulty === undefined ? 0 : tiers.findIndex(({ below }) => difficulty.value < below);
    // What is found too hard for a tier goes to the next; where none is left, to the easier ones.
    const inTurn = [...tiers.slice(found), ...tiers.slice(0, found).reverse()];
    const ordered = [
      ...new Set([
        ...targetsNamed(
          targets,
          inTurn.flatMap((each) => each.names),
        ),
        ...targets,
      ]),
    ];
    const why = difficulty === undefined ? 'the difficulty is not known' : [`difficulty ${rounded}`, ...reasons(difficulty)].join(': ');
    for (const target of ordered) tools.explain(target, why);
    return ordered;
  },
});

const reasons = ({ because }: Difficulty): readonly string[] => (because.length === 0 ? [] : [because.join(', ')]);

/** `undefined` for what is no chat, and for a call that cannot be read: whoever serves it will say why. */
function judged(call: Canon['llm']['call']): Difficulty | undefined {
  if (call.dialect === undefined) return undefined;
  try {
    return difficultyOf(promptOf(call.chat()));
  } catch {
    return undefined;
  }
}

const listOf = (written: string | readonly string[] = []): readonly string[] => (typeof written === 'string' ? [written] : written);

function tiersOf({ easy, hard, threshold = 0.5, tiers }: Config): readonly Tier[] {
  const written = tiers ?? [{ below: threshold, use: easy ?? [] }, { use: hard ?? [] }];
  return written.map(({ below = Number.POSITIVE_INFINITY, use }) => ({ below, names: listOf(use) }));
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function faultsOf({ easy, hard, threshold, tiers }: Config): readonly Fault[] {
  if (tiers === undefined) {
    return easy === undefined || hard === undefined ? [{ path: [], message: 'must have easy and hard, or tiers' }] : [];
  }
  const both = easy ?? hard ?? threshold;
  if (both !== undefined) return [{ path: ['tiers'], message: 'stands instead of easy, hard and threshold: write one or the other' }];
  return tiers.flatMap(({ below }, step): Fault[] => {
    const isLast = step === tiers.length - 1;
    const before = step === 0 ? 0 : (tiers[step - 1]?.below ?? 0);
    if (isLast)
      return below === undefined
        ? []
        : [{ path: ['tiers', step, 'below'], message: 'must not stand in the last tier, which takes all that is left' }];
    if (below === undefined) return [{ path: ['tiers', step, 'below'], message: 'is missing' }];
    return below > before ? [] : [{ path: ['tiers', step, 'below'], message: 'must be more than that of the tier before' }];
  });
}
