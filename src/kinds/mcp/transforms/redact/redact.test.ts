import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { callOf, fakeContext, fakeHome, fakeSource, listAll, tool } from '../fakes.ts';
import { redact } from './index.ts';

const wrap = (settings: JsonObject, answer: JsonObject | (() => JsonObject) = {}) => {
  const source = fakeSource({
    tools: [tool('crm_get', { outputSchema: { type: 'object' } }), tool('other', { outputSchema: { type: 'object' } })],
    answer: () => (typeof answer === 'function' ? answer() : answer),
  });
  return { source, wrapped: redact.wrap(redact.config.parse(settings), source, fakeHome()) };
};
const context = fakeContext();
const resultOf = async (settings: JsonObject, answer: JsonObject, name = 'crm_get') =>
  (await wrap(settings, answer).wrapped.request(callOf(name), context)).json();

const customer = { name: 'Ann Lee', email: 'ann@example.com', level: 3 };
const structuredContent = { customer, orders: [{ id: 1, note: { internal: 'rude caller' } }, { id: 2 }], total: 12.5 };

describe('results', () => {
  it('lose members, and have others masked, in lists too', async () => {
    const settings = { results: { remove: ['orders.note.internal', 'customer.level'], mask: ['customer.email'] } };
    expect(await resultOf(settings, { structuredContent, content: [] })).toEqual({
      structuredContent: { customer: { name: 'Ann Lee', email: '[redacted]' }, orders: [{ id: 1, note: {} }, { id: 2 }], total: 12.5 },
      content: [],
    });
    expect(await resultOf({ results: { mask: ['*.email', 'orders.*'] }, with: '*' }, { structuredContent })).toEqual({
      structuredContent: { customer: { ...customer, email: '*' }, orders: [{ id: '*', note: '*' }, { id: '*' }], total: 12.5 },
    });
  });

  it('say nothing of it in their texts either', async () => {
    const content = [
      { type: 'text', text: JSON.stringify(structuredContent) },
      { type: 'text', text: 'Ann Lee writes from ann@example.com, a rude caller.' },
      { type: 'resource', resource: { uri: 'a://ann@example.com', text: '{"customer":{"email":"bob@example.com"}}' } },
      { type: 'text', text: 'Not bob@example.com' },
    ];
    const result = await resultOf({ results: { remove: ['orders.note'], mask: ['customer.email'] } }, { structuredContent, content });
    expect(result.content).toEqual([
      { type: 'text', text: '{"customer":{"name":"Ann Lee","email":"[redacted]","level":3},"orders":[{"id":1},{"id":2}],"total":12.5}' },
      { type: 'text', text: 'Ann Lee writes from [redacted], a [redacted].' },
      { type: 'resource', resource: { uri: 'a://ann@example.com', text: '{"customer":{"email":"[redacted]"}}' } },
      { type: 'text', text: 'Not [redacted]' },
    ]);
  });

  it('have words and patterns masked in every text, and in nothing that is none', async () => {
    const settings = { results: { terms: ['project falcon'], patterns: ['INV-\\d{4,12}'] } };
    const data = 'INV-1234Project Falcon';
    const result = await resultOf(settings, {
      content: [
        { type: 'text', text: 'Project FALCON: INV-20261122 and INV-1' },
        { type: 'image', data, mimeType: 'image/png' },
        { type: 'resource', resource: { uri: 'inv://INV-1234', blob: data } },
        { type: 'resource_link', uri: 'inv://INV-1234', name: 'INV-1234' },
      ],
      structuredContent: { list: ['INV-1234', 5] },
      requestState: 'INV-1234',
      inputRequests: { 'INV-1234': { method: 'elicitation/create', params: { message: 'Is it INV-1234?', mode: 'form' } } },
    });
    expect(result).toEqual({
      content: [
        { type: 'text', text: '[redacted]: [redacted] and INV-1' },
        { type: 'image', data, mimeType: 'image/png' },
        { type: 'resource', resource: { uri: 'inv://INV-1234', blob: data } },
        { type: 'resource_link', uri: 'inv://INV-1234', name: '[redacted]' },
      ],
      structuredContent: { list: ['[redacted]', 5] },
      requestState: 'INV-1234',
      inputRequests: { 'INV-1234': { method: 'elicitation/create', params: { message: 'Is it [redacted]?', mode: 'form' } } },
    });
  });

  it('of prompts and resources have them masked too, where it is not for tools alone', async () => {
    const answer = {
      messages: [{ role: 'user', content: { type: 'text', text: 'secret' } }],
      contents: [{ uri: 'a://secret', text: 'secret' }],
    };
    const ask = (settings: JsonObject) =>
      wrap(settings, answer).wrapped.request({ method: 'prompts/get', params: Wire.of({ name: 'p' }) }, context);
    expect((await ask({ results: { terms: ['secret'] } })).json()).toEqual({
      messages: [{ role: 'user', content: { type: 'text', text: '[redacted]' } }],
      contents: [{ uri: 'a://secret', text: '[redacted]' }],
    });
    expect((await ask({ tools: ['crm_*'], results: { terms: ['secret'] } })).json()).toEqual(answer);
  });

  it('leave as they came where nothing is of it', async () => {
    const raw = '{"content":[{"type":"text","text":"12345678901234567890"}], "structuredContent":{"n":12345678901234567890.10}}';
    const source = { ...fakeSource({ tools: [tool('a')] }), request: async () => Wire.read(raw) };
    const wrapped = redact.wrap(redact.config.parse({ results: { mask: ['x.y'], terms: ['zzz'] } }), source, fakeHome());
    expect((await wrapped.request(callOf('a'), context)).text).toBe(raw);
  });

  it('are of the tools that are named, and do not say any more what they look like', async () => {
    const settings = { tools: ['crm_*'], results: { mask: ['customer.email'] } };
    expect(await resultOf(settings, { structuredContent }, 'other')).toEqual({ structuredContent });
    expect(await listAll(wrap(settings).wrapped, 'tools', context)).toEqual([
      tool('crm_get'),
      tool('other', { outputSchema: { type: 'object' } }),
    ]);
  });
});

