import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/json.ts';
import type { Caller } from '../../sources/source.ts';
import { callOf, fakeContext, fakeHome, fakeSource, refusalOf, tool } from '../fakes.ts';
import { args as transform } from './index.ts';
import { schemaFault } from './schema.ts';

const setUp = (tools: JsonObject) => {
  const source = fakeSource({ tools: [tool('transfer'), tool('other')] });
  return { source, wrapped: transform.wrap(transform.config.parse({ tools }), source, fakeHome()) };
};
const asked = async (tools: JsonObject, args: JsonObject, caller: Partial<Caller> = {}, name = 'transfer') => {
  const { source, wrapped } = setUp(tools);
  const result = await wrapped.request(callOf(name, args), fakeContext(caller));
  return { source, result: result.json() };
};

const schema = {
  type: 'object',
  $defs: { iban: { type: 'string', pattern: '^[A-Z]{2}[0-9]{4,30}$' } },
  properties: { to: { $ref: '#/$defs/iban' }, amount: { type: 'number', exclusiveMinimum: 0 }, note: { type: 'string', maxLength: 10 } },
  required: ['to'],
  additionalProperties: false,
};

describe('a schema', () => {
  it('lets through what fits, as it came', async () => {
    const { source } = await asked({ transfer: { schema } }, { to: 'CH9300762011623852957', amount: 3 });
    expect(source.asked).toHaveLength(1);
  });

  it('has a model told what does not', async () => {
    const { source, result } = await asked({ 'trans*': { schema } }, { to: 'no', amount: 0, more: 1 });
    expect(source.asked).toEqual([]);
    expect(result).toMatchObject({ isError: true, _meta: { 'weir/refused': { code: 'invalid_request' } } });
    const [{ text }] = result.content as [{ text: string }];
    expect(text).toContain('to: String does not match pattern.');
    expect(text).toContain('amount: It must be more than that.');
    expect(text).toContain('more: It is not taken here');
    const missing = await asked({ transfer: { schema } }, {});
    expect(JSON.stringify(missing.result)).toContain('required property \\"to\\"');
  });

  it('is for the tools that it names', async () => {
    expect((await asked({ transfer: { schema } }, {}, {}, 'other')).source.asked).toHaveLength(1);
  });

  it('is done with arguments of any size', async () => {
    const all = { transfer: { schema: { properties: { list: { type: 'array', items: { type: 'string' } } } } } };
    const { result } = await asked(all, { list: Array.from({ length: 150_000 }, () => 1) });
    expect(result).toMatchObject({ isError: true });
    expect(JSON.stringify(result).length).toBeLessThan(2_000);
  });

  it('may be frozen, and is used again', async () => {
    const frozen = Object.freeze({ transfer: Object.freeze({ schema: Object.freeze({ ...schema }) }) });
    const { wrapped, source } = setUp(frozen);
    for (let turn = 0; turn < 2; turn++) await wrapped.request(callOf('transfer', { to: 'CH1234' }), fakeContext());
    expect(source.asked).toHaveLength(2);
  });
});

describe('a rule', () => {
  const rules = {
    transfer: {
      rules: [
        { must: 'args.amount <= 1000.0 || "finance" in caller.scopes', say: 'Transfer less, or use a token with the scope "finance".' },
        { must: '!has(args.items) || args.items.all(item, item.price < 10)', say: 'No item may cost 10 or more.' },
      ],
    },
  };

  it('lets through what it is true of', async () => {
    expect((await asked(rules, { amount: 1000 })).source.asked).toHaveLength(1);
    expect((await asked(rules, { amount: 2000, items: [{ price: 9.5 }] }, { scopes: ['finance'] })).source.asked).toHaveLength(1);
  });

  it.each<[JsonObject, string]>([
    [{ amount: 1000.01 }, 'Transfer less, or use a token with the scope "finance".'],
    [{}, 'Transfer less, or use a token with the scope "finance". (there is no "amount")'],
    [{ amount: '1' }, 'Transfer less'],
    [{ amount: 1, items: [{ price: 10 }] }, 'No item may cost 10 or more.'],
    [{ amount: 1, items: Array.from({ length: 6_000 }, () => 1) }, 'more than 5000 values'],
  ])('says what to do otherwise: %#', async (args, message) => {
    const { source, wrapped } = setUp(rules);
    expect(await refusalOf(wrapped.request(callOf('transfer', args), fakeContext()))).toEqual({
      code: -32602,
      message: expect.stringContaining(message),
      data: { code: 'not_allowed' },
    });
    expect(source.asked).toEqual([]);
  });

  it.each([
    ['args.amount > "1" && caller.tema == "x"', 'there is no field "tema"'],
    ['argz.amount > 1', 'there is no variable "argz": there are caller, args'],
    ['args.amount', ''],
  ])('is refused where it can be none: %s', (must, reason) => {
    const parsed = transform.config.safeParse({ tools: { a: { rules: [{ must, say: 'x' }] } } });
    expect(parsed.success ? '' : parsed.error.issues[0]?.message).toContain(reason);
    if (reason !== '') expect(parsed.success).toBe(false);
  });
});

describe('a schema that is refused', () => {
  const deep = (levels: number): JsonObject => (levels === 0 ? {} : { items: deep(levels - 1) });
  it.each<[JsonObject, string]>([
    [{ properties: { a: { pattern: '(a+)+$' } } }, 'at #/properties/a/pattern: repeats a group without end'],
    [{ patternProperties: { '^(a|a)*$': {} } }, 'repeats a group without end'],
    [{ properties: { a: { format: 'regex' } } }, 'is not one of date'],
    [{ format: 'url' }, 'is not one of date'],
    [{ $ref: 'https://example.com/schema.json' }, 'refers to something else'],
    [{ $ref: '#/$defs/none' }, 'refers to something else'],
    [{ $ref: '#' }, 'refers to something else'],
    [{ $defs: { a: { properties: { b: { $ref: '#/$defs/a' } } } }, $ref: '#/$defs/a' }, 'leads in a circle'],
    [{ items: { uniqueItems: true } }, 'takes the square'],
    [{ $id: 'x' }, 'has no use here'],
    [{ requried: ['a'] }, 'is not a keyword that is known here'],
    [{ properties: { a: 3 } }, 'is no schema'],
    [{ allOf: {} }, 'must be a list'],
    [deep(40), 'more than 32 deep'],
    [{ allOf: Array.from({ length: 2_001 }, () => true) }, 'more than 2000 schemas'],
    [
      // Each refers twice to the one before: a few lines that are more schemas than there is time for.
      {
        $defs: Object.fromEntries(
          Array.from({ length: 20 }, (_, at) => [
            `d${at}`,
            at === 0 ? {} : { allOf: [{ $ref: `#/$defs/d${at - 1}` }, { $ref: `#/$defs/d${at - 1}` }] },
          ]),
        ),
        $ref: '#/$defs/d14',
      },
      'more than',
    ],
  ])('%#: %j', (bad, reason) => {
    expect(schemaFault(bad)).toContain(reason);
    expect(transform.problems?.({ tools: { a: { schema: bad } } } as never)).toEqual([
      { path: 'tools', message: expect.stringContaining(reason) },
    ]);
  });

  it('lets the usual keywords be', () => {
    expect(
      schemaFault({
        ...schema,
        title: 'A',
        if: { required: ['a'] },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: { maxProperties: 2 },
        examples: [{}],
        items: { format: 'email' },
      }),
    ).toBeUndefined();
  });
});
