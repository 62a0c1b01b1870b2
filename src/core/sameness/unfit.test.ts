import { describe, expect, it } from 'vitest';
import { templateOf, unfit } from './index.ts';

describe('unfit', () => {
  it.each([
    ['What is in this picture?', 'deixis'],
    ['Why does my code crash?', 'deixis'],
    ['Explain the above', 'deixis'],
    ['How does it work?', 'deixis'],
    ['Explain this', 'deixis'],
    ['Who is the current mayor of Lyon?', 'time'],
    ["What is today's date?", 'time'],
    ['What is the price of gold?', 'time'],
    ['Where is my order?', 'personal'],
    ['Tell me my credit score', 'personal'],
    ['Write to jo@example.com that we are late', 'personal'],
    ['Is 4111 1111 1111 1111 a valid card?', 'personal'],
    ['Call +44 20 7946 0958 at noon', 'personal'],
    ['What happened to order number 4711?', 'personal'],
    ['Tell me a joke about cats', 'chance'],
    ['Pick a random colour', 'chance'],
    ['Translate good morning into French', 'verbatim'],
    ['How many letters are in strawberry?', 'verbatim'],
    ['Fix the grammar: he go to school every day', 'template'],
    ['Summarise:\n\nThe parcel came late.', 'template'],
    ['', 'template'],
    ['Yes', 'short'],
    [`How do I ${'really '.repeat(100)}cook rice?`, 'long'],
    ['x '.repeat(15_000), 'long'],
  ])('%s: %s', (text, why) => {
    expect(unfit(text)).toBe(why);
  });

  it.each([
    'What is the capital of France?',
    'How do I fix a flat tyre on my bike?',
    'Is a million 1,000,000 or 100,000?',
    'How many people lived in Lyon in 1848?',
    'Is it safe to eat raw fish?',
    'Which bird of the Andes is this big?',
    'Context: we sell tents.\n\nQuestion: What do you sell?\nAnswer:',
  ])('%s is fit', (text) => {
    expect(unfit(text)).toBeUndefined();
  });

  it('lets pass in a closed domain what only names nobody', () => {
    expect(unfit('Where is my order today?', 'closed')).toBeUndefined();
    expect(unfit('Where is my order number 471147?', 'closed')).toBe('personal');
    expect(unfit('Yes', 'closed')).toBe('short');
  });
});

describe('templateOf', () => {
  const RULES = 'You are a classifier of a shop.\nAnswer in one word.\n';

  it('takes a prompt of one line as it is', () => {
    expect(templateOf(' What is rust? ')).toEqual({ skeleton: '', slot: 'What is rust?' });
  });

  it.each([
    ['Question: ', '\nAnswer:'],
    ['**Question:** ', ''],
    ['Q:\n', '\nA:'],
    ['', ''],
  ])('finds the question behind %j and before %j', (label, end) => {
    const one = templateOf(`${RULES}${label}Do you sell tents?${end}`);
    const other = templateOf(`${RULES}${label}Do you sell boats?${end}`);
    expect([one.slot, other.slot]).toEqual(['Do you sell tents?', 'Do you sell boats?']);
    expect(one.skeleton).toBe(other.skeleton);
    expect(one.skeleton).not.toContain('tents');
    expect(templateOf(`${RULES}Be brief.\n${label}Do you sell tents?${end}`).skeleton).not.toBe(one.skeleton);
  });

  it.each([
    `${RULES}Text: I like it.`,
    `${RULES}Is this nice?\n"""\nI like it\n"""`,
    `${RULES}Question: Is this valid?\n{"a": 1}`,
    'Question: a?\nWhat else is there to say, and to whom?\nAnother line',
    '<doc>one</doc><doc>two</doc>',
    'Extract the city: I live in Oslo now',
  ])('says of %j that it is not certain', (text) => {
    expect(templateOf(text)).toEqual({ skeleton: text, slot: '' });
  });

  it('never finds the same template around two questions of different prompts', () => {
    const texts = ['a\nb?', 'a\n\nb?', 'a \nb?', 'Question: b?', 'b?', 'a\nQuestion: b?', 'a\nQuestion:\nb?'];
    const skeletons = texts.map((text) => templateOf(text).skeleton);
    expect(new Set(skeletons).size).toBe(texts.length);
  });
});
