import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, Part } from '../../core/chat.ts';
import { fakeCall, fakeDialect, fakeExchange, fakeTools } from '../../core/fakes.ts';
import type { JsonObject } from '../../core/json.ts';
import { promptOf } from '../../core/routing/prompt.ts';
import type { Target } from '../../core/strategy.ts';
import { difficultyOf } from './difficulty.ts';
import { measure } from './features.ts';
import { auto } from './index.ts';

const text = (words: string): Part => ({ type: 'text', text: words });
const chat = (words: string, parts: Partial<Chat> = {}): Chat => ({
  model: 'm',
  messages: [{ role: 'user', content: [text(words)] }],
  tools: [],
  stream: false,
  extra: {},
  ...parts,
});
const judged = (words: string, parts?: Partial<Chat>) => difficultyOf(promptOf(chat(words, parts)));

const HARD = `Implement a rate limiter in Rust. It must:
- be correct under concurrency
- never allocate
- include tests for each case
Explain why it is linear and compare it with a token bucket.`;

describe('what is counted', () => {
  const counts = (words: string) => measure(promptOf(chat(words)));

  it('of a text', () => {
    expect(counts(HARD).counts).toEqual({ numbers: 0, questions: 0, items: 3, constraints: 4 });
    expect(counts('1. a\n2) b\n• c\n* d\n- e\n3 f - g').counts).toMatchObject({ items: 5, numbers: 3 });
    expect(counts('Is 12.5 > 3? Warum？').counts).toMatchObject({ numbers: 3, questions: 2 });
    expect(counts('```js\nlet a = [1];\n```').values.code).toBe(1);
    expect(counts('∀x ∈ ℝ: x^2 ≥ 0').values.maths).toBe(1);
    expect(counts('plain words and nothing else').values).toMatchObject({ code: 0, maths: 0, items: 0, constraints: 0, simple: 0 });
  });

  it('of words in several languages, and only whole ones', () => {
    for (const words of ['why', 'Warum', 'POURQUOI', '¿porqué?']) expect(counts(words).values.reasoning, words).toBeGreaterThan(0);
    for (const words of ['whys', 'unwhy', 'musty']) expect(counts(words).values, words).toMatchObject({ reasoning: 0, constraints: 0 });
  });

  it('of scripts without spaces as of more letters', () => {
    expect(counts('証明してください').values.length).toBeGreaterThan(counts('abcdefgh').values.length);
  });

  it('of the last words of the user, and of what came before', () => {
    const talk = chat('', {
      messages: [
        { role: 'system', content: [text('Be brief.')] },
        { role: 'user', content: [text('Why?')] },
        { role: 'assistant', content: [text('Because.')] },
        { role: 'user', content: [text('Thanks'), text('!')] },
        { role: 'user', content: [{ type: 'tool-result', callId: 'c', content: [] }] },
      ],
      tools: [{ type: 'function', name: 'f' }],
    });
    expect(promptOf(talk)).toEqual({ text: 'Thanks\n!', length: 7, context: 21, turns: 1, tools: 1 });
  });

  it('is bounded, whatever is sent', () => {
    const { text: shown, length } = promptOf(chat(`${'a '.repeat(500_000)}why`));
    expect(length).toBe(1_000_003);
    expect(shown.length).toBeLessThanOrEqual(4_001);
    expect(shown.endsWith('why')).toBe(true);
  });
});

describe('difficulty', () => {
  it('is low for small talk and high for tasks with conditions, and says why', () => {
    for (const easy of ['Hi!', 'Translate "river" into German.', 'Was bedeutet Wehr?', ''])
      expect(judged(easy).value, easy).toBeLessThan(0.3);
    const { value, because } = judged(HARD);
    expect(value).toBeGreaterThan(0.7);
    expect(because).toContain('3 list items');
    expect(judged('Hi!').because).not.toEqual([]);
  });

  it('is a number from 0 to 1 for any text, and the same each time', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 400 }), fc.nat(300), (words, times) => {
        const first = judged(words.repeat(times % 7));
        expect(first.value).toBeGreaterThan(0);
        expect(first.value).toBeLessThan(1);
        expect(judged(words.repeat(times % 7))).toEqual(first);
      }),
    );
  });

  it('is no less for one more of anything that makes a prompt hard', () => {
    fc.assert(
      fc.property(
        fc.lorem({ maxCount: 20 }),
        fc.constantFrom('\n- it must be exact', '\nExplain why.', '\n1. one\n2. two', ' 17 18 19'),
        (words, more) => {
          expect(judged(words + more).value).toBeGreaterThanOrEqual(judged(words).value);
        },
      ),
    );
  });
});

