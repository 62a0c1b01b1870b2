import { Client as NewClient, StreamableHTTPClientTransport as NewTransport } from '@modelcontextprotocol/client';
import { Client as OldClient } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport as OldTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ElicitRequestSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { call, initialize, type McpGateway, modern, post, startMcpGateway } from './gateway.ts';
import { type Scripted, startTools } from './scripted.ts';

// Calls that a person must have said yes to: by clients of the official SDKs of both ways, on servers of both, and by hand.

let gateway: McpGateway;
let server: Scripted;
let modernOnly: Fixture;
let legacyOnly: Fixture;
let made = 0;
const open: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all([gateway?.stop(), server?.close(), modernOnly?.close(), legacyOnly?.close()]));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});
beforeEach(() => {
  made = 0;
});

const text = (value: string) => ({ content: [{ type: 'text', text: value }] });

beforeAll(async () => {
  const counted = (name: string) => () => {
    made += 1;
    return text(`${name} done`);
  };
  const names = ['delete_file', 'transfer', 'look', 'say'];
  const listed = names.map((name) => ({
    name,
    inputSchema: { type: 'object' },
    ...(name === 'look' ? { annotations: { readOnlyHint: true } } : {}),
  }));
  [gateway, server, modernOnly, legacyOnly] = await Promise.all([
    startMcpGateway(),
    startTools(Object.fromEntries(names.map((name) => [name, counted(name)])), listed),
    startFixture({ eras: 'modern' }),
    startFixture({ eras: 'legacy' }),
  ]);
  const user = [{ use: 'approve', by: 'user', message: 'Shall I?' }];
  const operator = (more: object) => [{ use: 'approve', by: 'operator', tools: ['delete_*', 'transfer'], ...more }];
  const source = { url: server.url, prefix: '' };
  await gateway.publish(
    {
      modern: [{ url: modernOnly.url, prefix: '', transforms: user } as never],
      legacy: [{ url: legacyOnly.url, prefix: '', transforms: user } as never],
      hints: [{ ...source, transforms: [{ use: 'approve', by: 'user', tools: [{ annotations: { destructiveHint: true } }] }] } as never],
      asked: [{ ...source, name: 'files', transforms: operator({ wait: 0 }) } as never],
      over: [{ ...source, name: 'files', transforms: operator({ wait: 0, when: 'args.amount > 1000' }) } as never],
      waits: [{ ...source, name: 'files', transforms: operator({ wait: 8_000 }) } as never],
      short: [{ ...source, name: 'files', transforms: operator({ wait: 0, expires: 5_000 }) } as never],
      both: [{ url: modernOnly.url, prefix: '', transforms: [{ use: 'approve', by: 'operator', wait: 0 }] } as never],
    },
    { limits: { ping: 300 } },
  );
});

interface Called {
  readonly content: readonly { readonly type: string; readonly text?: string }[];
  readonly isError?: boolean;
  readonly _meta?: { readonly [name: string]: unknown };
}

type Action = 'accept' | 'decline' | 'cancel';
const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
const questions: string[] = [];

async function old(route: string, action: Action | undefined) {
  const client = new OldClient({ name: 'old', version: '1' }, { capabilities: action === undefined ? {} : { elicitation: {} } });
  if (action !== undefined) {
    client.setRequestHandler(ElicitRequestSchema, ({ params }) => {
      questions.push(params.message);
      return {
        action,
        ...(action === 'accept'
          ? { content: 'requestedSchema' in params && 'name' in params.requestedSchema.properties ? { name: 'Ann' } : {} }
          : {}),
      };
    });
  }
  await client.connect(new OldTransport(new URL(gateway.mcp(route)), { requestInit }) as never);
  open.push(client);
  return (name: string, args: object = {}) => client.callTool({ name, arguments: { ...args } }) as Promise<Called>;
}

