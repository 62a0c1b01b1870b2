import { describe, expect, it } from 'vitest';
import published from '../../schema/weir.config.schema.json';
import bundled from '../../weir.config.ts';
import { compile } from './compile.ts';
import { fakeRolls } from './fake-rolls.ts';
import { redact } from './redact.ts';
import { rolls } from './rolls.ts';
import { jsonSchema } from './schema.ts';

describe('the JSON Schema', () => {
  it('is current in schema/weir.config.schema.json: `npm run schema` writes it', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(jsonSchema(rolls))));
  });

  it('has a form for every policy and every strategy on the rolls, and refuses unknown keys', () => {
    const text = JSON.stringify(jsonSchema(fakeRolls));
    for (const { name } of [...fakeRolls.policies, ...fakeRolls.strategies]) expect(text).toContain(`"const":"${name}"`);
    expect(jsonSchema(fakeRolls)).toMatchObject({ $schema: 'https://json-schema.org/draft/2020-12/schema', additionalProperties: false });
    expect(text).not.toContain('"additionalProperties":{}');
  });
});

describe('the bundled document', () => {
  it.each([true, false])('is valid with no secret set (local: %s), and its demo model needs no key', (local) => {
    const plan = compile(bundled, { revision: 0, local, rolls });
    expect(plan.models.get('demo')?.options).toEqual([{ provider: 'sandbox', model: 'echo' }]);
    expect(plan.providers.get('sandbox')?.provider.respond).toBeTypeOf('function');
  });
});

describe('every item on the rolls', () => {
  it.each(rolls.policies.flatMap((policy) => policy.examples.map((example) => [policy.name, example] as const)))(
    'the policy %s can be written as its example %j',
    (use, example) => {
      expect(compile({ policies: [{ use, ...example }] }, { revision: 0, local: false, rolls }).routes[0]?.policies).toHaveLength(1);
    },
  );

  /** Holds every name that it is asked for. */
  class Names extends Set<string> {
    override has(name: string): boolean {
      this.add(name);
      return true;
    }
  }

  it.each(rolls.strategies.flatMap((strategy) => strategy.examples.map((example) => [strategy.name, example, strategy] as const)))(
    'the strategy %s can be written with its example %j',
    (strategy, settings, { config, check }) => {
      const names = new Names();
      check?.(config.parse(settings), names);
      const targets = ['openai/x', ...[...names].map((name) => (name.includes('/') ? name : { model: `openai/${name}`, name }))];
      const document = { models: { m: { strategy, settings, targets } } };
      expect(compile(document, { revision: 0, local: false, rolls }).models.size).toBe(1);
    },
  );

  it.each(rolls.providers.map(({ id }) => id))('the provider %s can be listed in a local run and has an address', (id) => {
    const needed = Object.entries(rolls.providers.find((provider) => provider.id === id)?.settings ?? {}).filter(
      ([, each]) => each.default === undefined,
    );
    const settings = Object.fromEntries(needed.map(([name]) => [name, 'given']));
    const plan = compile({ providers: { [id]: needed.length === 0 ? {} : { settings } } }, { revision: 0, local: true, rolls });
    const planned = plan.providers.get(id);
    expect((planned?.dialects.length ?? 0) + Object.keys(planned?.provider.operations ?? {}).length).toBeGreaterThan(0);
  });
});

describe('redact', () => {
  it('hides literal keys and nothing else, in a copy', () => {
    const document = { providers: { a: { key: { value: 'literal' } }, b: { key: { secret: 'B' } } }, models: { m: 'a/x' } };
    expect(redact(document)).toEqual({
      providers: { a: { key: { value: '[redacted]' } }, b: { key: { secret: 'B' } } },
      models: { m: 'a/x' },
    });
    expect(document.providers.a.key.value).toBe('literal');
  });

  it('hides them wherever they stand', () => {
    const document = {
      providers: { a: { keys: [{ value: 'one' }, { secret: 'B' }] } },
      routes: [
        {
          kind: 'mcp',
          sources: [
            { kind: 'remote', key: { value: 'two' } },
            { kind: 'remote', auth: { use: 'oauth', clientSecret: { value: 'three' } } },
            { kind: 'replicas', of: [{ kind: 'remote', key: { value: 'four' } }] },
          ],
          transforms: [{ use: 'defaults', tools: { t: { key: 'value', value: 'kept' } } }],
        },
      ],
    };
    const text = JSON.stringify(redact(document));
    expect(text).not.toMatch(/one|two|three|four/);
    expect(text.match(/\[redacted\]/g)).toHaveLength(4);
    expect(text).toContain('"transforms":[{"use":"defaults","tools":{"t":{"key":"value","value":"kept"}}}]');
  });
});