const targets: readonly Target[] = [
  { provider: 'p', model: 'large' },
  { provider: 'p', model: 'middle', name: 'mid' },
  { provider: 'p', model: 'small' },
  { provider: 'p', model: 'other' },
];

async function ordered(written: JsonObject, words: string, dialect = fakeDialect()) {
  const exchange = fakeExchange();
  const tools = fakeTools();
  const call = fakeCall({ model: 'm', messages: [words] }, dialect);
  const order = await auto.order(targets, auto.config.parse(written), call, exchange, tools);
  return { order: order.map(({ model }) => model), notes: exchange.notes, explained: tools.explained };
}

describe('auto', () => {
  const two = { easy: 'p/small', hard: ['p/large', 'mid'] };
  const three = { tiers: [{ below: 0.3, use: 'p/small' }, { below: 0.999, use: 'mid' }, { use: ['p/large'] }] };

  it('asks the tier of the prompt first, then harder ones, then easier ones, then what no tier names', async () => {
    expect((await ordered(two, 'Hi!')).order).toEqual(['small', 'large', 'middle', 'other']);
    expect((await ordered(two, HARD)).order).toEqual(['large', 'middle', 'small', 'other']);
    expect((await ordered(three, 'Hi!')).order).toEqual(['small', 'middle', 'large', 'other']);
    expect((await ordered(three, HARD)).order).toEqual(['middle', 'large', 'small', 'other']);
    const low = three.tiers.map((tier, step) => (step === 2 ? tier : { ...tier, below: 0.1 * (step + 1) }));
    expect((await ordered({ tiers: low }, HARD)).order).toEqual(['large', 'middle', 'small', 'other']);
    expect((await ordered({ ...two, threshold: 0 }, 'Hi!')).order[0]).toBe('large');
    expect((await ordered({ ...two, threshold: 1 }, HARD)).order[0]).toBe('small');
  });

  it('tells the difficulty and why', async () => {
    const { notes, explained } = await ordered(two, HARD);
    expect(notes).toEqual({ difficulty: Number(judged(HARD).value.toFixed(2)) });
    expect(explained['p/large']?.[0]).toMatch(/^difficulty 0\.\d+: .*3 list items/);
  });

  it('takes what cannot be read for easy, and says that it is not known', async () => {
    const broken = fakeDialect({
      readCall: () => {
        throw new Error('no');
      },
    });
    const { order, notes, explained } = await ordered(two, 'Hi', broken);
    expect(order).toEqual(['small', 'large', 'middle', 'other']);
    expect(notes).toEqual({});
    expect(explained['p/small']).toEqual(['the difficulty is not known']);
  });

  it.each<[JsonObject, string, RegExp]>([
    [{}, '', /easy and hard, or tiers/],
    [{ easy: 'a' }, '', /easy and hard, or tiers/],
    [{ ...two, ...three }, 'tiers', /instead of/],
    [{ tiers: [{ use: 'a' }, { use: 'b' }] }, 'tiers.0.below', /missing/],
    [{ tiers: [{ below: 0.5, use: 'a' }, { below: 0.4, use: 'b' }, { use: 'c' }] }, 'tiers.1.below', /more than/],
    [
      {
        tiers: [
          { below: 0.5, use: 'a' },
          { below: 0.6, use: 'b' },
        ],
      },
      'tiers.1.below',
      /last tier/,
    ],
  ])('refuses %j', (written, path, message) => {
    const [issue] = auto.config.safeParse(written).error?.issues ?? [];
    expect(issue?.path.join('.')).toBe(path);
    expect(issue?.message).toMatch(message);
  });

  it('names every target that the model does not have', () => {
    const known = new Set(['p/small', 'mid']);
    expect(auto.check?.(auto.config.parse(two), known).map(({ path }) => path.join('.'))).toEqual(['hard.0']);
    expect(auto.check?.(auto.config.parse(three), known).map(({ path }) => path.join('.'))).toEqual(['tiers.2.use.0']);
  });
});
