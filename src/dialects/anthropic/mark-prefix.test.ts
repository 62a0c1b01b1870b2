import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { PrefixMarks } from '../../core/prompt-cache.ts';
import { markPrefix } from './mark-prefix.ts';
import { readCall } from './read-call.ts';

const marks = (parts: Partial<PrefixMarks> = {}): PrefixMarks => ({
  model: 'claude-sonnet-4-5',
  quirks: {},
  keyFor: (text) => text,
  ...parts,
});

const LONG = 'The terms of the service say that the customer may ask for a refund within thirty days. '.repeat(80);
const EPHEMERAL = { type: 'ephemeral' };
const tool = (name: string, more: JsonObject = {}) => ({ name, description: LONG, input_schema: { type: 'object' }, ...more });
const user = (content: Json) => ({ role: 'user', content });
const model = (content: Json) => ({ role: 'assistant', content });
const call = (parts: JsonObject): JsonObject => ({ model: 'm', max_tokens: 10, messages: [user('Hello')], ...parts });

/** Where breakpoints stand, as paths. */
function placesOf(value: Json | undefined, path = ''): readonly string[] {
  if (isArray(value)) return value.flatMap((item, at) => placesOf(item, `${path}[${at}]`));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'cache_control' && part !== null ? [path] : placesOf(part, path === '' ? name : `${path}.${name}`),
  );
}

describe('breakpoints', () => {
  it('stand behind tools, instructions and history, the newest turn left out', () => {
    const body = call({
      tools: [tool('a'), tool('b')],
      system: LONG,
      messages: [user('One'), model('Two'), user('Three')],
    });
    const marked = markPrefix(body, marks());
    expect(placesOf(marked)).toEqual(['messages[1].content[0]', 'tools[1]', 'system[0]'].sort((a, b) => order(a) - order(b)));
    expect(marked.system).toEqual([{ type: 'text', text: LONG, cache_control: EPHEMERAL }]);
    expect(isArray(marked.messages) ? marked.messages[1] : undefined).toEqual(
      model([{ type: 'text', text: 'Two', cache_control: EPHEMERAL }]),
    );
    expect(isArray(marked.messages) ? marked.messages[2] : undefined).toBe(isArray(body.messages) ? body.messages[2] : undefined);
  });

  it('stand behind the newest results too in a loop of tools, which are history in a moment', () => {
    const body = call({
      system: [{ type: 'text', text: LONG }],
      messages: [
        user('Do it'),
        model([{ type: 'tool_use', id: 't', name: 'a', input: {} }]),
        user([{ type: 'tool_result', tool_use_id: 't', content: LONG }]),
      ],
    });
    expect(placesOf(markPrefix(body, marks()))).toEqual(
      ['messages[1].content[0]', 'messages[2].content[0]', 'system[0]'].sort((a, b) => order(a) - order(b)),
    );
  });

  it('never stand on thinking, on a text without a visible character, or on a tool that is loaded later', () => {
    const body = call({
      tools: [tool('a'), tool('b', { defer_loading: true })],
      system: [
        { type: 'text', text: LONG },
        { type: 'text', text: ' ' },
      ],
      messages: [
        user('One'),
        model([
          { type: 'text', text: 'Two' },
          { type: 'thinking', thinking: 'Hm', signature: 's' },
          { type: 'text', text: '' },
        ]),
        user('Three'),
        model([{ type: 'thinking', thinking: 'Hm', signature: 's' }]),
        user('Four'),
      ],
    });
    // The last message has nothing that may be marked: the one before it is the end.
    expect(placesOf(markPrefix(body, marks()))).toEqual(expect.arrayContaining(['tools[0]', 'system[0]', 'messages[2].content[0]']));
  });

  it('say how long it is to be kept', () => {
    const { system } = markPrefix(call({ system: LONG }), marks({ ttl: '1h' }));
    expect(system).toEqual([{ type: 'text', text: LONG, cache_control: { type: 'ephemeral', ttl: '1h' } }]);
  });

  it('are not set where the prefix is shorter than the model keeps', () => {
    const short = call({
      system: 'Be brief.',
      tools: [{ name: 'a', input_schema: {} }],
      messages: [user('One'), model('Two'), user('Three')],
    });
    expect(markPrefix(short, marks())).toBe(short);
    // Some 1,400 tokens: enough for one model, and not for another.
    const middle = call({ system: LONG });
    expect(placesOf(markPrefix(middle, marks()))).toEqual(['system[0]']);
    expect(markPrefix(middle, marks({ model: 'claude-opus-4-6' }))).toBe(middle);
  });

  it.each([
    ['the body', { cache_control: EPHEMERAL }],
    ['a tool', { tools: [tool('a', { cache_control: EPHEMERAL }), tool('b')] }],
    [
      'the instructions',
      {
        system: [
          { type: 'text', text: LONG, cache_control: EPHEMERAL },
          { type: 'text', text: LONG },
        ],
      },
    ],
    ['a message', { system: LONG, messages: [user([{ type: 'text', text: 'One', cache_control: EPHEMERAL }])] }],
    [
      'a part of a result',
      {
        system: LONG,
        messages: [user([{ type: 'tool_result', tool_use_id: 't', content: [{ type: 'text', text: 'x', cache_control: EPHEMERAL }] }])],
      },
    ],
  ])('are left to the caller who has set one on %s', (_name, parts) => {
    const body = call({ system: LONG, ...parts });
    expect(markPrefix(body, marks())).toBe(body);
  });

  it('change nothing that the model reads, are four at most, and are not set twice', () => {
    const text = fc.constantFrom('', ' ', 'Hello', LONG);
    const block = fc.oneof(
      text.map((words) => ({ type: 'text', text: words })),
      fc.constant({ type: 'thinking', thinking: 'Hm', signature: 's' }),
      fc.constant({ type: 'tool_use', id: 't', name: 'a', input: {} }),
      text.map((words) => ({ type: 'tool_result', tool_use_id: 't', content: words })),
    );
    const content = fc.oneof(text, fc.array(block, { maxLength: 4 }));
    const message = fc.record({ role: fc.constantFrom('user', 'assistant'), content });
    const bodies = fc.record(
      {
        model: fc.constant('m'),
        max_tokens: fc.constant(10),
        messages: fc.array(message, { maxLength: 6 }),
        system: fc.oneof(
          text,
          fc.array(
            text.map((words) => ({ type: 'text', text: words })),
            { maxLength: 3 },
          ),
        ),
        tools: fc.array(fc.constantFrom(tool('a'), tool('b', { defer_loading: true })), { maxLength: 3 }),
      },
      { requiredKeys: ['model', 'max_tokens', 'messages'] },
    );
    fc.assert(
      fc.property(bodies, (body) => {
        const marked = markPrefix(body, marks());
        expect(placesOf(marked).length).toBeLessThanOrEqual(4);
        if (marked !== body) {
          expect(markPrefix(marked, marks())).toBe(marked);
          expect(JSON.parse(JSON.stringify(readCall(marked), unmarked))).toEqual(JSON.parse(JSON.stringify(readCall(body), unmarked)));
        }
      }),
    );
  });
});

const unmarked = (name: string, value: unknown) => (name === 'cache' ? undefined : value);
/** As `placesOf` comes by them: fields in the order of the body. */
const order = (place: string) => ['messages', 'tools', 'system'].findIndex((field) => place.startsWith(field)) * 10 + place.length / 100;
