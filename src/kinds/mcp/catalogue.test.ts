import { describe, expect, it } from 'vitest';
import { GatewayError } from '../../core/errors.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { Catalogue } from './catalogue.ts';
import { keepLists } from './lists/kept.ts';
import { ListRoom, ListStore } from './lists/store.ts';
import { Sealer } from './seal.ts';
import { DEFAULT_MCP_LIMITS, type McpLimits } from './settings.ts';
import type { Client, Page, Source, SourceContext } from './sources/source.ts';
import { listedBy } from './tools/listed.ts';
import { fakeContext, fakeHome, tool } from './transforms/fakes.ts';
import { filter } from './transforms/filter.ts';
import type { OpenSource } from './virtual.ts';

let now = 1_000_000;
const clock = { now: () => now };

/** A server that lists what it is told to, in new objects each time. */
class Server implements Source {
  asked = 0;
  more: Omit<Page, 'items'> = {};
  fails: Error | undefined;
  tools: (context: SourceContext) => readonly JsonObject[];
  constructor(tools: (context: SourceContext) => readonly JsonObject[]) {
    this.tools = tools;
  }
  offer() {
    return { capabilities: { tools: {} } };
  }
  async list(_what: unknown, _cursor: unknown, context: SourceContext): Promise<Page> {
    this.asked += 1;
    if (this.fails !== undefined) throw this.fails;
    return { items: structuredClone(this.tools(context)), ...this.more };
  }
  request(): Promise<never> {
    return Promise.reject(new Error('nothing is called'));
  }
}

const server = (...names: readonly string[]) => new Server(() => names.map((name) => tool(name)));

interface Laid {
  readonly prefix: string;
  readonly server: Server;
  readonly wrapped?: (source: Source) => Source;
}

function catalogueOf(laid: readonly Laid[], limits: Partial<McpLimits> = {}, showing = listedBy({ show: 'all', always: new Set() })) {
  const store = new ListStore(new ListRoom(1_000_000));
  const sources: OpenSource[] = laid.map(({ prefix, server: each, wrapped = (source: Source) => source }) => {
    const kept = keepLists(each, store, { name: prefix, clock, fresh: 30_000 });
    return { name: prefix, prefix, source: wrapped(kept), changes: () => store.changes(prefix) };
  });
  const catalogue = new Catalogue(sources, { ...DEFAULT_MCP_LIMITS, ...limits }, clock, showing);
  const sealer = new Sealer(
    {
      ...{ put: nothing, get: nothing, chain: nothing, children: nothing, delete: nothing, sign: nothing },
      seal: async (_, text) => btoa(text),
      open: async (_, sealed) => atob(sealed),
    },
    clock,
    'owner',
  );
  const page = async (context: SourceContext = fakeContext(), cursor?: string) => {
    const answer = await catalogue.page('tools', cursor, context, sealer);
    const pieces = answer.message(1);
    const { result } = JSON.parse(pieces.map((piece) => new TextDecoder().decode(piece)).join(''));
    const names: readonly string[] = result.tools.map(({ name }: { readonly name: string }) => name);
    return { names, result, bytes: pieces[1], cursor: result.nextCursor as string | undefined };
  };
  return { page, store };
}
const nothing = () => Promise.reject(new Error('not asked for'));

describe('a page that is asked for again', () => {
  it('is the same bytes, as long as the same things are listed', async () => {
    const [one, two] = [server('a', 'b'), server('c')];
    const { page, store } = catalogueOf([
      { prefix: 'one', server: one },
      { prefix: 'two', server: two },
    ]);
    await page();
    const kept = await page();
    expect(kept.names).toEqual(['one__a', 'one__b', 'two__c']);
    expect((await page()).bytes).toBe(kept.bytes);
    two.tools = () => [tool('d')];
    expect((await page()).bytes).toBe(kept.bytes);
    store.forget('two');
    expect((await page()).names).toEqual(['one__a', 'one__b', 'two__d']);
    one.tools = () => [tool('a', { description: 'said otherwise' }), tool('b')];
    now += 30_000;
    expect((await page()).result.tools[0]).toMatchObject({ name: 'one__a', description: 'said otherwise' });
    expect(one.asked).toBe(2);
  });

  it('says what is so now: how long it is good, who is missing, where to go on', async () => {
    const [one, two] = [server('a', 'b', 'c'), server('d')];
    one.more = { ttlMs: 60_000 };
    two.more = { ttlMs: 1_000 };
    const { page } = catalogueOf(
      [
        { prefix: 'one', server: one },
        { prefix: 'two', server: two },
      ],
      { page: 2 },
    );
    await page();
    const kept = await page();
    expect(kept.result).toMatchObject({ resultType: 'complete', cacheScope: 'private', ttlMs: 1_000 });
    now += 400;
    const later = await page();
    expect([later.bytes === kept.bytes, later.result.ttlMs, later.result._meta]).toEqual([true, 600, undefined]);
    const next = await page(fakeContext(), later.cursor);
    expect([next.names, next.cursor]).toEqual([['one__c', 'two__d'], undefined]);
    expect((await page(fakeContext(), later.cursor)).bytes).toBe(next.bytes);
    two.fails = new GatewayError('upstream_unreachable', 'gone');
    now += 600;
    const earlier = await page();
    expect(earlier.result).toMatchObject({ ttlMs: 0, _meta: { 'weir/missing': [{ source: 'two', earlier: true }] } });
    now += 600_000;
    const without = await page();
    expect(without.result._meta['weir/missing']).toEqual([{ source: 'two', code: 'upstream_unreachable', message: 'gone' }]);
    expect((await page(fakeContext(), without.cursor)).names).toEqual(['one__c']);
  });

  it('is made anew where the server has its list not kept', async () => {
    let turn = 0;
    const one = new Server(() => [tool(`t${++turn}`)]);
    one.more = { ttlMs: 0 };
    const { page } = catalogueOf([
      { prefix: 'one', server: one },
      { prefix: 'two', server: server('b') },
    ]);
    for (const times of [1, 2, 3]) expect((await page()).names).toEqual([`one__t${times}`, 'two__b']);
  });

  it('is made anew where the operator keeps none', async () => {
    const { page } = catalogueOf([{ prefix: 'one', server: server('a') }], { kept: 0 });
    const pages = [await page(), await page(), await page()];
    expect(new Set(pages.map(({ bytes }) => bytes)).size).toBe(3);
    expect(pages.map(({ names }) => names)).toEqual([['one__a'], ['one__a'], ['one__a']]);
  });

  it('is as the route shows tools', async () => {
    const said = new Server(() => [tool('a', { description: 'Says a thing to its caller. And then some more.' })]);
    const showing = listedBy({ show: 'compact', always: new Set() });
    const { page } = catalogueOf([{ prefix: 'one', server: said }], {}, showing);
    for (let times = 0; times < 3; times++) {
      const { names, result } = await page();
      expect([names, result.tools[1].description]).toEqual([['describe_tool', 'one__a'], 'Says a thing to its caller.']);
    }
  });
});

