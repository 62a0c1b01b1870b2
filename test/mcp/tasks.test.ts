import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { InMemoryTaskStore } from '@modelcontextprotocol/sdk/experimental/tasks/stores/in-memory.js';
import { CallToolResultSchema, ElicitRequestSchema, ElicitResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { KEY, until } from '../gateway.ts';
import { makeFamily, makeKey } from '../tenants.ts';
import { type Everything, startEverything } from './everything.ts';
import { type Fixture, startFixture } from './fixture.ts';
import { type McpGateway, messagesOf, modern, startMcpGateway } from './gateway.ts';

// Tasks, in both of their forms: the extension of 2026-07-28, on servers of our own, and that of 2025-11-25, on a server
// that people run. Several servers behind one route, and clients of one form on servers of the other.

let one: Fixture;
let two: Fixture;
let everything: Everything;
let gateway: McpGateway;
let stranger: string;
const open: { close(): Promise<void> }[] = [];
afterAll(async () => {
  everything?.close();
  await Promise.all([gateway?.stop(), one?.close(), two?.close()]);
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close().catch(() => undefined)));
});

beforeAll(async () => {
  [one, two, everything, gateway] = await Promise.all([
    startFixture({ eras: 'modern', tasks: true }),
    startFixture({ eras: 'modern', tasks: true }),
    startEverything(),
    startMcpGateway(),
  ]);
  const { app } = await makeFamily(gateway, 'strangers');
  stranger = (await makeKey(gateway, { app, name: 'stranger' })).key;
  await gateway.publish(
    {
      team: [
        { url: one.url, prefix: 'one' },
        { url: two.url, prefix: 'two' },
      ],
      mixed: [
        { url: one.url, prefix: 'new' },
        { url: everything.url, prefix: 'old' },
      ],
    },
    { limits: { ping: 300 } },
  );
});

const EXTENSION = 'io.modelcontextprotocol/tasks';
const knows = { 'io.modelcontextprotocol/clientCapabilities': { elicitation: {}, extensions: { [EXTENSION]: {} } } };

/** A request of a client that knows the extension. */
async function asked(route: string, method: string, params: { readonly [name: string]: unknown }, headers = {}, meta: object = knows) {
  const named = typeof params.taskId === 'string' ? { 'mcp-name': params.taskId, ...headers } : headers;
  const { messages, status } = await modern(gateway.mcp(route), 1, method, params, named, meta);
  return { status, ...messages.at(-1) };
}
const called = async (route: string, name: string, args = {}) => (await asked(route, 'tools/call', { name, arguments: args })).result;

async function ended(route: string, taskId: string) {
  let task: { readonly status?: string; readonly [field: string]: unknown } = {};
  await until(
    async () => {
      task = (await asked(route, 'tasks/get', { taskId })).result;
      return ['completed', 'failed', 'cancelled'].includes(task.status ?? '');
    },
    15_000,
    'the task to end',
  );
  return task;
}

