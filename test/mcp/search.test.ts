import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Many, startMany } from './many.ts';
import { type Scripted, startTools } from './scripted.ts';

// Lists that do not say everything: what is found, that it is the caller's own list, and that a call is the same call.

let gateway: McpGateway;
let many: Many;
let fixture: Fixture;
let old: Fixture;
let regions: Scripted;
let url: string;
afterAll(() => Promise.all([gateway?.stop(), many?.close(), fixture?.close(), old?.close(), regions?.close()]));

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

beforeAll(async () => {
  [gateway, many, fixture, old, regions] = await Promise.all([
    startMcpGateway(),
    startMany([{ tools: 190 }, { tools: 20 }]),
    startFixture(),
    startFixture({ eras: 'legacy' }),
    startTools({ where: (_args: never, { headers }) => text(`${headers['mcp-name']} ${headers['mcp-param-region'] ?? 'nowhere'}`) }, [
      {
        name: 'where',
        description: 'Tells the region',
        inputSchema: { type: 'object', properties: { region: { type: 'string', 'x-mcp-header': 'Region' } } },
      },
    ]),
  ]);
  const remote = (at: string, prefix: string, more: object = {}) => ({ kind: 'remote', url: at, prefix, ...more });
  const sources = [remote(many.url(0), 'crm'), remote(fixture.url, 'fix'), remote(old.url, 'old'), remote(regions.url, 'reg')];
  const route = (name: string, tools: unknown, more: object = {}) => ({ name, kind: 'mcp', sources, tools, ...more });
  const hidden = { use: 'filter', tools: { deny: ['crm__delete_*'] } };
  const document = {
    routes: [
      route('search', 'search'),
      route('some', { show: 'search', always: ['crm__get_invoice', 'crm__nothing'] }),
      route('filtered', { show: 'search', always: ['crm__delete_invoice'] }, { transforms: [hidden] }),
      route('compact', { show: 'compact', always: ['crm__get_invoice'] }),
      route('bare', 'search', { sources: [remote(fixture.url, '')] }),
      route('all', 'all'),
    ],
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
  url = gateway.mcp('search');
});

type Tool = { readonly name: string; readonly description?: string; readonly inputSchema: { readonly properties?: object } };
const listed = async (route: string) => ((await modern(gateway.mcp(route), 1, 'tools/list')).messages.at(-1)?.result.tools ?? []) as Tool[];
const search = async (query: string, at = url, headers = {}, limit = 5) => {
  const { result } = (await call(at, 1, 'search_tools', { query, limit }, headers)).messages.at(-1) ?? {};
  expect(JSON.parse(result.content[0].text)).toEqual(result.structuredContent);
  return result.structuredContent.tools as Tool[];
};
const through = (name: string, args: object = {}, at = url, headers = {}, meta = {}) =>
  call(at, 1, 'call_tool', { name, arguments: args }, headers, meta);
const names = (tools: readonly Tool[]) => tools.map(({ name }) => name);

describe('a list to search in', () => {
  it('is two tools, those that are always shown, and a word of what to do', async () => {
    const asked = many.asked(0, 'tools/list');
    expect(names(await listed('search'))).toEqual(['search_tools', 'call_tool']);
    expect(many.asked(0, 'tools/list')).toBe(asked);
    expect(names(await listed('some'))).toEqual(['search_tools', 'call_tool', 'crm__get_invoice']);
    expect((await modern(url, 1, 'server/discover')).messages.at(-1)?.result.instructions).toContain('search_tools');
    const { first } = await initialize(gateway.mcp('bare'));
    expect(first.messages[0]?.result.instructions).toContain('search_tools');
  });

  it('gives whole definitions of what is meant, in every words', async () => {
    const [whole] = (await listed('all')).filter(({ name }) => name === 'crm__archive_mailbox_message');
    const found = await search('put an old email into the archive');
    expect(found).toContainEqual(whole);
    expect(names(await search('crm__get_payroll_run'))[0]).toBe('crm__get_payroll_run');
    expect(names(await search('delete bills'))).toContain('crm__delete_invoice');
    expect(await search('which region', url, {}, 1)).toHaveLength(1);
    expect(names(await search('simple text response'))).toContain('old__test_simple_text');
  });

  it('is the caller’s own: what a transform hides is not found, not shown and not called', async () => {
    const at = gateway.mcp('filtered');
    expect(names(await search('crm__delete_invoice', at, {}, 50)).filter((name) => name.includes('__delete_'))).toEqual([]);
    expect(names(await listed('filtered'))).toEqual(['search_tools', 'call_tool']);
    const code = (await through('crm__delete_invoice', {}, at)).messages.at(-1)?.error?.code;
    expect(code).toBe((await call(at, 1, 'crm__delete_invoice')).messages.at(-1)?.error?.code);
    expect(code).toBe(-32602);
  });

  it.each([
    ['search_tools', {}],
    ['search_tools', { query: ' ' }],
    ['search_tools', { query: 'x', limit: 0 }],
    ['call_tool', { arguments: {} }],
    ['call_tool', { name: 'crm__get_invoice', arguments: 'none' }],
  ])('tells a model what it got wrong: %s %j', async (name, args) => {
    expect((await call(url, 1, name, args)).messages.at(-1)?.result).toMatchObject({ isError: true });
  });
});

describe('call_tool', () => {
  it('is the call of the tool: what arrives, what is logged, what is counted', async () => {
    const run = `run-${crypto.randomUUID()}`;
    const args = { id: '7', fields: ['a'] };
    const [direct, indirect] = [
      await call(url, 1, 'crm__get_invoice', args, { 'x-weir-run': run }),
      await through('crm__get_invoice', args, url, { 'x-weir-run': run }),
    ];
    expect(indirect.messages).toEqual(direct.messages);
    expect(direct.messages[0]?.result.content[0].text).toBe('0 get_invoice {"id":"7","fields":["a"]}');
    const rows = (await gateway.rows({ run }, 2)) as unknown as { facts?: { mcp: object }; id: string }[];
    for (const { id } of rows) {
      const row = (await (await gateway.admin(`/requests/${id}`)).json()) as { facts: { mcp: object } };
      expect(row.facts.mcp).toMatchObject({ method: 'tools/call', name: 'crm__get_invoice', source: 'crm', outcome: 'complete' });
    }
    const { app } = await makeFamily(gateway, 'through');
    const { key } = await makeKey(gateway, { app, name: 'k', limits: [{ unit: 'tool-calls', limit: 2, per: 'run' }] });
    const codes = [];
    for (let times = 0; times < 3; times++) {
      const headers = { authorization: `Bearer ${key}`, 'x-weir-run': 'a' };
      codes.push((await through('crm__get_invoice', args, url, headers)).messages.at(-1)?.error?.data?.code ?? 'served');
    }
    expect(codes).toEqual(['served', 'served', 'budget_exceeded']);
  });

  it('says the headers that the tool wants, which the client cannot know of', async () => {
    const said = async (answer: ReturnType<typeof call>) => (await answer).messages.at(-1)?.result.content[0].text;
    expect(await said(through('reg__where', { region: 'eu-1' }))).toBe('where eu-1');
    expect(await said(through('reg__where', {}))).toBe('where nowhere');
    expect(await said(call(url, 1, 'reg__where', { region: 'eu-1' }, { 'mcp-param-region': 'eu-1' }))).toBe('where eu-1');
  });

  it('tells of progress, and asks back, without sessions', async () => {
    const progress = await through('fix__test_tool_with_progress', {}, url, {}, { progressToken: 'p' });
    expect(
      progress.messages.filter(({ method }) => method === 'notifications/progress').map(({ params }) => params?.progressToken),
    ).toEqual(['p', 'p', 'p']);
    const meta = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: { form: {} } } };
    for (const at of ['fix__test_input_required_result_elicitation', 'old__test_elicitation']) {
      const args = { name: 'call_tool', arguments: { name: at, arguments: { message: 'Who?' } } };
      const first = (await modern(url, 1, 'tools/call', args, {}, meta)).messages.at(-1)?.result;
      expect(first.resultType).toBe('input_required');
      const [key = ''] = Object.keys(first.inputRequests);
      const again = {
        ...args,
        inputResponses: { [key]: { action: 'accept', content: { name: 'Ann', response: 'Ann' } } },
        ...(first.requestState === undefined ? {} : { requestState: first.requestState }),
      };
      expect((await modern(url, 2, 'tools/call', again, {}, meta)).messages.at(-1)?.result.content[0].text).toContain('Ann');
      // What was kept is of this call, and of no other tool's.
      if (first.requestState === undefined) continue;
      const other = { ...again, arguments: { name: 'crm__get_invoice', arguments: {} } };
      expect((await modern(url, 3, 'tools/call', other, {}, meta)).messages.at(-1)?.error?.code).toBe(-32602);
    }
  });

  it('is the same in a session', async () => {
    const { session } = await initialize(url);
    const ask = (id: number, name: string, args: object, meta = {}) =>
      post(url, { jsonrpc: '2.0', id, method: 'tools/call', params: { name, arguments: args, _meta: meta } }, session);
    const found = (await ask(1, 'search_tools', { query: 'get an invoice' })).messages.at(-1)?.result.structuredContent.tools;
    expect(names(found)).toContain('crm__get_invoice');
    expect((await ask(2, 'call_tool', { name: 'crm__get_invoice', arguments: { id: '1' } })).messages.at(-1)?.result.content[0].text).toBe(
      '0 get_invoice {"id":"1"}',
    );
    expect((await ask(3, 'call_tool', { name: 'reg__where', arguments: { region: 'r' } })).messages.at(-1)?.result.content[0].text).toBe(
      'where r',
    );
    const { messages } = await ask(4, 'call_tool', { name: 'old__test_tool_with_progress' }, { progressToken: 9 });
    expect(messages.filter(({ method }) => method === 'notifications/progress')).toHaveLength(3);
  });

  it('calls no tool of the gateway’s own, nor one that is not there', async () => {
    expect((await through('none__such')).messages.at(-1)?.error?.code).toBe(-32602);
    // Once is enough.
    expect((await through('call_tool', { name: 'crm__get_invoice' })).messages.at(-1)?.result).toMatchObject({ isError: true });
    expect((await through('echo', { text: 'x' }, gateway.mcp('bare'))).messages.at(-1)?.result.content[0].text).toBe('x');
  });

  it('is a tool like any other where nothing has to be searched for', async () => {
    expect((await call(gateway.mcp('all'), 1, 'call_tool', { name: 'crm__get_invoice' })).messages.at(-1)?.error?.code).toBe(-32602);
  });
});

