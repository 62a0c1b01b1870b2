import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, Part } from '../../core/chat.ts';
import { fakeCall, fakeDialect, fakeExchange, fakeTools } from '../../core/fakes.ts';
import type { Target } from '../../core/strategy.ts';
import { auto } from './index.ts';
import { languageOf, languages } from './language.ts';
import { fits, hasCode, Seen, type Shape } from './shapes.ts';

const text = (words: string): Part => ({ type: 'text', text: words });
const chat = (words: string, parts: Partial<Chat> = {}): Chat => ({
  model: 'm',
  messages: [{ role: 'user', content: [text(words)] }],
  tools: [],
  stream: false,
  extra: {},
  ...parts,
});
const shaped = (shape: Shape, words: string, parts?: Partial<Chat>) => fits(shape, new Seen(chat(words, parts)));

describe('a shape', () => {
  it('is of all messages together, in characters', () => {
    const messages = [
      { role: 'system' as const, content: [text('12345')] },
      { role: 'user' as const, content: [text('67890')] },
    ];
    expect(shaped({ longer: 9 }, '', { messages })).toBe('10 characters');
    expect(shaped({ longer: 10 }, '', { messages })).toBeUndefined();
    expect(shaped({ shorter: 11 }, '', { messages })).toBe('10 characters');
    expect(shaped({ shorter: 10 }, '', { messages })).toBeUndefined();
    expect(shaped({ longer: 3, shorter: 9 }, '', { messages })).toBeUndefined();
  });

  it('is of tools, of pictures in any message, and of none of them', () => {
    const tools: Chat['tools'] = [{ type: 'function', name: 'a' }];
    const image: Part = { type: 'image', source: { kind: 'url', url: 'https://x/y.png' } };
    const messages = [
      { role: 'user' as const, content: [image] },
      { role: 'assistant' as const, content: [text('A cat.')] },
      { role: 'user' as const, content: [text('And now?')] },
    ];
    expect(shaped({ tools: true }, 'x', { tools })).toBe('tools');
    expect(shaped({ tools: true }, 'x')).toBeUndefined();
    expect(shaped({ tools: false, images: false }, 'x')).toBe('no tools, no images');
    expect(shaped({ images: true }, 'x', { messages })).toBe('images');
    expect(shaped({ images: false }, 'x', { messages })).toBeUndefined();
  });

  it('is of code, fenced or not', () => {
    for (const code of [
      '```js\na\n```',
      'def f(x):\n  return f(x - 1)\n\nf(2)',
      'const a = 1;\nlet b = 2;',
      'if (x) {\n}',
      '#include <a>\nint a;',
    ]) {
      expect(hasCode(code), code).toBe(true);
    }
    for (const prose of ['Tell me (briefly) why; and how.', 'From the start, let us return to it.\nImport duties rose;', 'a; b', '']) {
      expect(hasCode(prose), prose).toBe(false);
    }
    expect(shaped({ code: true }, 'Why?\n```\nx\n```')).toBe('code');
  });

  it('is of a language, where that can be told', () => {
    expect(shaped({ language: ['de', 'fr'] }, 'Wie ist das Wetter in der Schweiz?')).toBe('language de');
    expect(shaped({ language: ['de', 'fr'] }, 'How is the weather?')).toBeUndefined();
    expect(shaped({ language: ['de', 'fr'] }, 'ok')).toBeUndefined();
  });
});

describe('the language', () => {
  it.each([
    ['en', 'What is the best way to learn this?'],
    ['de', 'Ich möchte wissen, wie das geht und was es kostet.'],
    ['fr', 'Est-ce que vous pouvez me dire comment faire une tarte avec des pommes ?'],
    ['es', '¿Cómo puedo hacer una paella para los amigos y qué necesito?'],
    ['it', 'Come posso fare una pizza con il forno di casa? Che cosa mi serve?'],
    ['pt', 'Como você faz um bolo para os amigos? Não sei o que é preciso.'],
    ['nl', 'Wat is de beste manier om het te leren en hoe lang duurt dat voor een kind?'],
    ['ja', 'この文章を要約してください。日本語で。'],
    ['zh', '请把这段话翻译成英文。'],
    ['ko', '이 글을 요약해 주세요.'],
    ['ru', 'Как приготовить борщ?'],
    ['uk', 'Як приготувати її смачно і швидко?'],
    ['ar', 'كيف حالك اليوم؟'],
    ['el', 'Πώς είσαι σήμερα;'],
    ['hi', 'आप कैसे हैं?'],
    ['th', 'วันนี้อากาศเป็นอย่างไร'],
    ['ja', 'TypeScript の型を説明してください'],
  ])('%s: %s', (language, words) => {
    expect(languageOf(words)).toBe(language);
  });

  it.each(['', '42', 'ok', 'x = [1, 2]', 'Zürich', '😀'])('is not told of %j', (words) => {
    expect(languageOf(words)).toBeUndefined();
  });

  it('is told, or not, of any text', () => {
    const known = new Set<string | undefined>([undefined, ...languages]);
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (words) => {
        expect(known.has(languageOf(words))).toBe(true);
      }),
    );
  });
});

describe('a call of a shape', () => {
  const target = (model: string): Target => ({ provider: 'p', model });
  const targets = ['small', 'large', 'long', 'sees'].map(target);
  const settings = auto.config.parse({
    easy: 'p/small',
    hard: 'p/large',
    shapes: [
      { longer: 100, use: 'p/long' },
      { images: true, use: ['p/sees', 'p/large'] },
    ],
  });
  const order = async (of: Chat) => {
    const exchange = fakeExchange();
    const tools = fakeTools();
    const ordered = await auto.order(targets, settings, fakeCall({}, fakeDialect({ readCall: () => of })), exchange, tools);
    return { models: ordered.map(({ model }) => model), notes: exchange.notes, why: Object.values(tools.explained)[0]?.[0] };
  };

  it('goes to the targets of the first that fits, then to the tiers, whatever its difficulty', async () => {
    expect(await order(chat('x'.repeat(101)))).toEqual({
      models: ['long', 'small', 'large', 'sees'],
      notes: { shape: 1 },
      why: 'shape 1: 101 characters',
    });
    const picture: Partial<Chat> = { messages: [{ role: 'user', content: [{ type: 'image', source: { kind: 'url', url: 'u' } }] }] };
    expect((await order(chat('', picture))).models).toEqual(['sees', 'large', 'small', 'long']);
  });

  it('and of none goes by its difficulty', async () => {
    const { models, notes } = await order(chat('Hello'));
    expect(models).toEqual(['small', 'large', 'long', 'sees']);
    expect(notes).toEqual({ difficulty: expect.any(Number) });
  });

  it('is one that says something', () => {
    const faults = auto.config.safeParse({ easy: 'a', hard: 'b', shapes: [{ use: 'a' }] }).error?.issues;
    expect(faults?.map(({ path }) => path.join('.'))).toEqual(['shapes.0']);
    expect(auto.check?.(settings, new Set(['p/small', 'p/large', 'p/long']))).toMatchObject([{ path: ['shapes', 1, 'use', 0] }]);
  });
});
