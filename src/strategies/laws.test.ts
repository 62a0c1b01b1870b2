import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { Canon } from '../core/exchange.ts';
import { type FakeToolsOptions, fakeCall, fakeDialect, fakeExchange, fakeTools, seededRandom } from '../core/fakes.ts';
import type { TargetHealth } from '../core/health.ts';
import type { Json, JsonObject } from '../core/json.ts';
import { OperationCall } from '../core/operation.ts';
import type { ModelCard } from '../core/price.ts';
import { nameOf, type Target } from '../core/strategy.ts';
import { strategies } from './index.ts';

type Call = Canon['llm']['call'];

const providers = ['openai', 'anthropic', 'own'] as const;
const models = ['a', 'b', 'c', 'gpt-4o', '__proto__', 'ü/x'] as const;
const count = fc.oneof(fc.nat(20), fc.constantFrom(0, 1e12));
const positive = fc.double({ min: 0, max: 1e9, noNaN: true });

/** The same place may be listed twice, with another weight. */
const target: fc.Arbitrary<Target> = fc.record(
  {
    provider: fc.constantFrom(...providers),
    model: fc.oneof(fc.constantFrom(...models), fc.string({ minLength: 1 })),
    weight: fc.oneof(fc.constant(0), fc.double({ min: 0, max: 1e6, noNaN: true })),
    region: fc.constantFrom('eu', 'us'),
    capacity: fc.record({ tokens: fc.nat(1_000_000), requests: fc.nat(1_000) }, { requiredKeys: [] }),
  },
  { requiredKeys: ['provider', 'model'] },
);

const health: fc.Arbitrary<Partial<TargetHealth>> = fc.record(
  {
    state: fc.constantFrom('closed', 'open', 'half-open'),
    firstTokenMs: positive,
    firstTokenP95: positive,
    tokensPerSecond: positive,
    inFlight: count,
  },
  { requiredKeys: [] },
);

const card: fc.Arbitrary<ModelCard> = fc.record(
  {
    id: fc.string(),
    context: count,
    maxOutput: count,
    reads: fc.subarray(['text', 'image', 'audio', 'video', 'pdf']),
    writes: fc.subarray(['text', 'image']),
    can: fc.subarray(['tools', 'reasoning', 'structured']),
  },
  { requiredKeys: ['id'] },
);

const byName = <T>(of: fc.Arbitrary<T>) =>
  fc.dictionary(fc.constantFrom(...providers.flatMap((provider) => models.map((model) => nameOf({ provider, model })))), of);

const known: fc.Arbitrary<Omit<FakeToolsOptions, 'random'>> = fc.record({
  now: fc.nat(),
  size: fc.record({ input: count, output: count }),
  cards: byName(card),
  costs: byName(fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER))),
  health: byName(health),
  headroom: byName(fc.record({ requests: count, tokens: count }, { requiredKeys: [] })),
});

const chat = (body: JsonObject) =>
  fakeCall(
    body,
    fakeDialect({
      readCall: () => ({
        model: 'm',
        messages: [
          { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] },
          { role: 'user', content: [{ type: 'image', source: { kind: 'url', url: 'https://x/y.png' } }] },
        ],
        tools: [{ type: 'raw', dialect: 'fake', value: null }],
        responseFormat: { type: 'schema', schema: {} },
        reasoning: { effort: 'high' },
        maxTokens: 4_000,
        stream: false,
        extra: {},
      }),
    }),
  );

const unreadable = (body: JsonObject) =>
  fakeCall(
    body,
    fakeDialect({
      readCall: () => {
        throw new Error('no such call');
      },
    }),
  );

const embeddings = (body: JsonObject) =>
  OperationCall.read('embeddings', JSON.stringify(body), new Headers({ 'x-weir-metadata': '{' }), 'openai', {
    head: () => ({ model: 'm', stream: false, wantsUsage: false }),
    texts: (same) => same,
  });

const body: fc.Arbitrary<JsonObject> = fc.record(
  {
    user: fc.jsonValue() as fc.Arbitrary<Json>,
    metadata: fc.oneof(fc.jsonValue() as fc.Arbitrary<Json>, fc.record({ user_id: fc.string() })),
    conversation: fc.jsonValue() as fc.Arbitrary<Json>,
    messages: fc.array(fc.string()),
  },
  { requiredKeys: [] },
);

