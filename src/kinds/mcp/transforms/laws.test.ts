import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { Source, SourceContext } from '../sources/source.ts';
import { callOf, fakeContext, fakeHome, fakeSource, listAll, refusalOf } from './fakes.ts';
import { transforms } from './index.ts';
import type { TransformHome } from './transform.ts';

// What every transform obeys.

const OWN = ['offer', 'list', 'request', 'needsSession', 'notify', 'listen', 'close'] as const;

it('no two are called the same', () => {
  expect(new Set(transforms.map(({ use }) => use)).size).toBe(transforms.length);
});

const words = fc.constantFrom('search', 'delete', 'file', 'note', 'crm', 'list', 'web', 'x');
const toolName = fc.tuple(words, words).map((pair) => pair.join('_'));
const someTool = fc.record({
  name: toolName,
  title: fc.constantFrom('A tool', 'Another'),
  inputSchema: fc.constantFrom<JsonObject>(
    { type: 'object' },
    { type: 'object', properties: { region: { type: 'string' } }, required: ['region'] },
  ),
  annotations: fc.record({ readOnlyHint: fc.boolean(), destructiveHint: fc.boolean() }, { requiredKeys: [] }),
  _meta: fc.record({ 'weir/tags': fc.array(fc.constantFrom('internal', 'web'), { maxLength: 2 }) }),
});
const someTools = fc.uniqueArray(someTool, { selector: ({ name }) => name, minLength: 1, maxLength: 8 });
const someCaller = fc.record(
  {
    user: fc.constantFrom('ann', 'bob'),
    run: fc.constantFrom('run-1'),
    team: fc.constantFrom('support', 'ops'),
    scopes: fc.array(fc.constantFrom('admin', 'read'), { maxLength: 2 }),
    claims: fc.constantFrom<JsonObject>({}, { level: 3, region: 'eu' }),
  },
  { requiredKeys: [] },
);

/** A place that some transforms ask for what they know of before; here nobody has asked for anything yet. */
const homes: readonly (readonly [string, TransformHome])[] = [
  ['at its source', fakeHome()],
  ['at the route', fakeHome('files')],
  ['at the route, without a prefix', fakeHome('')],
];

