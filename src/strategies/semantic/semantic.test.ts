import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fakeCall, fakeExchange, fakePorts, fakeTools } from '../../core/fakes.ts';
import type { Embedder } from '../../core/meaning/embedder.ts';
import { OperationCall } from '../../core/operation.ts';
import { nameOf, type Target } from '../../core/strategy.ts';
import { fakeEmbedder, wordVector } from './fake-embedder.ts';
import { semantic } from './index.ts';

const target = (model: string): Target => ({ provider: 'p', model });
const TARGETS = ['other', 'cheap', 'coder', 'usual', 'coder-two'].map(target);

const WRITTEN = {
  routes: [
    { name: 'billing', examples: ['charged twice for my order', 'refund my order', 'refund the wrong order'], use: 'p/cheap' },
    { name: 'code', examples: ['fix this failing test', 'write a test for this', 'write a unit test'], use: ['p/coder', 'p/coder-two'] },
  ],
  otherwise: 'p/usual',
};

const settings = (parts: object = {}) => semantic.config.parse({ ...WRITTEN, ...parts });
type Settings = ReturnType<typeof settings>;

async function asked(text: string, embedder: Embedder | (() => never) | undefined, config: Settings = settings(), now?: number) {
  const told: Record<string, string> = {};
  const exchange = fakeExchange({
    embedder: () => (typeof embedder === 'function' ? embedder() : embedder),
    tell: (header, value) => {
      told[header] = value;
    },
  });
  const tools = fakeTools(now === undefined ? {} : { now });
  const ordered = await semantic.order(TARGETS, config, fakeCall({ model: 'm', messages: [text] }), exchange, tools);
  const { notes } = exchange;
  return { ordered: ordered.map(({ model }) => model), told, notes, why: tools.explained[nameOf(ordered[0] ?? target(''))]?.[0] };
}

describe('a call', () => {
  it('that is like the examples of a route goes to its targets, then otherwise, then all others', async () => {
    const { ordered, told, notes, why } = await asked('please write a unit test of it', fakeEmbedder());
    expect(ordered).toEqual(['coder', 'coder-two', 'usual', 'other', 'cheap']);
    expect(told['x-weir-intent']).toMatch(/^code;similarity=0\.\d+;threshold=0\.\d+$/);
    expect(notes.intent).toMatchObject({ route: 'code', example: 'write a unit test', margin: expect.any(Number) });
    expect(why).toMatch(/^intent code: 0\.\d+ like "write a unit test", 0\.\d+ is enough$/);
  });

  it('that is like none goes to otherwise, and is told what it is most like', async () => {
    const { ordered, told, notes, why } = await asked('sing about whales', fakeEmbedder());
    expect(ordered).toEqual(['usual', 'other', 'cheap', 'coder', 'coder-two']);
    expect(told['x-weir-intent']).toMatch(/^otherwise;similarity=/);
    expect(notes.intent).toMatchObject({ route: 'otherwise', nearest: 'billing' });
    expect(why).toMatch(/^no intent: .* like ".*" of billing, .* would be enough$/);
  });

  it('goes by a threshold that is given instead of the one that is worked out', async () => {
    const text = 'write a unit test';
    expect((await asked(text, fakeEmbedder(), settings({ threshold: 1 }))).ordered[0]).toBe('usual');
    expect((await asked('sing about whales', fakeEmbedder(), settings({ threshold: 0 }))).ordered[0]).toBe('cheap');
  });

  it.each([
    ['no embedder', undefined, 'there is no embedder'],
    [
      'a model that is not configured',
      () => {
        throw new Error('no such model');
      },
      'no such model',
    ],
    [
      'an embedder that throws',
      fakeEmbedder({
        embed: () => {
          throw new Error('broken');
        },
      }),
      'the examples could not be embedded: broken',
    ],
    [
      'an embedder that rejects',
      fakeEmbedder({
        embed: async () => {
          throw new Error('503');
        },
      }),
      'the examples could not be embedded: 503',
    ],
    [
      'an embedder that gives too few',
      fakeEmbedder({ embed: (texts) => texts.slice(1).map(wordVector) }),
      'the examples could not be embedded: there is not one vector of the right length for each',
    ],
    [
      'words that nobody knows',
      fakeEmbedder({ embed: (texts) => texts.map((text) => wordVector(text === 'write a unit test!' ? '' : text)) }),
      'none of its words is known',
    ],
  ])('with %s goes to otherwise, and says so', async (_name, embedder, reason) => {
    const { ordered, told, notes, why } = await asked('write a unit test!', embedder);
    expect(ordered).toEqual(['usual', 'other', 'cheap', 'coder', 'coder-two']);
    expect(told['x-weir-intent']).toBe('otherwise');
    expect(notes.intent).toEqual({ route: 'otherwise', reason });
    expect(why).toBe(`no intent: ${reason}`);
  });

  it('does not wait for an embedder that is slow, whether it listens or not', async () => {
    const never = fakeEmbedder({ embed: () => new Promise(() => undefined) });
    const { ordered, notes } = await asked('write a unit test', never, settings({ wait: 20 }));
    expect(ordered[0]).toBe('usual');
    expect(notes.intent).toEqual({ route: 'otherwise', reason: 'the embedder did not answer within 20 ms' });
  });

  it('that is no chat, or says nothing, goes to otherwise', async () => {
    const empty = await asked('  ', fakeEmbedder());
    expect(empty.why).toBe('no intent: the user says nothing');
    const embeddings = OperationCall.read('embeddings', '{"model":"m","input":"x"}', new Headers(), 'openai', {
      head: () => ({ model: 'm', stream: false, wantsUsage: false }),
      texts: (same) => same,
    });
    const tools = fakeTools();
    const ordered = await semantic.order(TARGETS, settings(), embeddings, fakeExchange({ embedder: () => fakeEmbedder() }), tools);
    expect(ordered[0]?.model).toBe('usual');
    expect(tools.explained['p/usual']).toEqual(['no intent: it is no chat']);
  });

  it('gets all targets once, wherever its text points', async () => {
    const embedder = fakeEmbedder();
    const config = settings();
    await fc.assert(
      fc.asyncProperty(fc.array(fc.constantFrom('order', 'test', 'refund', 'whale', 'my', 'trace')), async (words) => {
        const { ordered } = await asked(words.join(' '), embedder, config);
        expect([...ordered].sort()).toEqual(TARGETS.map(({ model }) => model).sort());
      }),
    );
  });
});