const call: fc.Arbitrary<Call> = fc
  .tuple(fc.constantFrom<(from: JsonObject) => Call>(fakeCall, chat, unreadable, embeddings), body)
  .map(([make, from]) => make({ model: 'm', ...from }));

const someCall = fakeCall({ model: 'm', messages: ['Hi'] });

const cases = strategies.flatMap((strategy) =>
  strategy.examples.map((example) => ({ name: strategy.name, strategy, written: example, settings: strategy.config.parse(example) })),
);

it('every strategy has a name of its own and an example', () => {
  expect(new Set(strategies.map(({ name }) => name)).size).toBe(strategies.length);
  for (const { name, examples } of strategies) {
    expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(examples.length, `give "${name}" an example of its settings`).toBeGreaterThan(0);
  }
});

describe.each(cases)('$name with $written', ({ strategy, settings, written }) => {
  const order = async (targets: readonly Target[], seed: number, from: Call = someCall, options: FakeToolsOptions = {}) => {
    const tools = fakeTools({ ...options, random: seededRandom(seed) });
    return { ordered: await strategy.order(targets, settings, from, fakeExchange(), tools), tools };
  };

  it('gives some of the targets, each once, and at least one, whatever is known of them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(target, { minLength: 1, maxLength: 12 }), fc.nat(), call, known, async (targets, seed, from, options) => {
        const before = structuredClone(targets);
        const { ordered } = await order(targets, seed, from, options);
        expect(ordered.length).toBeGreaterThan(0);
        expect(new Set(ordered).size).toBe(ordered.length);
        expect(ordered.every((each) => targets.includes(each))).toBe(true);
        expect(targets).toEqual(before);
      }),
    );
  });

  it('says once why a target stands where it does, and of no target more than that', async () => {
    const distinct = fc.uniqueArray(target, { minLength: 1, maxLength: 12, selector: nameOf });
    await fc.assert(
      fc.asyncProperty(distinct, fc.nat(), call, known, async (targets, seed, from, options) => {
        const { ordered, tools } = await order(targets, seed, from, options);
        for (const each of targets) {
          const said = tools.explained[nameOf(each)] ?? [];
          expect(said.length, nameOf(each)).toBe(ordered.includes(each) ? 1 : Math.min(1, said.length));
          for (const why of said) expect(why).toMatch(/^.{3,300}$/);
        }
      }),
    );
  });

  it('gives nothing for nothing', async () => {
    expect((await order([], 1)).ordered).toEqual([]);
  });

  it('gives the same order for the same random numbers', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(target, { maxLength: 12 }), fc.nat(), call, known, async (targets, seed, from, options) => {
        expect((await order(targets, seed, from, options)).ordered).toEqual((await order(targets, seed, from, options)).ordered);
      }),
    );
  });

  it('looks at each target a bounded number of times, however many there are', async () => {
    const asked = async (most: number) => {
      let times = 0;
      const counted = <T>(value: T): T => {
        times++;
        return value;
      };
      const targets = Array.from({ length: most }, (_, index): Target => {
        const plain: Target = { provider: 'p', model: `m${index}`, weight: 1 + (index % 7) };
        return new Proxy(plain, { get: (of, name) => counted(Reflect.get(of, name)) });
      });
      const tools = fakeTools({ random: seededRandom(3) });
      await strategy.order(targets, settings, someCall, fakeExchange(), {
        ...tools,
        random: () => counted(tools.random()),
        size: () => counted({ input: 10, output: 10 }),
        card: () => counted(undefined),
        cost: () => counted(undefined),
        health: (each) => counted({ state: 'closed', inFlight: each.model.length, firstTokenMs: 10 + each.model.length }),
        headroom: () => counted({ tokens: 1_000 }),
      });
      return times;
    };
    // Quadratic work would come to a hundred times as much; sorting, to fifteen times at the most.
    expect(await asked(2_000)).toBeLessThanOrEqual(15 * Math.max(20, await asked(200)));
    expect(await asked(200)).toBeLessThanOrEqual(40 * 200);
  });

  it('refuses settings that it does not know, and has a JSON Schema that describes those it knows', () => {
    expect(strategy.config.safeParse({ ...written, unknownSetting: 1 }).success).toBe(false);
    const schema = z.toJSONSchema(strategy.config, { io: 'input' });
    expect(schema).toMatchObject({ type: 'object' });
    for (const [name, setting] of Object.entries(schema.properties ?? {})) {
      expect(setting, `describe "${name}"`).toMatchObject({ description: expect.stringMatching(/.{10}/) });
    }
  });
});