describe('the extension of 2026-07-28, several servers behind one route', () => {
  it('runs tasks where their tools are, under ids of the gateway', async () => {
    const [first, second] = await Promise.all([
      called('team', 'one__slow_compute', { seconds: 0.3, label: 'a' }),
      called('team', 'two__slow_compute', { seconds: 0.3, label: 'b' }),
    ]);
    expect(first).toMatchObject({ resultType: 'task', status: 'working', ttlMs: 60_000 });
    expect([...one.tasks.ids(), ...two.tasks.ids()]).not.toContain(first.taskId);
    expect(await ended('team', first.taskId)).toMatchObject({ taskId: first.taskId, result: { content: [{ text: 'computed a' }] } });
    expect(await ended('team', second.taskId)).toMatchObject({ taskId: second.taskId, result: { content: [{ text: 'computed b' }] } });
  });

  it('leads addresses in the result of a task back to their server', async () => {
    const { taskId } = await called('team', 'two__read_later');
    const { result } = await ended('team', taskId);
    expect(result).toMatchObject({ content: [{ uri: 'weir:two/test://static-text' }] });
  });

  it('puts the questions of a task to its client, and hands the answers back', async () => {
    const { taskId } = await called('team', 'two__multi_input');
    const { result: waiting } = await asked('team', 'tasks/get', { taskId });
    expect(Object.keys(waiting.inputRequests)).toEqual(['first', 'second']);
    const answer = (key: string, name: string) =>
      asked('team', 'tasks/update', { taskId, inputResponses: { [key]: { action: 'accept', content: { name } } } });
    expect((await answer('first', 'A')).result).toEqual({ resultType: 'complete' });
    await answer('second', 'B');
    expect(await ended('team', taskId)).toMatchObject({ result: { content: [{ text: 'A and B' }] } });
  });

  it('cancels a task at its server', async () => {
    const before = one.tasks.cancelled();
    const { taskId } = await called('team', 'one__slow_compute', { seconds: 30 });
    expect((await asked('team', 'tasks/cancel', { taskId })).result).toEqual({ resultType: 'complete' });
    expect((await ended('team', taskId)).status).toBe('cancelled');
    expect(one.tasks.cancelled()).toBe(before + 1);
  });

  it('knows the tasks of a caller, and nobody else has them', async () => {
    const { taskId } = await called('team', 'one__slow_compute', { seconds: 30 });
    const own = one.tasks.ids().at(-1) ?? '';
    const [signature = '', place = ''] = taskId.split('.');
    const elsewhere = Buffer.from(JSON.stringify(['two', own])).toString('base64url');
    const forged = [own, 'nothing', `${signature}.${elsewhere}`, `${signature.slice(1)}A.${place}`, `${taskId}.x`];
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      for (const id of forged) expect((await asked('team', method, { taskId: id })).error?.code).toBe(-32602);
      const theirs = await asked('team', method, { taskId }, { authorization: `Bearer ${stranger}` });
      expect(theirs.error).toMatchObject({ code: -32602, message: 'There is no such task, or it is not yours.' });
    }
    expect((await asked('team', 'tasks/get', { taskId })).result.status).toBe('working');
  });

  it('asks clients that do not say they know tasks to say so, and has no methods of the other form', async () => {
    for (const method of ['tasks/get', 'tasks/cancel', 'tasks/update']) {
      const { error, status } = await asked('team', method, { taskId: 'any' }, {}, {});
      expect({ ...error, status }).toMatchObject({
        code: -32021,
        status: 400,
        data: { requiredCapabilities: { extensions: { [EXTENSION]: {} } } },
      });
    }
    for (const method of ['tasks/list', 'tasks/result']) expect((await asked('team', method, {})).error?.code).toBe(-32601);
    const { result } = await asked('team', 'tools/call', { name: 'one__slow_compute', arguments: {} }, {}, {});
    expect(result).toMatchObject({ resultType: 'complete', content: [{ text: 'computed ' }] });
  });

  it('tells who listens how a task goes on, under the id that the client knows', async () => {
    const { taskId } = await called('team', 'two__slow_compute', { seconds: 1, label: 'told' });
    const left = new AbortController();
    const response = await fetch(gateway.mcp('team'), {
      method: 'POST',
      signal: left.signal,
      headers: {
        authorization: `Bearer ${KEY}`,
        'content-type': 'application/json',
        accept: 'application/json, text/event-stream',
        'mcp-protocol-version': '2026-07-28',
        'mcp-method': 'subscriptions/listen',
      },
      body: JSON.stringify({
        jsonrpc: '2.0',
        id: 7,
        method: 'subscriptions/listen',
        params: { notifications: { taskIds: [taskId] }, _meta: { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', ...knows } },
      }),
    });
    let told = '';
    for await (const piece of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
      told += piece;
      if (told.includes('"completed"')) break;
    }
    left.abort();
    const [acknowledged, last] = messagesOf(told.slice(0, told.lastIndexOf('\n\n')).replaceAll(/^: ping$/gm, ''));
    expect(acknowledged?.params).toMatchObject({ notifications: { taskIds: [taskId] } });
    expect(last).toMatchObject({ method: 'notifications/tasks', params: { taskId, status: 'completed' } });
    const foreign = await asked('team', 'subscriptions/listen', { notifications: { taskIds: ['nobody.s'] } });
    expect(foreign.error?.code ?? 'listening').not.toBe('listening');
  });
});

async function old(capabilities: object = { elicitation: {} }, key = KEY, answer = 'technology', options = {}): Promise<Client> {
  const client = new Client({ name: 'old', version: '1' }, { capabilities, ...options });
  client.setRequestHandler(ElicitRequestSchema, ({ params }) => ({
    action: 'accept' as const,
    content: Object.fromEntries(
      Object.keys('requestedSchema' in params ? params.requestedSchema.properties : {}).map((field) => [field, answer]),
    ),
  }));
  const requestInit = { headers: { authorization: `Bearer ${key}` } };
  await client.connect(new StreamableHTTPClientTransport(new URL(gateway.mcp('mixed')), { requestInit }) as never);
  open.push(client);
  return client;
}
const said = (result: unknown) => JSON.stringify((result as { content: unknown }).content);

describe('tasks of 2025-11-25', () => {
  const research = { name: 'old__simulate-research-query', arguments: { topic: 'python', ambiguous: true } };

  it('run on their server, ask their client, are listed and have a result', { timeout: 60_000 }, async () => {
    const client = await old();
    const other = await old();
    const seen: { type: string; id?: string; status?: string; text?: string }[] = [];
    const stream = client.experimental.tasks.callToolStream(research, CallToolResultSchema, { task: { ttl: 60_000 } });
    for await (const message of stream) {
      if (message.type === 'taskCreated' || message.type === 'taskStatus') {
        seen.push({ type: message.type, id: message.task.taskId, status: message.task.status });
      } else seen.push({ type: message.type, text: message.type === 'result' ? said(message.result) : String(message.error) });
    }
    const ids = new Set(seen.flatMap(({ id }) => (id === undefined ? [] : [id])));
    expect(ids.size).toBe(1);
    expect(seen.at(-1)).toMatchObject({ type: 'result', text: expect.stringContaining('technology') });
    const [id = ''] = ids;
    expect((await client.experimental.tasks.listTasks()).tasks.map(({ taskId }) => taskId)).toEqual([id]);
    expect((await other.experimental.tasks.listTasks()).tasks).toEqual([]);
    expect((await client.experimental.tasks.getTask(id)).status).toBe('completed');
    const result = await client.experimental.tasks.getTaskResult(id, CallToolResultSchema);
    expect(result._meta?.['io.modelcontextprotocol/related-task']).toEqual({ taskId: id });
    const thief = await old({ elicitation: {} }, stranger);
    await expect(thief.experimental.tasks.getTask(id)).rejects.toThrow('There is no such task');
  });

  it('are cancelled on their server', async () => {
    const client = await old();
    const created = await client.request(
      { method: 'tools/call', params: { ...research, arguments: { topic: 'x' }, task: { ttl: 60_000 } } },
      { parse: (value: never) => value, safeParse: (data: unknown) => ({ success: true, data }) } as never,
    );
    const { taskId } = (created as { task: { taskId: string } }).task;
    expect((await client.experimental.tasks.cancelTask(taskId)).status).toBe('cancelled');
    expect((await client.experimental.tasks.getTask(taskId)).taskId).toBe(taskId);
  });

  it('may run on the client, for its server', { timeout: 60_000 }, async () => {
    const taskStore = new InMemoryTaskStore();
    const client = new Client(
      { name: 'old', version: '1' },
      {
        capabilities: { elicitation: {}, tasks: { list: {}, cancel: {}, requests: { elicitation: { create: {} } } } },
        taskStore,
      },
    );
    client.setRequestHandler(ElicitRequestSchema, async (_request, extra) => {
      const task = await extra.taskStore?.createTask({ ttl: 60_000, pollInterval: 100 });
      const answer = { action: 'accept' as const, content: { name: 'Ada', favoriteColor: 'blue', agreeToTerms: true } };
      setTimeout(() => void extra.taskStore?.storeTaskResult(task?.taskId ?? '', 'completed', answer), 300);
      return { task } as never;
    });
    const requestInit = { headers: { authorization: `Bearer ${KEY}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(gateway.mcp('mixed')), { requestInit }) as never);
    open.push(client);
    const { tools } = await client.listTools();
    const name = tools.find((tool) => tool.name.includes('elicitation-request-async'))?.name ?? '';
    const answer = said(await client.callTool({ name, arguments: {} }));
    expect(answer).toContain('Ada');
  });
});

describe('a client of one form on a server of the other', () => {
  it('is told of tasks in its own form alone', async () => {
    const { result } = await asked('mixed', 'server/discover', {});
    expect(result.capabilities.extensions[EXTENSION]).toEqual({});
    expect(result.capabilities.tasks).toBeUndefined();
    const client = await old();
    expect(client.getServerCapabilities()?.tasks).toMatchObject({ list: {}, cancel: {} });
    expect((client.getServerCapabilities() as { extensions?: object }).extensions ?? {}).not.toHaveProperty([EXTENSION]);
  });

  it('old client, new server: waits for the task that its call became, and answers its questions', async () => {
    const client = await old({ elicitation: {} }, KEY, 'yes');
    expect(said(await client.callTool({ name: 'new__slow_compute', arguments: { seconds: 0.5, label: 'waited' } }))).toContain(
      'computed waited',
    );
    expect(said(await client.callTool({ name: 'new__confirm_delete', arguments: { filename: 'a.txt' } }))).toContain(
      'accept {\\"confirm\\":\\"yes\\"}',
    );
    const failed = await client.callTool({ name: 'new__failing_job', arguments: {} });
    expect(failed.isError).toBe(true);
    await expect(client.callTool({ name: 'new__protocol_error_job', arguments: {} })).rejects.toThrow('it broke');
  });

  it('old client, new server: cancels the task that its call became', async () => {
    const [made, before] = [one.tasks.ids().length, one.tasks.cancelled()];
    const client = await old();
    const leave = new AbortController();
    const call = client.callTool({ name: 'new__slow_compute', arguments: { seconds: 30 } }, undefined, { signal: leave.signal });
    call.catch(() => undefined);
    await until(() => one.tasks.ids().length > made, 15_000, 'the task to begin');
    // Time to hear what it is called.
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    leave.abort();
    await expect(call).rejects.toThrow();
    await until(() => one.tasks.cancelled() > before, 15_000, 'the server to be told');
  });

  it('new client, old server: waits for the task that its call became, and answers its questions', { timeout: 60_000 }, async () => {
    const name = 'old__simulate-research-query';
    const args = { topic: 'python', ambiguous: true };
    const first = await asked('mixed', 'tools/call', { name, arguments: args });
    expect(first.result.resultType).toBe('input_required');
    const [key = ''] = Object.keys(first.result.inputRequests);
    const { interpretation } = first.result.inputRequests[key].params.requestedSchema.properties;
    const content = { interpretation: interpretation.oneOf[0].const };
    const inputResponses = { [key]: ElicitResultSchema.parse({ action: 'accept', content }) };
    const { requestState } = first.result;
    const last = await asked('mixed', 'tools/call', { name, arguments: args, requestState, inputResponses });
    expect(said(last.result)).toContain(content.interpretation);
    expect(last.result._meta?.['io.modelcontextprotocol/related-task']).toBeUndefined();
  });
});
