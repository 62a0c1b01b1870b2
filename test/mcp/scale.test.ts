import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Answer, call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Many, startMany } from './many.ts';

// Thirty servers with five thousand tools behind one route, some of which fail; and what a list costs the second time.

const SERVERS = 30;
const EACH = 186;
const [RESTARTS, PAGE, HANGS] = [27, 28, 29];

let gateway: McpGateway;
let many: Many;
let few: Many;
afterAll(() => Promise.all([gateway?.stop(), many?.close(), few?.close()]));

type Tool = { readonly name: string };

/** Every page of a list, to its end. */
async function pages(route: string, headers = {}): Promise<readonly Answer['result'][]> {
  const all: Answer['result'][] = [];
  let cursor: string | undefined;
  do {
    const answer = await modern(gateway.mcp(route), 1, 'tools/list', cursor === undefined ? {} : { cursor }, headers);
    const result = answer.messages.at(-1)?.result;
    if (result === undefined) throw new Error(answer.text);
    all.push(result);
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return all;
}
const named = (all: readonly Answer['result'][]) => all.flatMap(({ tools }) => tools.map(({ name }: Tool) => name)) as string[];
const missing = (all: readonly Answer['result'][]) => all[0]._meta?.['weir/missing'] ?? [];

beforeAll(async () => {
  [gateway, many, few] = await Promise.all([
    startMcpGateway(),
    startMany(Array.from({ length: SERVERS }, () => ({ tools: EACH }))),
    startMany([
      { tools: 25, page: 10 },
      { tools: 5, ttlMs: 0, cacheScope: 'private' },
      { tools: 5, ttlMs: 60_000, cacheScope: 'public' },
      { tools: 5, ttlMs: 60_000, cacheScope: 'private' },
      { tools: 600 },
      { tools: 5 },
      { tools: 3 },
      { tools: 3, ttlMs: 0 },
    ]),
  ]);
  many.set(HANGS, 'hang');
  many.set(PAGE, 'html');
  const source = (at: number) => ({ url: many.url(at), prefix: `s${at}` });
  const one = (at: number, prefix = 'one') => [{ url: few.url(at), prefix }];
  const two = (at: number) => [...one(at), { url: few.url(6), prefix: 'two' }];
  await gateway.publish(
    {
      crowd: Array.from({ length: SERVERS }, (_, at) => source(at)),
      paged: [...one(0), { url: few.url(6), prefix: 'two' }],
      never: one(1),
      public: one(2),
      private: one(3),
      large: one(4),
      failing: two(5),
      slow: two(7),
      bare: [{ url: few.url(1), prefix: '' }],
    },
    {},
    { crowd: { listing: 12_000 }, paged: { page: 7 }, slow: { listing: 3_000, timeout: 5_000 }, failing: { fresh: 0 } },
  );
});

describe('thirty servers', () => {
  it('are listed without those that hang or answer with a page, and the second time without asking anybody', async () => {
    const first = await pages('crowd');
    const names = named(first);
    expect(names).toHaveLength(28 * EACH);
    expect(new Set(names).size).toBe(names.length);
    expect(first.map(({ tools }) => tools.length)).toEqual([1_000, 1_000, 1_000, 1_000, 1_000, 208]);
    const codes = (all: typeof first) => missing(all).map(({ source, code }: { source: string; code: string }) => [source, code]);
    expect(codes(first)).toEqual([
      ['s28', 'upstream_invalid'],
      ['s29', 'upstream_timeout'],
    ]);
    const asked = Array.from({ length: 28 }, (_, at) => many.asked(at, 'tools/list'));
    expect(asked).toEqual(asked.map(() => 1));
    const hanging = many.asked(HANGS, 'server/discover');
    const second = await pages('crowd');
    expect(named(second)).toEqual(names);
    expect(codes(second)).toEqual(codes(first));
    expect(Array.from({ length: 28 }, (_, at) => many.asked(at, 'tools/list'))).toEqual(asked);
    // It was waited for in vain a moment ago.
    expect(many.asked(HANGS, 'server/discover')).toBeLessThanOrEqual(hanging + 1);
  });

  it('are still listed while one restarts, and a call of it says what is wrong', async () => {
    many.set(RESTARTS, 'refuse');
    expect(named(await pages('crowd'))).toContain('s27__create_issue');
    expect((await call(gateway.mcp('crowd'), 1, 's27__list_issue')).messages.at(-1)?.error?.data?.code).toMatch(/^upstream_/);
    many.set(RESTARTS, 'good');
    expect((await call(gateway.mcp('crowd'), 1, 's27__list_issue', { limit: 3 })).messages.at(-1)?.result.content[0].text).toBe(
      '27 list_issue {"limit":3}',
    );
  });
});

describe('a page', () => {
  it('holds so many, each once, whatever pages the servers have', async () => {
    const all = await pages('paged');
    expect(all.map(({ tools }) => tools.length)).toEqual([7, 7, 7, 7]);
    expect(new Set(named(all)).size).toBe(28);
    expect(named(all)).toContain('two__get_document');
  });

  it('is of a caller who may see the list: its cursor is nobody else’s, and of no other list', async () => {
    const { nextCursor: cursor } = (await pages('paged'))[0];
    const { app } = await makeFamily(gateway, 'pages');
    const { key } = await makeKey(gateway, { app, name: 'k' });
    const code = async (method: string, headers = {}) =>
      (await modern(gateway.mcp('paged'), 1, method, { cursor }, headers)).messages.at(-1)?.error?.code;
    expect(await code('tools/list')).toBeUndefined();
    expect(await code('tools/list', { authorization: `Bearer ${key}` })).toBe(-32602);
    expect(await code('prompts/list')).toBe(-32602);
  });

  it('has no more of one server than the operator allows', async () => {
    expect(named(await pages('large'))).toHaveLength(500);
  });
});

describe('a list is kept', () => {
  it.each([
    ['never', 1, 3, 0],
    ['public', 2, 1, undefined],
    ['private', 3, 2, undefined],
  ] as const)('as its server says: %s', async (route, server, times, ttl) => {
    const { app } = await makeFamily(gateway, `kept-${route}`);
    const { key } = await makeKey(gateway, { app, name: 'k' });
    const [first] = await pages(route);
    await pages(route);
    await pages(route, { authorization: `Bearer ${key}` });
    expect(few.asked(server, 'tools/list')).toBe(times);
    expect(first.cacheScope).toBe('private');
    if (ttl === undefined) expect(first.ttlMs).toBeGreaterThan(50_000);
    else expect(first.ttlMs).toBe(ttl);
  });

  it('of one server alone, whose names stay as they are, only by the client', async () => {
    const before = few.asked(1, 'tools/list');
    await pages('bare');
    await pages('bare');
    expect(few.asked(1, 'tools/list')).toBe(before + 2);
  });

  it('for when its server fails: then it is given, and said to be an earlier one', async () => {
    const names = named(await pages('failing'));
    expect(names).toHaveLength(8);
    few.set(5, 'refuse');
    const again = await pages('failing');
    expect(named(again)).toEqual(names);
    expect(missing(again)).toEqual([expect.objectContaining({ source: 'one', earlier: true })]);
    expect(again[0].ttlMs).toBe(0);
    few.set(5, 'good');
    few.change(5, { tools: 6 });
    expect(named(await pages('failing'))).toHaveLength(9);
  });

  it('so that a server that hangs is not waited for', async () => {
    await pages('slow');
    few.set(7, 'hang');
    const asked = few.asked(7, 'tools/list');
    for (let times = 0; times < 3; times++)
      expect(missing(await pages('slow'))).toEqual([expect.objectContaining({ source: 'one', earlier: true })]);
    expect(few.asked(7, 'tools/list')).toBe(asked + 1);
    few.set(7, 'good');
    await call(gateway.mcp('slow'), 1, 'one__get_issue');
    expect(missing(await pages('slow'))).toEqual([]);
  });
});

describe('two hundred clients with the same ids at once', () => {
  const CLIENTS = 200;
  const said = (answer: { messages: readonly Answer[] }) => [
    answer.messages.length,
    answer.messages[0]?.id,
    answer.messages[0]?.result?.content[0].text,
  ];
  const expected = (at: number) => [1, 1, `0 get_issue {"id":"${at}"}`];

  it('each get their own answers, without sessions', async () => {
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, (_, at) => call(gateway.mcp('crowd'), 1, 's0__get_issue', { id: String(at) })),
    );
    expect(answers.map(said)).toEqual(answers.map((_, at) => expected(at)));
  });

  it('each get their own answers, in a session each and several in one', async () => {
    const url = gateway.mcp('paged');
    const sessions = await Promise.all(Array.from({ length: 20 }, async () => (await initialize(url)).session));
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, (_, at) => {
        const params = { name: 'one__get_issue', arguments: { id: String(at) } };
        // Ids are unique within a session, and the same in all of them.
        return post(url, { jsonrpc: '2.0', id: 1 + Math.floor(at / 20), method: 'tools/call', params }, sessions[at % 20]);
      }),
    );
    expect(answers.map(({ messages }) => [messages.at(-1)?.id, messages.at(-1)?.result?.content[0].text])).toEqual(
      answers.map((_, at) => [1 + Math.floor(at / 20), `0 get_issue {"id":"${at}"}`]),
    );
  });
});

describe('a list that is ready', () => {
  it('is each caller’s own, though the server lists the same for all', async () => {
    const { app } = await makeFamily(gateway, 'screened');
    const { key } = await makeKey(gateway, { app, name: 'k' });
    const hides = { use: 'filter', tools: { deny: [{ name: 'get_*', when: `caller.app == "${app}"` }] } };
    await gateway.publish({ screened: [{ url: few.url(2), prefix: 'one', transforms: [hides] }] });
    const other = { authorization: `Bearer ${key}` };
    for (let times = 0; times < 4; times++) {
      expect(named(await pages('screened'))).toContain('one__get_calendar_event');
      expect(named(await pages('screened', other))).not.toContain('one__get_calendar_event');
      expect(named(await pages('screened', other))).toContain('one__list_calendar_event');
    }
  });
});