describe('the examples', () => {
  it('are embedded once for a configuration, some at a time', async () => {
    const many = Array.from({ length: 150 }, (_, step) => `example number ${step} of a route`);
    const config = settings({ routes: [...WRITTEN.routes, { name: 'many', examples: many, use: 'p/other' }] });
    for (const embedder of [fakeEmbedder(), fakeEmbedder({ id: 'slow', embed: async (texts) => texts.map(wordVector) })]) {
      await asked('one', embedder, config);
      await asked('two', embedder, config);
      expect(embedder.asked.map(({ length }) => length)).toEqual([64, 64, 28, 1, 1]);
    }
  });

  it('are embedded anew for other settings and for another embedder', async () => {
    const first = fakeEmbedder({ id: 'first' });
    const second = fakeEmbedder({ id: 'second' });
    const config = settings();
    await asked('one', first, config);
    await asked('one', second, config);
    await asked('one', first, settings());
    expect(first.asked.map(({ length }) => length)).toEqual([6, 1, 6, 1]);
    expect(second.asked.map(({ length }) => length)).toEqual([6, 1]);
  });

  it('are not asked for by every call while they are not there', async () => {
    let release: (vectors: readonly Int8Array[]) => void = () => undefined;
    const slow = fakeEmbedder({
      embed: (texts) =>
        texts.length === 1
          ? texts.map(wordVector)
          : new Promise((resolve) => {
              release = () => resolve(texts.map(wordVector));
            }),
    });
    const config = settings({ wait: 10 });
    expect((await asked('write a unit test', slow, config)).why).toBe('no intent: the embedder did not answer within 10 ms');
    expect((await asked('write a unit test', slow, config)).why).toBe('no intent: the examples are being embedded');
    release([]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await asked('write a unit test', slow, config)).ordered[0]).toBe('coder');
    expect(slow.asked.map(({ length }) => length)).toEqual([6, 1]);
  });

  it('are tried again a while after that has failed', async () => {
    let fails = true;
    const flaky = fakeEmbedder({
      embed: async (texts) => {
        if (fails) throw new Error('down');
        return texts.map(wordVector);
      },
    });
    const config = settings();
    const { now } = fakePorts().clock;
    expect((await asked('write a unit test', flaky, config, now())).why).toContain('down');
    fails = false;
    expect((await asked('write a unit test', flaky, config, now() + 9_000)).why).toContain('down');
    expect(flaky.asked.length).toBe(1);
    expect((await asked('write a unit test', flaky, config, now() + 11_000)).ordered[0]).toBe('coder');
  });
});

describe('settings', () => {
  const faults = (parts: object) => semantic.config.safeParse({ ...WRITTEN, ...parts }).error?.issues.map(({ path }) => path.join('.'));

  it('are refused where routes have one name, or that of what is no route', () => {
    const [billing] = WRITTEN.routes;
    expect(faults({ routes: [billing, billing] })).toEqual(['routes.1.name']);
    expect(faults({ routes: [{ ...billing, name: 'otherwise' }] })).toEqual(['routes.0.name']);
    expect(faults({ routes: [{ ...billing, name: 'no; token' }] })).toEqual(['routes.0.name']);
  });

  it('are refused with one example, and with more than an isolate has room for', () => {
    const [billing] = WRITTEN.routes;
    expect(faults({ routes: [{ ...billing, examples: ['one'] }] })).toEqual(['routes.0.examples']);
    const five = Array.from({ length: 5 }, (_, at) => ({
      name: `r${at}`,
      use: 'p/cheap',
      examples: Array.from({ length: 450 }, (_, step) => `${step}`),
    }));
    expect(faults({ routes: five })).toEqual(['routes']);
  });

  it('name targets that there are', () => {
    const known = new Set(['p/cheap', 'p/coder', 'p/usual']);
    expect(semantic.check?.(settings(), known).map(({ path }) => path.join('.'))).toEqual(['routes.1.use.1']);
  });
});
