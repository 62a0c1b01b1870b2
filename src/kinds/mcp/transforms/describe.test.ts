import { expect, it } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { describe } from './describe.ts';
import { callOf, fakeContext, fakeHome, fakeSource, listAll, tool } from './fakes.ts';

const context = fakeContext();
const things = {
  tools: [
    tool('a', {
      title: 'A',
      description: 'old',
      annotations: { readOnlyHint: false, title: 'A' },
      inputSchema: { type: 'object', properties: { region: { type: 'string', enum: ['eu'] }, x: {} }, required: ['region'] },
      outputSchema: { type: 'object' },
    }),
    tool('b'),
  ],
  prompts: [{ name: 'greet', description: 'old' }],
  resources: [{ uri: 'a://b', name: 'b' }],
  templates: [{ uriTemplate: 'a://{x}', name: 'x' }],
};
const described = (settings: JsonObject, home = fakeHome(), source = fakeSource(things)) =>
  describe.wrap(describe.config.parse(settings), source, home);

it('merges what is said into what is listed (RFC 7396)', async () => {
  const wrapped = described({
    tools: {
      a: {
        description: 'new',
        title: null,
        annotations: { readOnlyHint: true },
        inputSchema: { properties: { region: { enum: ['eu', 'us'], description: 'Where' }, x: null } },
        outputSchema: null,
      },
    },
    prompts: { greet: { description: 'says hello' } },
    resources: { 'a://b': { title: 'B' }, 'a://{x}': { description: 'All of them' } },
  });
  expect(await listAll(wrapped, 'tools', context)).toEqual([
    {
      name: 'a',
      description: 'new',
      annotations: { readOnlyHint: true, title: 'A' },
      inputSchema: {
        type: 'object',
        properties: { region: { type: 'string', enum: ['eu', 'us'], description: 'Where' } },
        required: ['region'],
      },
    },
    tool('b'),
  ]);
  expect(await listAll(wrapped, 'prompts', context)).toEqual([{ name: 'greet', description: 'says hello' }]);
  expect(await listAll(wrapped, 'resources', context)).toEqual([{ uri: 'a://b', name: 'b', title: 'B' }]);
  expect(await listAll(wrapped, 'resources/templates', context)).toEqual([
    { uriTemplate: 'a://{x}', name: 'x', description: 'All of them' },
  ]);
});

it('says at the route what is meant as clients see it', async () => {
  const wrapped = described({ tools: { files__a: { description: 'new' }, b: { description: 'not here' } } }, fakeHome('files'));
  expect((await listAll(wrapped, 'tools', context)).map(({ description }) => description)).toEqual(['new', undefined]);
});

it('says how the server is used in other words', async () => {
  const source = { ...fakeSource(things), offer: () => ({ capabilities: { tools: {} }, instructions: 'old' }) };
  const offer = (settings: JsonObject) => describe.wrap(describe.config.parse(settings), source, fakeHome()).offer(context);
  expect(await offer({})).toMatchObject({ instructions: 'old' });
  expect(await offer({ instructions: 'new' })).toMatchObject({ instructions: 'new', capabilities: { tools: {} } });
  expect(await offer({ instructions: null })).toEqual({ capabilities: { tools: {} } });
});

it('does not hand on headers that a client made by another schema', async () => {
  const source = fakeSource(things);
  const wrapped = described({ tools: { a: { inputSchema: { title: 'A' } } } }, fakeHome(), source);
  const headers = { 'mcp-param-region': 'eu' };
  await wrapped.request({ ...callOf('a'), headers }, context);
  await wrapped.request({ ...callOf('b'), headers }, context);
  expect(source.asked.map((ask) => ask.headers)).toEqual([undefined, headers]);
});

it('changes no names', () => {
  expect(describe.config.safeParse({ tools: { a: { name: 'b' } } }).success).toBe(false);
  expect(describe.config.safeParse({ resources: { 'a://b': { uri: 'c://d' } } }).success).toBe(false);
});