const CLIENT: Client = { era: 'modern', version: '2026-07-28', capabilities: {} };
/** Each differs from the plain caller in one thing alone. */
const others: readonly (readonly [string, SourceContext])[] = [
  ...Object.entries({
    org: 'other',
    team: 'other',
    app: 'other',
    keyId: 'other',
    user: 'somebody',
    scopes: ['read'],
    claims: { region: 'eu' },
    metadata: { tier: 'gold' },
  }).map(([part, value]) => [part, fakeContext({ [part]: value })] as const),
  ['principal', fakeContext({}, { principal: 'other' })],
  ...Object.entries({ version: '2025-11-25', capabilities: { roots: {} }, info: { name: 'other' } }).map(
    ([part, value]) => [part, fakeContext({}, { client: { ...CLIENT, [part]: value } })] as const,
  ),
];

describe('what one caller is listed, nobody else is', () => {
  /** Lists its caller, whole. */
  const telling = () =>
    new Server(({ principal, caller, client }) => [
      tool('you', { description: JSON.stringify({ principal, caller, client } as unknown as Json) }),
    ]);

  it.each(others)('told apart by %s', async (_, other) => {
    const { page } = catalogueOf([
      { prefix: 'all', server: Object.assign(server('x'), { more: { cacheScope: 'public', ttlMs: 60_000 } }) },
      { prefix: 'own', server: telling() },
    ]);
    const plain = fakeContext();
    for (let times = 0; times < 3; times++) {
      for (const context of [plain, other]) {
        const { principal, caller, client } = context;
        const said = (await page(context)).result.tools.find(({ name }: { readonly name: string }) => name === 'own__you');
        expect(JSON.parse(said.description)).toEqual(JSON.parse(JSON.stringify({ principal, caller, client })));
      }
    }
  });

  it.each([
    ['user', 'caller.user == "ann"', { user: 'ann' }, { user: 'bob' }],
    ['run', 'caller.run == "nightly"', { run: 'nightly' }, { run: 'other' }],
    ['scopes', '"admin" in caller.scopes', { scopes: ['admin'] }, {}],
    ['claims', 'caller.claims.tier == "gold"', { claims: { tier: 'gold' } }, { claims: { tier: 'lead' } }],
  ] as const)('where a filter goes by %s, though the server lists the same for all', async (_, when, one, other) => {
    const shared = Object.assign(server('open', 'hidden'), { more: { cacheScope: 'public', ttlMs: 60_000 } });
    const settings = filter.config.parse({ tools: { allow: ['open', { name: 'hidden', when }] } });
    const wrapped = (source: Source) => filter.wrap(settings, source, fakeHome());
    const { page } = catalogueOf([{ prefix: 's', server: shared, wrapped }]);
    for (let times = 0; times < 4; times++) {
      expect((await page(fakeContext(one))).names).toEqual(['s__open', 's__hidden']);
      expect((await page(fakeContext(other))).names).toEqual(['s__open']);
    }
    expect(shared.asked).toBe(1);
  });

  it('and what all are listed is the same bytes for all', async () => {
    const { page } = catalogueOf([{ prefix: 's', server: Object.assign(server('a'), { more: { cacheScope: 'public', ttlMs: 60_000 } }) }]);
    await page();
    const { bytes } = await page();
    for (const [part, context] of others.filter(([each]) => !['version', 'capabilities', 'info'].includes(each)))
      expect([part, (await page(context)).bytes === bytes]).toEqual([part, true]);
  });

  it('and a thing of two sources has the prefix of each', async () => {
    const same = tool('same');
    const shared = (prefix: string): Laid => ({
      prefix,
      server: server(),
      wrapped: (source) => ({
        offer: (c) => source.offer(c),
        list: async () => ({ items: [same] }),
        request: (a, c) => source.request(a, c),
      }),
    });
    const { page } = catalogueOf([shared('one'), shared('two')]);
    for (let times = 0; times < 3; times++) expect((await page()).names).toEqual(['one__same', 'two__same']);
  });
});
