import { describe, expect, it } from 'vitest';
import { Numbers } from './numbers.ts';
import { ListAnswer, PageStore, readyPage } from './pages.ts';

const textOf = (pieces: readonly Uint8Array[]) => pieces.map((piece) => new TextDecoder().decode(piece)).join('');

describe('numbers of things', () => {
  it('are the same for the very same things in the same order, and for nothing that only looks the same', () => {
    const numbers = new Numbers();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    const { text, isNew } = numbers.of([a, b]);
    expect(isNew).toBe(true);
    expect(numbers.of([a, b])).toEqual({ text, isNew: false });
    const others = [[b, a], [a], [a, b, a], [{ name: 'a' }, b], []].map((each) => numbers.of(each).text);
    expect(others).not.toContain(text);
    expect(new Set(others).size).toBe(others.length);
  });

  it('cannot be mistaken where one ends as the next begins', () => {
    const numbers = new Numbers();
    const all = Array.from({ length: 40 }, (_, at) => ({ name: `${at}` }));
    numbers.of(all);
    const pairs = all.flatMap((one) => all.map((other) => numbers.of([one, other]).text));
    expect(new Set([...pairs, ...all.map((one) => numbers.of([one]).text)]).size).toBe(pairs.length + all.length);
  });

  it('say whether something was never seen before', () => {
    const numbers = new Numbers();
    const [a, b] = [{ name: 'a' }, { name: 'b' }];
    const list = [a];
    numbers.of(list);
    expect([numbers.of(list), numbers.of([a]), numbers.of([a, b]), numbers.of([b])].map(({ isNew }) => isNew)).toEqual([
      false,
      false,
      true,
      false,
    ]);
  });
});

describe('a list as an answer', () => {
  it.each([
    [[], []],
    [
      ['{"name":"größe 🎛"}', '{"name":"b"}'],
      [['nextCursor', '"n"'] as const, ['_meta', '{"a":"]}"}'] as const],
    ],
  ])('says the same as bytes and as a result: %j', (texts, said) => {
    const answer = new ListAnswer('tools', readyPage('tools', texts, undefined), said);
    const result = {
      tools: texts.map((text) => JSON.parse(text)),
      ...Object.fromEntries(said.map(([name, json]) => [name, JSON.parse(json)])),
    };
    expect(JSON.parse(textOf(answer.message('id "1"')))).toEqual({ jsonrpc: '2.0', id: 'id "1"', result });
    expect(JSON.parse(answer.wire.text)).toEqual(result);
    expect(answer.wire.fields.get('tools')).toEqual(result.tools);
  });
});

describe('pages that are ready', () => {
  const page = (size: number) => ({ bytes: new Uint8Array(size) });
  const at = (taken: number) => ({ source: 's', taken });

  it('are found by their list and their place', () => {
    const store = new PageStore(10_000);
    store.put('one', undefined, page(1));
    store.put('one', at(5), page(2));
    store.put('two', undefined, page(3));
    const sizes = [
      ['one', undefined],
      ['one', at(5)],
      ['one', at(6)],
      ['two', undefined],
      ['two', at(5)],
      ['three', undefined],
    ] as const;
    expect(sizes.map(([list, from]) => store.get(list, from)?.bytes.length)).toEqual([1, 2, undefined, 3, undefined, undefined]);
  });

  it('have a bound: the list that was not asked for longest goes first, and none is larger', () => {
    const store = new PageStore(1_000);
    for (const list of ['one', 'two']) for (const taken of [0, 1]) store.put(list, at(taken), page(200));
    expect(store.get('one', at(0))).toBeDefined();
    store.put('three', at(0), page(300));
    expect(['one', 'two', 'three'].map((list) => store.get(list, at(0)) !== undefined)).toEqual([true, false, true]);
    store.put('large', undefined, page(1_001));
    for (let taken = 0; taken < 20; taken++) store.put('growing', at(taken), page(100));
    expect(store.get('large', undefined)).toBeUndefined();
    expect(store.get('growing', at(8))).toBeDefined();
    expect(store.get('growing', at(19))).toBeUndefined();
    expect(store.weight).toBeLessThanOrEqual(1_000);
    const none = new PageStore(0);
    none.put('one', undefined, page(1));
    expect(none.get('one', undefined)).toBeUndefined();
  });

  it('count once, however often they are put', () => {
    const store = new PageStore(1_000);
    for (let times = 0; times < 50; times++) store.put('one', undefined, page(100));
    expect(store.weight).toBe(103);
  });
});
