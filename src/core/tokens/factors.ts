import { encodingOf } from './encoding.ts';

/**
 * How many tokens other vendors' vocabularies make of a text for each that o200k_base makes. Every figure is about
 * English text and Markdown; how far other languages and code differ is not known where a note does not say it.
 */
export interface Factor {
  /** Multiplies a count or an estimate in o200k_base. */
  readonly factor: number;
  /**
   * `measured`: from recorded answers with the vendor's own count. `published`: from a figure the vendor gives, not
   * checked. `unknown`: nothing reliable is known, and the factor is 1.
   */
  readonly basis: 'measured' | 'published' | 'unknown';
  /** Largest relative error among the answers measured, by the count in o200k_base times the factor. */
  readonly error?: number;
  /** What was measured, or where it is published. */
  readonly source: string;
}

export interface FactorFamily extends Factor {
  readonly family: string;
  /** Finds the family's models by their ids, in lower case and on whatever platform. */
  readonly models: RegExp;
}

const recorded = (answers: number, tokens: number) =>
  `${answers} recorded answer${answers === 1 ? '' : 's'} of ${tokens} tokens, without tools, images and hidden reasoning`;

/** The first family that fits decides. `node scripts/tokens.mjs --page` writes into docs/tokens.md what each recording gives. */
export const FACTORS: readonly FactorFamily[] = [
  {
    family: 'Claude Opus 4.7 and later, Sonnet 5, Fable, Mythos',
    models: /claude-(?:opus-(?:4-[789]|[5-9])|sonnet-[5-9]|fable|mythos)/,
    factor: 1.59,
    basis: 'published',
    source:
      'about 30 % more than earlier models by https://platform.claude.com/docs/en/build-with-claude/token-counting, on top of their measured factor',
  },
  { family: 'Claude up to 4.6', models: /claude/, factor: 1.22, basis: 'measured', error: 0.07, source: recorded(6, 1247) },
  { family: 'Gemini', models: /gemini/, factor: 1.09, basis: 'measured', error: 0.12, source: recorded(6, 1160) },
  { family: 'Qwen', models: /qwen/, factor: 1.02, basis: 'measured', error: 0.02, source: recorded(5, 5515) },
  { family: 'DeepSeek', models: /deepseek/, factor: 1.04, basis: 'measured', error: 0.03, source: recorded(6, 3377) },
  { family: 'Llama 3', models: /llama-?3/, factor: 1.01, basis: 'measured', error: 0, source: recorded(1, 607) },
  {
    family: 'Mistral',
    models: /mistral|ministral|magistral|mixtral|codestral|devstral|pixtral/,
    factor: 1.03,
    basis: 'measured',
    error: 0,
    source: recorded(1, 434),
  },
  { family: 'Grok', models: /grok/, factor: 0.99, basis: 'measured', error: 0.01, source: recorded(2, 664) },
  { family: 'Perplexity Sonar', models: /sonar/, factor: 1.02, basis: 'measured', error: 0.02, source: recorded(2, 643) },
];

const UNKNOWN: Factor = { factor: 1, basis: 'unknown', source: 'nothing was measured and the vendor publishes no figure' };
const OWN: Factor = {
  factor: 1,
  basis: 'measured',
  error: 0,
  source: 'counted exactly; an estimate for cl100k_base holds for English and code',
};

/** The factor of a model by its id; that of OpenAI's models, which are counted exactly, is 1. */
export function factorOf(model: string): Factor {
  const id = model.toLowerCase();
  if (encodingOf(id) !== undefined) return OWN;
  return FACTORS.find(({ models }) => models.test(id)) ?? UNKNOWN;
}
