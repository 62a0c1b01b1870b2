import { expect, it } from 'vitest';
import type { JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import { callOf, fakeContext, fakeHome, fakeSource, listAll, namesOf, refusalOf, tool } from './fakes.ts';
import { filter } from './filter.ts';
import { rename } from './rename.ts';

const context = fakeContext();
const things = { tools: [tool('a', { title: 'A' }), tool('b'), tool('c')], prompts: [{ name: 'greet' }] };
const renamed = (settings: JsonObject, source = fakeSource(things), home = fakeHome()) =>
  rename.wrap(rename.config.parse(settings), source, home);

it('lists by the new names and leads them back, and the old ones nowhere', async () => {
  const source = fakeSource(things);
  const wrapped = renamed({ tools: { a: { name: 'first', title: 'The first' }, b: 'second' }, prompts: { greet: 'hello' } }, source);
  expect(await listAll(wrapped, 'tools', context)).toEqual([
    { name: 'first', title: 'The first', inputSchema: { type: 'object' } },
    { name: 'second', inputSchema: { type: 'object' } },
    { name: 'c', inputSchema: { type: 'object' } },
  ]);
  await wrapped.request(callOf('first', { x: 1 }), context);
  await wrapped.request({ method: 'prompts/get', params: Wire.of({ name: 'hello' }) }, context);
  await wrapped.request({ method: 'completion/complete', params: Wire.of({ ref: { type: 'ref/prompt', name: 'hello' } }) }, context);
  await wrapped.request({ method: 'completion/complete', params: Wire.of({ ref: { type: 'ref/resource', uri: 'a://b' } }) }, context);
  expect(source.asked.map(({ params }) => params.json())).toEqual([
    { name: 'a', arguments: { x: 1 } },
    { name: 'greet' },
    { ref: { type: 'ref/prompt', name: 'greet' } },
    { ref: { type: 'ref/resource', uri: 'a://b' } },
  ]);
  expect(await refusalOf(wrapped.request(callOf('a'), context))).toEqual({ code: -32602, message: 'Unknown tool: a' });
  const old = { method: 'prompts/get', params: Wire.of({ name: 'greet' }) };
  expect(await refusalOf(wrapped.request(old, context))).toEqual({ code: -32602, message: 'Unknown prompt: greet' });
});

it('lets two change their names for each other', async () => {
  const source = fakeSource(things);
  const wrapped = renamed({ tools: { a: 'b', b: 'a' } }, source);
  expect(await namesOf(wrapped, context)).toEqual(['b', 'a', 'c']);
  await wrapped.request(callOf('b'), context);
  expect(source.asked[0]?.params.json()).toMatchObject({ name: 'a' });
});

it('hides what has given its name to another', async () => {
  const source = fakeSource(things);
  const wrapped = renamed({ tools: { a: 'c' } }, source);
  expect(await namesOf(wrapped, context)).toEqual(['c', 'b']);
  await wrapped.request(callOf('c'), context);
  expect(source.asked[0]?.params.json()).toMatchObject({ name: 'a' });
});

it('names things at the route as clients see them, and keeps the prefix', async () => {
  const source = fakeSource(things);
  const wrapped = renamed({ tools: { files__a: 'first', other__b: 'second' } }, source, fakeHome('files'));
  expect(await namesOf(wrapped, context)).toEqual(['first', 'b', 'c']);
  await wrapped.request(callOf('first'), context);
  expect(source.asked[0]?.params.json()).toMatchObject({ name: 'a' });
});

it('does not tell the old name of what is not there for the caller', async () => {
  const source = filter.wrap(filter.config.parse({ tools: { deny: ['a'] } }), fakeSource(things), fakeHome());
  const wrapped = renamed({ tools: { a: 'first' } }, source as ReturnType<typeof fakeSource>);
  expect(await refusalOf(wrapped.request(callOf('first'), context))).toEqual({ code: -32602, message: 'Unknown tool: first' });
});

it('refuses two names that would be one', () => {
  expect(rename.problems?.({ tools: { a: 'x', b: { name: 'x' } }, prompts: { a: 'x' } })).toEqual([
    { path: 'tools', message: 'would call both "a" and "b" by the name "x"' },
  ]);
  expect(rename.config.safeParse({ tools: { a: 'no such name' } }).success).toBe(false);
});
