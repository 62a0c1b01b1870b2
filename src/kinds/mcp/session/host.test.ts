import { afterEach, expect, it, vi } from 'vitest';
import { fakeExchange, fakePorts } from '../../../core/fakes.ts';
import type { Json } from '../../../core/json.ts';
import type { SessionStorage } from '../../../core/session.ts';
import { type SessionAsk, WANTS_DOCUMENT, writeAsk } from './ask.ts';
import { McpSession } from './host.ts';

// What a session leaves behind while it lives: it may be asked a million times.

afterEach(() => vi.restoreAllMocks());

const document = { sources: [{ kind: 'remote', url: 'https://tools.example/mcp', prefix: '' }] };

/** A server of the old way, in one document each time. */
function answer(body: string | undefined): Response {
  const { id, method } = JSON.parse(body ?? '{}') as { id?: number; method?: string };
  if (id === undefined) return new Response(null, { status: 202 });
  const said = { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 's', version: '1' } };
  const result = method === 'initialize' ? said : { content: [{ type: 'text', text: 'done' }] };
  return Response.json({ jsonrpc: '2.0', id, result });
}

function open() {
  const kept = new Map<string, Json>();
  let writes = 0;
  const storage: SessionStorage = {
    get: (name) => kept.get(name),
    put: (name, value) => {
      writes++;
      kept.set(name, value);
    },
    delete: (name) => {
      writes++;
      kept.delete(name);
    },
    events: { append: () => ++writes, after: () => [], forget: () => undefined },
    keepFor: () => undefined,
    clear: () => kept.clear(),
  };
  const ports = fakePorts({ respond: ({ body }) => answer(typeof body === 'string' ? body : undefined) });
  const { clock, egress, secrets } = ports;
  const chat = () => Promise.reject(new Error('nobody is asked here'));
  const session = new McpSession({ clock, egress, secrets, storage, ports, continuity: undefined, chat });
  const { who } = fakeExchange();
  const ask = async (message: object, said: Partial<SessionAsk> = { document }) => {
    const whole: SessionAsk = {
      ...{ op: 'post', requestId: 'req_test', route: 'team', who, attribution: {}, principal: 'app_test', ping: 15_000, trace: {} },
      ...{ caller: { org: 'dev', team: 'dev', app: 'dev', keyId: 'key_test', address: '' }, revision: 'one', sessionId: 'a'.repeat(64) },
      messages: [JSON.stringify({ jsonrpc: '2.0', ...message })],
      ...said,
    };
    return session.serve(new Request('https://session/', { method: 'POST', body: writeAsk(whole) }));
  };
  return { ask, ports, writes: () => writes };
}

const initialize = {
  id: 0,
  method: 'initialize',
  params: { protocolVersion: '2025-11-25', capabilities: {}, clientInfo: { name: 'c', version: '1' } },
};
const call = (id: number) => ({ id, method: 'tools/call', params: { name: 'look_up', arguments: {} } });

it('leaves no timer and writes nothing for calls that are answered in one document', async () => {
  const { ask, writes } = open();
  await (await ask(initialize)).text();
  await (await ask(call(1))).text();
  const before = writes();
  const set = vi.spyOn(globalThis, 'setTimeout');
  const cleared = vi.spyOn(globalThis, 'clearTimeout');
  for (let id = 2; id < 22; id++) expect(await (await ask(call(id))).json()).toMatchObject({ id, result: { content: [{ text: 'done' }] } });
  await new Promise((resolve) => queueMicrotask(() => resolve(undefined)));
  const gone = new Set(cleared.mock.calls.map(([timer]) => timer));
  expect(set.mock.results.length).toBeGreaterThan(0);
  expect(set.mock.results.filter(({ value }) => !gone.has(value))).toEqual([]);
  expect(writes()).toBe(before);
});

it('is told the settings of its route once for each revision of them', async () => {
  const { ask, ports } = open();
  await (await ask(initialize)).text();
  const first = await ask(call(1), {});
  expect(await first.json()).toMatchObject({ id: 1, result: {} });
  const sent = ports.sent.length;
  const unknown = await ask(call(2), { revision: 'two' });
  expect([unknown.headers.has(WANTS_DOCUMENT), ports.sent.length]).toEqual([true, sent]);
  const moved = { sources: [{ kind: 'remote', url: 'https://other.example/mcp', prefix: '' }] };
  await (await ask(call(2), { revision: 'two', document: moved })).text();
  expect(ports.sent.at(-1)?.url).toBe('https://other.example/mcp');
  await (await ask(call(3), { revision: 'two' })).text();
  expect(ports.sent.at(-1)?.url).toBe('https://other.example/mcp');
});