async function fresh(route: string, action: Action | undefined) {
  const client = new NewClient(
    { name: 'new', version: '1' },
    { capabilities: action === undefined ? {} : { elicitation: {} }, versionNegotiation: { mode: { pin: '2026-07-28' } } },
  );
  if (action !== undefined) {
    client.setRequestHandler('elicitation/create', async ({ params }) => {
      questions.push(params.message);
      const asksName = 'requestedSchema' in params && 'name' in (params.requestedSchema as { properties: object }).properties;
      return { action, ...(action === 'accept' ? { content: asksName ? { name: 'Ann' } : {} } : {}) } as never;
    });
  }
  await client.connect(new NewTransport(new URL(gateway.mcp(route)), { requestInit }));
  open.push(client);
  return (name: string, args: object = {}) => client.callTool({ name, arguments: { ...args } }) as Promise<Called>;
}

const said = ({ content }: Called) => content.map((each) => each.text).join('');
const status = ({ _meta }: Called) => (_meta?.['weir/approval'] as { status?: string } | undefined)?.status;

describe.each([
  ['new client, new server', fresh, 'modern'],
  ['new client, old server', fresh, 'legacy'],
  ['old client, new server', old, 'modern'],
  ['old client, old server', old, 'legacy'],
] as const)('a user is asked: %s', (_what, connect, route) => {
  beforeEach(() => void questions.splice(0));

  it('and says yes', async () => {
    const ask = await connect(route, 'accept');
    expect(said(await ask('echo', { text: 'hello' }))).toBe('hello');
    expect(questions).toEqual(['Shall I?\n\necho\n{\n "text": "hello"\n}']);
  });

  it.each([
    ['no', 'decline', 'denied'],
    ['neither', 'cancel', 'cancelled'],
  ] as const)('and says %s', async (_answer, action, outcome) => {
    const ask = await connect(route, action);
    const result = await ask('echo', { text: 'hello' });
    expect([result.isError, status(result)]).toEqual([true, outcome]);
    expect(said(result)).toContain('was not called');
    expect(questions.length).toBe(1);
  });

  it('and cannot be', async () => {
    const ask = await connect(route, undefined);
    const result = await ask('echo', { text: 'hello' });
    expect([result.isError, status(result)]).toEqual([true, 'unasked']);
    expect(said(result)).toContain('cannot ask its user');
  });

  if (route === 'modern') {
    it('and the server asks after that', async () => {
      const ask = await connect(route, 'accept');
      expect(said(await ask('test_input_required_result_elicitation'))).toBe('Hello, Ann!');
      expect(questions.length).toBe(2);
    });
  }
});

describe('a user', () => {
  const ELICITS = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
  const url = () => gateway.mcp('hints');
  const ask = (name: string, more: object = {}, headers = {}) =>
    modern(url(), 1, 'tools/call', { name, arguments: { at: 1 }, ...more }, headers, ELICITS);

  it('is asked about what may destroy, as tools that say nothing may, and about nothing else', async () => {
    expect((await ask('look')).messages.at(-1)?.result.content[0].text).toBe('look done');
    const first = (await ask('say')).messages.at(-1)?.result;
    expect(first).toMatchObject({ resultType: 'input_required', inputRequests: { 'weir/approval': { method: 'elicitation/create' } } });
    expect(made).toBe(1);
    expect((await ask('unheard_of')).messages.at(-1)?.error?.code).toBe(-32602);
  });

  it('has said yes to this call, and to no other', async () => {
    const { requestState } = (await ask('say')).messages.at(-1)?.result ?? {};
    const inputResponses = { 'weir/approval': { action: 'accept' } };
    const { app } = await makeFamily(gateway, 'yes-sayers');
    const { key } = await makeKey(gateway, { app, name: 'k' });
    const others: [string, Awaited<ReturnType<typeof ask>>][] = [
      [
        'other arguments',
        await modern(url(), 1, 'tools/call', { name: 'say', arguments: { at: 2 }, inputResponses, requestState }, {}, ELICITS),
      ],
      ['another tool', await ask('transfer', { inputResponses, requestState })],
      ['another caller', await ask('say', { inputResponses, requestState }, { authorization: `Bearer ${key}` })],
      ['a state of its own making', await ask('say', { inputResponses, requestState: '{"weirApproval":{"is":"given"}}' })],
    ];
    for (const [what, { messages }] of others) expect([what, messages.at(-1)?.error?.code]).toEqual([what, -32602]);
    // A yes without a question is none.
    expect((await ask('say', { inputResponses })).messages.at(-1)?.result.resultType).toBe('input_required');
    expect(made).toBe(0);
    expect((await ask('say', { inputResponses, requestState })).messages.at(-1)?.result.content[0].text).toBe('say done');
    expect(made).toBe(1);
  });
});

