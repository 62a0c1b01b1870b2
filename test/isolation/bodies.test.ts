import { describe, expect, it } from 'vitest';
import { isArray, isObject, type Json } from '../../src/core/json.ts';
import { dialects } from '../../src/dialects/index.ts';
import { type Base, bases } from './bases.ts';
import { keyOf } from './door.ts';
import { type Mutation, mutationsOf } from './mutations.ts';

// Calls that differ in one thing are answered apart, whatever the thing is and however deep it stands: also fields that
// no dialect knows, which providers of the same dialect are handed all the same.

const EACH = 7;
const all = bases(EACH);
/** Pairs over all dialects, at least. */
const PAIRS = 6_000;

/** What says only how a call is carried and whose it is, by dialect: it may differ between calls that are given one answer. */
const CARRIED: { readonly [dialect: string]: RegExp } = {
  'openai-chat': /^\.user$/,
  'openai-completions': /^\.user$/,
  'openai-responses': /^\.user$/,
  anthropic: /^\.metadata(?:\.user_id)?$/,
  cohere: /^\.stream$/,
  ollama: /^\.stream$/,
  // Whose the content is, which is the user's where nothing is said.
  gemini: /^\.contents\[\]\.role$/,
  'ai-sdk-gateway': /^\.providerOptions(?:\.gateway(?:\.user)?)?$/,
};

/** Where a body names the user. */
const USER = /^\.user$|^\.metadata\.user_id$|^\.providerOptions\.gateway\.user$/;

const isCarried = ({ dialect }: Base, { at, how }: Mutation) =>
  CARRIED[dialect]?.test(at) === true && (dialect !== 'gemini' || how === 'absent');

const counted: { [dialect: string]: number } = {};

describe.each(dialects.map(({ id }) => id))('calls of %s', (id) => {
  const own = all.filter(({ dialect }) => dialect === id);

  it('that differ in one thing of their body are never answered with one answer', async () => {
    let pairs = 0;
    for (const base of own) {
      const key = await keyOf(base);
      expect(key, JSON.stringify(base.body)).toBeDefined();
      for (const mutation of mutationsOf(base.body)) {
        const other = await keyOf({ ...base, body: mutation.body });
        // What its dialect cannot be read in is refused.
        if (other === undefined || isCarried(base, mutation)) continue;
        if (other === key) expect.fail(`${mutation.how} at ${mutation.at} is not told in ${JSON.stringify(base.body)}`);
        pairs++;
      }
    }
    counted[id] = pairs;
    expect(pairs).toBeGreaterThan(own.length * 15);
  }, 60_000);

  it('that say the same in another order, with other spaces and escapes, for another user, are answered with one', async () => {
    for (const base of own) {
      const key = await keyOf(base);
      for (const body of [JSON.stringify(base.body, undefined, 3), JSON.stringify(turned(base.body)), escaped(JSON.stringify(base.body))]) {
        expect(await keyOf({ ...base, body }), body).toBe(key);
      }
      const user = [...mutationsOf(base.body)].find(({ at, how }) => how === 'other' && USER.test(at));
      if (user !== undefined) expect(await keyOf({ ...base, body: user.body }), JSON.stringify(user.body)).toBe(key);
    }
  }, 60_000);

  it('are answered with one as a stream and whole', async () => {
    for (const base of own) {
      const key = await keyOf(base);
      const streaming =
        base.address === undefined
          ? { ...base, body: { ...base.body, stream: true, ...(id === 'openai-chat' ? { stream_options: { include_usage: true } } : {}) } }
          : { ...base, address: { ...base.address, stream: true } };
      expect(await keyOf(streaming)).toBe(key);
    }
  });
});

it('are so many', () => {
  expect(Object.values(counted).reduce((sum, each) => sum + each, 0)).toBeGreaterThan(PAIRS);
});

/** What models go by in its order: the schemas of tools and formats, and what they themselves have called tools with. */
const ORDERED = /schema|parameters|^(?:json|input|args|arguments|response|format)$/i;

/** The members of every other object the other way round. */
function turned(value: Json): Json {
  if (isArray(value)) return value.map(turned);
  if (!isObject(value)) return value;
  const members = Object.entries(value).toReversed();
  return Object.fromEntries(
    members.map(([name, each]) => [name, each === undefined || (isObject(each) && ORDERED.test(name)) ? each : turned(each)]),
  );
}

/** The same JSON with letters written as their numbers. */
const escaped = (text: string) => text.replaceAll(/(?<=[a-z])e(?=[a-z])/g, '\\u0065');
