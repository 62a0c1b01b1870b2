import { z } from 'zod';
import type { Chat } from '../../core/chat.ts';
import { promptOf } from '../../core/routing/prompt.ts';
import { defineStrategy, type StrategyTools, type Target } from '../../core/strategy.ts';
import { chatOf } from '../../core/subject.ts';
import { targetsNamed, unknownNames } from '../../core/target-names.ts';
import { type Difficulty, difficultyOf } from './difficulty.ts';
import { conditions, fits, Seen } from './shapes.ts';

const names = z.union([z.string().min(1).max(256), z.array(z.string().min(1).max(256)).min(1).max(64)]);

const tier = z.strictObject({
  below: z.number().min(0).max(1).optional().describe('Difficulty below which these are asked first; the last tier has none.'),
  use: names.describe("Names of the model's own targets."),
});

const shape = z.strictObject({
  ...conditions,
  use: names.describe("Names of the model's own targets, which are asked first."),
});

const config = z
  .strictObject({
    shapes: z
      .array(shape)
      .min(1)
      .max(32)
      .optional()
      .describe('What calls look like, before anything is said of their difficulty: the first that fits decides.'),
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
    {
      easy: 'small',
      hard: 'large',
      shapes: [
        { longer: 20_000, use: 'long' },
        { images: true, use: ['sees'] },
        { tools: false, code: false, language: ['de', 'fr'], shorter: 400, use: 'small' },
      ],
    },
    { tiers: [{ below: 0.3, use: 'small' }, { below: 0.7, use: ['middle'] }, { use: 'large' }] },
  ],
  check: (settings, known) =>
    unknownNames(
      [
        { path: ['easy'], names: listOf(settings.easy) },
        { path: ['hard'], names: listOf(settings.hard) },
        ...(settings.shapes ?? []).map(({ use }, step) => ({ path: ['shapes', step, 'use'], names: listOf(use) })),
        ...(settings.tiers ?? []).map(({ use }, step) => ({ path: ['tiers', step, 'use'], names: listOf(use) })),
      ],
      known,
    ),
  order(targets, settings, call, exchange, tools) {
    const chat = chatOf(call);
    const shaped = chat === undefined ? undefined : shapeOf(chat, settings);
    if (shaped !== undefined) {
      exchange.note('shape', shaped.number);
      const first = targetsNamed(targets, shaped.use);
      return explained([...new Set([...first, ...inTiers(targets, settings, 0)])], `shape ${shaped.number}: ${shaped.because}`, tools);
    }
    const difficulty = chat === undefined ? undefined : difficultyOf(promptOf(chat));
    const rounded = difficulty === undefined ? undefined : Number(difficulty.value.toFixed(2));
    if (rounded !== undefined) {
      exchange.note('difficulty', rounded);
      exchange.tell?.('x-weir-difficulty', String(rounded));
    }
    const found = difficulty === undefined ? 0 : tiersOf(settings).findIndex(({ below }) => difficulty.value < below);
    const why = difficulty === undefined ? 'the difficulty is not known' : [`difficulty ${rounded}`, ...reasons(difficulty)].join(': ');
    return explained(inTiers(targets, settings, found), why, tools);
  },
});

function explained(targets: readonly Target[], why: string, tools: StrategyTools): readonly Target[] {
  for (const target of targets) tools.explain(target, why);
  return targets;
}

/** What is found too hard for a tier goes to the next; where none is left, to the easier ones. */
function inTiers(targets: readonly Target[], settings: Config, found: number): readonly Target[] {
  const tiers = tiersOf(settings);
  const inTurn = [...tiers.slice(found), ...tiers.slice(0, found).reverse()].flatMap((each) => each.names);
  return [...new Set([...targetsNamed(targets, inTurn), ...targets])];
}

/** The first shape that a call has, by its number. */
function shapeOf(chat: Chat, { shapes = [] }: Config) {
  if (shapes.length === 0) return undefined;
  const seen = new Seen(chat);
  for (const [step, each] of shapes.entries()) {
    const because = fits(each, seen);
    if (because !== undefined) return { number: step + 1, because, use: listOf(each.use) };
  }
  return undefined;
}

const reasons = ({ because }: Difficulty): readonly string[] => (because.length === 0 ? [] : [because.join(', ')]);

const listOf = (written: string | readonly string[] = []): readonly string[] => (typeof written === 'string' ? [written] : written);

function tiersOf({ easy, hard, threshold = 0.5, tiers }: Config): readonly Tier[] {
  const written = tiers ?? [{ below: threshold, use: easy ?? [] }, { use: hard ?? [] }];
  return written.map(({ below = Number.POSITIVE_INFINITY, use }) => ({ below, names: listOf(use) }));
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

function faultsOf({ shapes = [], ...settings }: Config): readonly Fault[] {
  const bare = shapes.flatMap(({ use: _, ...conditions }, step): Fault[] =>
    Object.values(conditions).some((value) => value !== undefined)
      ? []
      : [{ path: ['shapes', step], message: 'must say what calls it is for: longer, shorter, tools, images, code or language' }],
  );
  return [...bare, ...faultsOfTiers(settings)];
}

function faultsOfTiers({ easy, hard, threshold, tiers }: Omit<Config, 'shapes'>): readonly Fault[] {
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