it('masks what is told while a call runs, and what is wrong with it', async () => {
  const heard = fakeContext();
  const source = {
    ...fakeSource({ tools: [tool('a')] }),
    request: async (_: unknown, { notify }: { notify: (method: string, params: JsonObject) => void }) => {
      notify('notifications/message', { level: 'info', data: { at: 'host-1.internal' } });
      notify('notifications/progress', { progressToken: 'host-1.internal', progress: 1, message: 'on host-1.internal' });
      throw new RpcError(codes.internal, 'host-1.internal is down', { data: { host: 'host-1.internal' } });
    },
  };
  const wrapped = redact.wrap(redact.config.parse({ results: { patterns: ['[a-z0-9-]{1,20}\\.internal'] } }), source as never, fakeHome());
  await expect(wrapped.request(callOf('a'), heard)).rejects.toMatchObject({ message: '[redacted] is down', data: { host: '[redacted]' } });
  expect(heard.told.map(({ params }) => params)).toEqual([
    { level: 'info', data: { at: '[redacted]' } },
    { progressToken: 'host-1.internal', progress: 1, message: 'on [redacted]' },
  ]);
});

it('takes it out of what tasks come to, wherever that is told', async () => {
  const settings = { tools: ['crm_*'], results: { mask: ['customer.email'], terms: ['falcon'] } };
  const result = {
    structuredContent: { customer: { email: 'ann@example.com' } },
    content: [{ type: 'text', text: 'ann@example.com, falcon' }],
  };
  const cut = { structuredContent: { customer: { email: '[redacted]' } }, content: [{ type: 'text', text: '[redacted], [redacted]' }] };
  const task = { taskId: 'falcon', status: 'completed', statusMessage: 'falcon is done', result };
  const after = { ...task, statusMessage: '[redacted] is done', result: cut };
  const { source, wrapped } = wrap(settings, task);
  expect((await wrapped.request({ method: 'tasks/get', params: Wire.of({ taskId: 'falcon' }) }, context)).json()).toEqual(after);
  const heard = fakeContext();
  source.listen = async (_filter, { notify }) => notify('notifications/tasks', task);
  await redact.wrap(redact.config.parse(settings), source, fakeHome()).listen?.({}, heard);
  expect(heard.told[0]?.params).toEqual(after);
});

it('takes out of arguments what servers are not told, and the headers that repeat them', async () => {
  const { source, wrapped } = wrap({ arguments: { remove: ['why'], mask: ['customer.email'], terms: ['Falcon'] } });
  const headers = { 'mcp-param-why': 'x' };
  await wrapped.request({ ...callOf('crm_get', { why: 'Falcon', customer, text: 'about falcon', n: 1 }), headers }, context);
  await wrapped.request({ ...callOf('crm_get', { n: 1 }, { inputResponses: { a: { content: { said: 'falcon' } } } }), headers }, context);
  const [first, second] = source.asked;
  expect(first?.params.json()).toMatchObject({
    arguments: { customer: { ...customer, email: '[redacted]' }, text: 'about [redacted]', n: 1 },
  });
  expect(JSON.stringify(first?.params.json())).not.toContain('why');
  expect(first?.headers).toBeUndefined();
  expect(second?.params.json()).toMatchObject({ arguments: { n: 1 }, inputResponses: { a: { content: { said: '[redacted]' } } } });
  expect(second?.headers).toEqual(headers);
});

it('leaves nothing of what it masks, whatever is around it', async () => {
  const secret = fc.stringMatching(/^[a-z]{6,12}$/);
  await fc.assert(
    fc.asyncProperty(secret, fc.string(), fc.string(), async (word, before, after) => {
      const text = `${before}${word}${after}`;
      const result = await resultOf(
        { results: { mask: ['deep.er'] } },
        { structuredContent: { deep: [{ er: [word] }] }, content: [{ type: 'text', text }] },
      );
      expect(JSON.stringify(result.structuredContent)).not.toContain(word);
      const [{ text: said }] = result.content as [{ text: string }];
      expect(said.replaceAll('[redacted]', '')).not.toContain(word);
    }),
    { numRuns: 200 },
  );
});

it('takes time in proportion to what is answered', async () => {
  // With the square of a million it would take longer than a test may.
  const text = 'a'.repeat(1_000_000);
  const redacted = await resultOf({ results: { terms: ['aaaaaaaaab'], patterns: ['a{1,20}b'] } }, { content: [{ type: 'text', text }] });
  expect(redacted.content).toEqual([{ type: 'text', text }]);
});

it.each<[JsonObject, string]>([
  [{}, 'must be given'],
  [{ results: { patterns: ['(a+)+'] } }, 'repeats a group without end'],
  [{ results: { patterns: ['[a-z]+@'] } }, 'may begin anywhere'],
  [{ arguments: { patterns: ['a?'] } }, 'fits the empty text'],
])('refuses %j', (settings, reason) => {
  expect(redact.problems?.(redact.config.parse(settings))).toEqual([
    { path: expect.any(String), message: expect.stringContaining(reason) },
  ]);
});

it.each(['a..b', '.a', 'a.'])('refuses the path %s', (path) => {
  expect(redact.config.safeParse({ results: { mask: [path] } }).success).toBe(false);
});