describe('a compact list', () => {
  it('has every tool, short, and whole where it is asked for', async () => {
    const [short, long] = [await listed('compact'), await listed('all')];
    expect(names(short)).toEqual(['describe_tool', ...names(long)]);
    const of = (tools: readonly Tool[], name: string) => tools.find((each) => each.name === name);
    expect(of(short, 'crm__get_invoice')).toEqual(of(long, 'crm__get_invoice'));
    const name = 'crm__get_contract';
    expect(of(short, name)?.description).toBe('Use this tool to get contract: an agreement with its parties and terms.');
    expect(of(short, name)?.inputSchema.properties).toMatchObject({ limit: { type: 'integer', minimum: 1, maximum: 100, default: 20 } });
    expect(JSON.stringify(short).length).toBeLessThan(0.5 * JSON.stringify(long).length);
    const described = (await call(gateway.mcp('compact'), 1, 'describe_tool', { name })).messages.at(-1)?.result;
    expect(described.structuredContent.tool).toEqual(of(long, name));
    expect((await call(gateway.mcp('compact'), 1, 'describe_tool', { name: 'none' })).messages.at(-1)?.result.isError).toBe(true);
    expect((await call(gateway.mcp('compact'), 1, name, { id: '1' })).messages.at(-1)?.result.content[0].text).toContain('get_contract');
  });
});