describe.each(transforms)('$use', (kind) => {
  const { config, examples, problems } = kind;
  const settingsOf = () => examples.map((example) => config.parse(example));

  it('has examples that it takes itself, and refuses what it does not know', () => {
    expect(examples.length).toBeGreaterThan(0);
    for (const example of examples) {
      const parsed = config.safeParse(example);
      expect(parsed.error?.issues ?? []).toEqual([]);
      expect(problems?.(parsed.data) ?? []).toEqual([]);
      expect(config.safeParse({ ...example, unheardOf: 1 }).success).toBe(false);
    }
  });

  it('says what its parts cannot in problems alone, and leaves `use` to its place', () => {
    // Its members stand beside `use` in the schema of the document: what is checked of the whole would be lost there.
    expect(config).toBeInstanceOf(z.ZodObject);
    expect(config.def).not.toHaveProperty('checks.0');
    expect(config instanceof z.ZodObject ? Object.keys(config.shape) : []).not.toContain('use');
  });

  it('has settings that travel as JSON', () => {
    for (const settings of settingsOf()) expect(config.parse(JSON.parse(JSON.stringify(settings)))).toEqual(settings);
  });

  it.each(homes)('wraps without asking anybody, %s', (_where, home) => {
    const never = () => {
      throw new Error('asked while it was wrapped');
    };
    const source: Source = { offer: never, list: never, request: never, needsSession: never, notify: never, listen: never, close: never };
    for (const settings of settingsOf()) expect(typeof kind.wrap(settings, source, home).request).toBe('function');
  });

  it.each(homes)('hands on what it is not about, %s', async (_where, home) => {
    for (const settings of settingsOf()) {
      const seen: string[] = [];
      const source: Source = {
        ...fakeSource(),
        needsSession: () => true,
        notify: (method) => void seen.push(method),
        listen: async () => void seen.push('listen'),
        close: () => void seen.push('close'),
      };
      const wrapped = kind.wrap(settings, source, home);
      expect(OWN.filter((name) => wrapped[name] === undefined)).toEqual([]);
      expect(wrapped.speaks).toBeUndefined();
      expect(await wrapped.needsSession?.(fakeContext())).toBe(true);
      await wrapped.notify?.('notifications/roots/list_changed', {}, fakeContext());
      await listened(wrapped, ['listen'], seen);
      await wrapped.close?.();
      expect(seen).toEqual(['notifications/roots/list_changed', 'listen', 'close']);
    }
  });

  it.each(homes)('hands on what changes, %s', async (_where, home) => {
    for (const settings of settingsOf()) {
      const controller = new AbortController();
      const context = fakeContext({}, { signal: controller.signal });
      const over = kind.wrap(settings, fakeSource(), home).listen?.({ toolsListChanged: true }, context);
      await until(() => context.told.length > 0);
      controller.abort();
      await over;
      expect(context.told.map(({ method }) => method)).toEqual(['notifications/tools/list_changed']);
    }
  });

  it.each(homes)('walks lists by the cursors of its source, %s', async (_where, home) => {
    for (const settings of settingsOf()) {
      const source = fakeSource({ tools: Array.from({ length: 5 }, (_, at) => ({ name: `t${at}`, inputSchema: {} })), page: 2 });
      const wrapped = kind.wrap(settings, source, home);
      const page = await wrapped.list('tools', undefined, fakeContext());
      expect(page.nextCursor).toBe('2');
      expect(page.ttlMs === undefined || page.ttlMs <= 1_000).toBe(true);
      expect(page.meta).toMatchObject({ kept: true });
      expect(await refusalOf((async () => wrapped.list('tools', 'other', fakeContext()))())).toMatchObject({ code: -32602 });
    }
  });

  it.each(homes)('lets nobody call a tool that they are not listed, %s', async (_where, home) => {
    await fc.assert(
      fc.asyncProperty(someTools, someCaller, fc.constantFrom(...settingsOf()), toolName, async (tools, caller, settings, other) => {
        const source = fakeSource({ tools });
        const wrapped = kind.wrap(settings, source, home);
        const context = fakeContext(caller);
        const listed = (await listAll(wrapped, 'tools', context)).map(({ name }) => name);
        expect(new Set(listed).size).toBe(listed.length);
        for (const name of [...tools.map((each) => each.name), other]) {
          if (listed.includes(name)) continue;
          const before = source.asked.length;
          const refusal = await refusalOf(wrapped.request(callOf(name), context));
          expect(refusal).toBeDefined();
          // It may ask its source for what the source has not got; never for what it has.
          for (const { params } of source.asked.slice(before))
            expect(tools.map((each) => each.name)).not.toContain(params.fields.get('name'));
        }
      }),
      { numRuns: 150 },
    );
  });

  it.each(homes)('lists the same again, %s', async (_where, home) => {
    await fc.assert(
      fc.asyncProperty(someTools, someCaller, fc.constantFrom(...settingsOf()), async (tools, caller, settings) => {
        const listing = (context: SourceContext) => listAll(kind.wrap(settings, fakeSource({ tools }), home), 'tools', context);
        expect(await listing(fakeContext(caller))).toEqual(await listing(fakeContext(caller)));
      }),
      { numRuns: 50 },
    );
  });
});

/** Whether it comes to be true soon. */
async function until(isSo: () => boolean): Promise<void> {
  const end = Date.now() + 15_000;
  while (!isSo() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 1));
  expect(isSo()).toBe(true);
}

/** Some listen until they are told that nobody wants to know any more. */
async function listened(source: Source, expected: readonly string[], seen: readonly string[]): Promise<void> {
  const controller = new AbortController();
  const over = source.listen?.({ toolsListChanged: true }, fakeContext({}, { signal: controller.signal }));
  await until(() => expected.every((each) => seen.includes(each)));
  controller.abort();
  await over;
}