interface Shown {
  readonly id: string;
  readonly status: string;
  readonly [field: string]: unknown;
}

async function operator(
  method: string,
  path: string,
  body?: object,
): Promise<{ status: number; body: Shown & { items: Shown[]; code: string } }> {
  const response = await gateway.admin(path, { method, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  return { status: response.status, body: (await response.json()) as never };
}

describe('an operator is asked', () => {
  const resultOf = async (answer: ReturnType<typeof call>): Promise<Called> => (await answer).messages.at(-1)?.result;
  const idOf = (result: Called) => String((result._meta?.['weir/approval'] as { id?: string } | undefined)?.id);

  it('and the call is made once, when it comes again', async () => {
    const url = gateway.mcp('asked');
    const args = { path: '/etc/passwd', password: 'hunter2', note: 'a\u200Bb' };
    expect((await resultOf(call(url, 1, 'look', args))).isError).toBeUndefined();
    made = 0;
    const first = await resultOf(call(url, 1, 'delete_file', args));
    expect([first.isError, status(first)]).toEqual([true, 'pending']);
    const id = idOf(first);
    // The same call again is the same question.
    expect(idOf(await resultOf(call(url, 1, 'delete_file', args)))).toBe(id);
    const { body: shown } = await operator('GET', `/approvals/${id}`);
    expect(shown).toMatchObject({
      status: 'pending',
      tool: 'delete_file',
      route: 'asked',
      source: 'files',
      key: 'key_dev',
      org: 'org_dev',
    });
    expect(shown.preview).toContain('/etc/passwd');
    expect(shown.preview).not.toContain('hunter2');
    expect(shown.preview).toContain('a\\\\u{200B}b');
    expect((await operator('GET', '/approvals?status=pending&route=asked')).body.items.map((each) => each.id)).toEqual([id]);
    expect((await operator('POST', `/approvals/${id}/approve`)).body).toMatchObject({ status: 'approved', decidedBy: 'admin-token' });
    expect(made).toBe(0);
    // Not for other arguments, nor another tool.
    expect(status(await resultOf(call(url, 1, 'delete_file', { ...args, path: '/' })))).toBe('pending');
    expect(status(await resultOf(call(url, 1, 'transfer', args)))).toBe('pending');
    expect(made).toBe(0);
    expect(said(await resultOf(call(url, 1, 'delete_file', args)))).toBe('delete_file done');
    expect(status(await resultOf(call(url, 1, 'delete_file', args)))).toBe('pending');
    expect(made).toBe(1);
    expect((await operator('GET', `/approvals/${id}`)).body.status).toBe('used');
    const again = await operator('POST', `/approvals/${id}/approve`);
    expect([again.status, again.body.code]).toEqual([409, 'approval_over']);
  });

  it('where the arguments call for it, or nobody can say whether they do', async () => {
    const url = gateway.mcp('over');
    const { session } = await initialize(url);
    const transfer = async (args: string): Promise<Called> => {
      const params = `{"name":"transfer","arguments":${args}}`;
      return (await post(url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, session)).messages.at(-1)?.result;
    };
    expect(said(await transfer('{"amount":1000}'))).toBe('transfer done');
    const many = JSON.stringify({ amount: 1, more: Array.from({ length: 6_000 }, () => 1) });
    for (const args of ['{"amount":1001}', '{"amount":"1"}', '{}', '{"amount":1.00000000000000000001}', many]) {
      expect(status(await transfer(args)), args.slice(0, 50)).toBe('pending');
    }
  });

  it('of numbers as they are written, where JavaScript knows no difference', async () => {
    const url = gateway.mcp('asked');
    const { session } = await initialize(url);
    const transfer = async (amount: string) => {
      const params = `{"name":"transfer","arguments":{"amount":${amount}}}`;
      return (await post(url, `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":${params}}`, session)).messages.at(-1)?.result;
    };
    const id = idOf(await transfer('9007199254740993'));
    expect((await operator('POST', `/approvals/${id}/approve`)).status).toBe(200);
    expect(status(await transfer('9007199254740992'))).toBe('pending');
    expect(said(await transfer('9007199254740993'))).toBe('transfer done');
  });

  it('and one approval is one call, whoever of twenty comes first', async () => {
    const url = gateway.mcp('asked');
    const args = { race: true };
    const id = idOf(await resultOf(call(url, 1, 'transfer', args)));
    expect((await operator('POST', `/approvals/${id}/approve`)).status).toBe(200);
    const results = await Promise.all(Array.from({ length: 20 }, (_, at) => resultOf(call(url, at, 'transfer', args))));
    expect(results.filter((each) => said(each) === 'transfer done').length).toBe(1);
    expect(new Set(results.filter(({ isError }) => isError === true).map(status))).toEqual(new Set(['pending']));
    expect(made).toBe(1);
  });

  it('while twenty wait: one is let go on', async () => {
    const url = gateway.mcp('waits');
    const calls = Array.from({ length: 20 }, (_, at) => resultOf(call(url, at, 'transfer', { wait: true })));
    let id = '';
    await until(
      async () => {
        const { body } = await operator('GET', '/approvals?status=pending&route=waits');
        id = body.items[0]?.id ?? '';
        return body.items.length === 1;
      },
      15_000,
      'the question',
    );
    expect((await operator('POST', `/approvals/${id}/approve`)).status).toBe(200);
    const results = await Promise.all(calls);
    expect(results.filter((each) => said(each) === 'transfer done').length).toBe(1);
    expect(made).toBe(1);
    // Who came too late to wait for this one waits for another.
    expect(results.filter((each) => ['used', 'pending'].includes(status(each) ?? '')).length).toBe(19);
  });

  it('while a client of the old way waits, with progress', async () => {
    const url = gateway.mcp('waits');
    const { session } = await initialize(url);
    const params = { name: 'delete_file', arguments: { legacy: 1 }, _meta: { progressToken: 'p' } };
    const answer = post(url, { jsonrpc: '2.0', id: 5, method: 'tools/call', params }, session);
    let id = '';
    await until(
      async () => {
        id = (await operator('GET', '/approvals?status=pending&tool=delete_file&route=waits')).body.items[0]?.id ?? '';
        return id !== '';
      },
      15_000,
      'the question',
    );
    await operator('POST', `/approvals/${id}/deny`, { reason: 'not on a Sunday' });
    const { messages } = await answer;
    expect(messages[0]).toMatchObject({ method: 'notifications/progress', params: { progressToken: 'p', progress: 0 } });
    expect(messages.at(-1)).toMatchObject({ id: 5, result: { isError: true } });
    expect(messages.at(-1)?.result.content[0].text).toContain('not on a Sunday');
    expect(made).toBe(0);
    // No is no, for as long as yes would have been yes.
    expect(status(await resultOf(call(url, 1, 'delete_file', { legacy: 1 })))).toBe('denied');
  });

  it('and the server may ask the client after that, without asking the operator again', async () => {
    const url = gateway.mcp('both');
    const ELICITS = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {} } };
    const name = 'test_input_required_result_request_state';
    const ask = (more: object = {}) => modern(url, 1, 'tools/call', { name, arguments: {}, ...more }, {}, ELICITS);
    const id = idOf((await ask()).messages.at(-1)?.result);
    await operator('POST', `/approvals/${id}/approve`);
    const { resultType, requestState, inputRequests } = (await ask()).messages.at(-1)?.result ?? {};
    expect([resultType, Object.keys(inputRequests)]).toEqual(['input_required', ['confirm']]);
    const inputResponses = { confirm: { action: 'accept', content: { ok: true } } };
    const both = await Promise.all([ask({ requestState, inputResponses }), ask({ requestState, inputResponses })]);
    const results: Called[] = both.map(({ messages }) => messages.at(-1)?.result);
    // It goes on once: another time would be another call.
    expect(results.filter((each) => said(each) === 'state-ok')).toHaveLength(1);
    expect(results.map(status).toSorted()).toEqual(['used', undefined]);
    expect(status((await ask({ requestState, inputResponses })).messages.at(-1)?.result)).toBe('used');
  });

  it('in time, or not at all', async () => {
    const url = gateway.mcp('short');
    const late = idOf(await resultOf(call(url, 1, 'transfer', { late: 1 })));
    await new Promise((resolve) => setTimeout(resolve, 5_200));
    const refused = await operator('POST', `/approvals/${late}/approve`);
    expect([refused.status, refused.body.code]).toEqual([409, 'approval_over']);
    expect((await operator('GET', `/approvals/${late}`)).body.status).toBe('expired');
    // Granted, and not come back for.
    const id = idOf(await resultOf(call(url, 1, 'transfer', { late: 1 })));
    expect(id).not.toBe(late);
    await operator('POST', `/approvals/${id}/approve`);
    await new Promise((resolve) => setTimeout(resolve, 5_200));
    expect(status(await resultOf(call(url, 1, 'transfer', { late: 1 })))).toBe('pending');
    expect(made).toBe(0);
  });

  it('by nobody else', async () => {
    const url = gateway.mcp('asked');
    const acme = await makeFamily(gateway, 'acme-approvals');
    const other = await makeFamily(gateway, 'other-approvals');
    const keyOf = async (app: string) => ({ authorization: `Bearer ${(await makeKey(gateway, { app, name: 'k' })).key}` });
    const [mine, theirs] = [await keyOf(acme.app), await keyOf(other.app)];
    const args = { tenant: true };
    const id = idOf(await resultOf(call(url, 1, 'transfer', args, mine)));
    expect((await operator('GET', `/approvals?org=${other.org}`)).body.items).toEqual([]);
    expect((await operator('POST', `/approvals/${id}/approve`, { org: other.org })).status).toBe(404);
    expect((await operator('POST', `/approvals/${id}/deny`, { org: 'no-such' })).status).toBe(404);
    expect((await operator('POST', '/approvals/apr_nothing/approve')).status).toBe(404);
    expect((await operator('POST', `/approvals/${id}/approve`, { org: acme.org })).status).toBe(200);
    expect(status(await resultOf(call(url, 1, 'transfer', args, theirs)))).toBe('pending');
    expect(status(await resultOf(call(url, 1, 'transfer', args)))).toBe('pending');
    expect(made).toBe(0);
    expect(said(await resultOf(call(url, 1, 'transfer', args, mine)))).toBe('transfer done');
    const audit = await operator('GET', `/audit?action=approval&org=${acme.org}`);
    expect(audit.body.items).toMatchObject([{ action: 'approval.approve', subject: id, outcome: 'done' }]);
    expect(JSON.stringify(audit.body.items)).not.toContain('tenant');
  });
});
