import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, ChatChunk, Message, Part } from '../../../core/chat.ts';
import { type Naming, restoreTurns, TurnListener, toolCallKey, turnAsJson, turnOfJson, unsignedTurns } from './signed-turn.ts';

const chatOf = (messages: readonly Message[]): Chat => ({ model: 'm', messages, tools: [], stream: false, extra: {} });
const assistant = (...content: Part[]): Message => ({ role: 'assistant', content });
const BY_ID: Naming = { byId: true };
const user: Message = { role: 'user', content: [{ type: 'text', text: 'Hello' }] };

/** The chunks in which a model says these parts. */
function chunksOf(parts: readonly Part[]): ChatChunk[] {
  const chunks = parts.flatMap((part, at): ChatChunk[] => {
    const where = { part: at, choice: 0 };
    const signed: ChatChunk[] =
      'signature' in part && part.signature !== undefined
        ? [{ type: 'signature', ...where, signature: part.signature, ...(part.issuer === undefined ? {} : { issuer: part.issuer }) }]
        : [];
    switch (part.type) {
      case 'text':
      case 'thinking':
        return [...(part.text.match(/[\s\S]{1,3}/g) ?? []).map((text) => ({ type: part.type, ...where, text })), ...signed];
      case 'redacted-thinking':
        return [{ ...part, ...where }];
      case 'tool-call':
        return [
          { type: 'tool-call', ...where, id: part.id, name: part.name },
          { type: 'tool-input', ...where, text: part.input },
          ...signed,
        ];
      default:
        return [];
    }
  });
  return [{ type: 'start' }, ...chunks, { type: 'finish', choice: 0, reason: 'tool-calls' }, { type: 'end' }];
}

function turnsOf(parts: readonly Part[], naming: Naming = BY_ID, before: readonly Message[] = [user]) {
  const listener = new TurnListener(chatOf(before), naming);
  for (const chunk of chunksOf(parts)) listener.hear(chunk);
  // As storage keeps them.
  return new Map([...listener.turns()].map(([key, turn]) => [key, turnOfJson(JSON.parse(JSON.stringify(turnAsJson(turn)))) ?? []]));
}

/** What a client of a dialect with nothing but text and tool calls sends back. */
function rebuilt(parts: readonly Part[]): Message {
  const text = parts.flatMap((part) => (part.type === 'text' ? [part.text] : [])).join('');
  const calls = parts.flatMap((part): Part[] =>
    part.type === 'tool-call'
      ? [{ type: 'tool-call', id: part.id, name: part.name, input: JSON.stringify(JSON.parse(part.input), null, 1) }]
      : [],
  );
  return assistant(...(text === '' ? [] : [{ type: 'text', text } as const]), ...calls);
}

const signature = { signature: 'c2lnbmF0dXJl', issuer: 'anthropic' } as const;
const thinking = { type: 'thinking', text: 'First this, then that.', ...signature } as const;
const call = (id: string, input = '{"city":"Oslo"}') => ({ type: 'tool-call', id, name: 'get_weather', input }) as const;

describe('a turn', () => {
  it('is whole again after a client that keeps text and tool calls alone', () => {
    const said = [thinking, { type: 'text', text: 'Let me look.' } as const, call('c1'), call('c2', '{"city":"Lima","days":2}')];
    const back = restoreTurns(chatOf([user, rebuilt(said)]), turnsOf(said), BY_ID);
    expect(back.messages[1]?.content.map(({ type }) => type)).toEqual(['thinking', 'text', 'tool-call', 'tool-call']);
    expect(back.messages[1]?.content[0]).toEqual(thinking);
  });

  it('keeps signatures on the tool calls and texts they belong to', () => {
    const signed = { signature: 'Z2VtaW5p', issuer: 'gemini' } as const;
    const said = [{ type: 'text', text: 'One ', ...signed } as const, { ...call('c1'), ...signed }, call('c2')];
    const back = restoreTurns(chatOf([user, rebuilt(said)]), turnsOf(said), BY_ID);
    expect(back.messages[1]?.content).toMatchObject([{ text: 'One ', ...signed }, { id: 'c1', ...signed }, { id: 'c2' }]);
    expect(back.messages[1]?.content[2]).not.toHaveProperty('signature');
  });

  it('has its texts cut again where thinking stood between them', () => {
    const second = { ...thinking, text: 'Second thoughts' };
    const said = [thinking, { type: 'text', text: 'One. ' } as const, second, { type: 'text', text: 'Two.' } as const, call('c1')];
    const back = restoreTurns(chatOf([user, rebuilt(said)]), turnsOf(said), BY_ID);
    expect(back.messages[1]?.content).toEqual([...said.slice(0, 4), { ...call('c1'), input: '{\n "city": "Oslo"\n}' }]);
  });

  it('replaces thinking that came back without its signature, and keeps what the client added', () => {
    const said = [thinking, { type: 'redacted-thinking', data: 'b3BhcXVl', issuer: 'anthropic' } as const, call('c1')];
    const sent = assistant(
      { type: 'thinking', text: 'First this, then that.' },
      { type: 'refusal', text: 'no' },
      ...rebuilt(said).content,
      call('c9'),
    );
    const back = restoreTurns(chatOf([user, sent]), turnsOf(said), BY_ID).messages[1]?.content ?? [];
    expect(back.map((part) => ('id' in part ? part.id : part.type))).toEqual(['thinking', 'redacted-thinking', 'c1', 'refusal', 'c9']);
    expect(back.slice(0, 2)).toEqual(said.slice(0, 2));
  });

  it('without a signature or without a tool call is not remembered', () => {
    expect(turnsOf([{ type: 'thinking', text: 'unsigned' }, call('c1')]).size).toBe(0);
    expect(turnsOf([thinking, { type: 'text', text: 'done' }]).size).toBe(0);
    expect(turnsOf([thinking, call('c1')]).size).toBe(1);
  });

  it('is not given to another that has the same id for its tool call', () => {
    const chat = chatOf([user, rebuilt([call('call_0', '{"city":"Lima"}')])]);
    expect(restoreTurns(chat, turnsOf([thinking, call('call_0')]), BY_ID)).toBe(chat);
  });

  it('of calls without ids is known by what was said before it', () => {
    const naming = { byId: false };
    const said = [thinking, call('c1')];
    const other = { ...user, content: [{ type: 'text', text: 'Another question' }] } as const;
    const sent = rebuilt([call('call_0')]);
    expect(restoreTurns(chatOf([user, sent]), turnsOf(said, naming), naming).messages[1]?.content[0]).toEqual(thinking);
    const chat = chatOf([other, sent]);
    expect(restoreTurns(chat, turnsOf(said, naming), naming)).toBe(chat);
  });

  it('that came back signed is left alone', () => {
    const chat = chatOf([user, assistant(thinking, call('c1'))]);
    expect(unsignedTurns(chat, BY_ID)).toEqual([]);
    expect(restoreTurns(chat, turnsOf([{ ...thinking, text: 'other' }, call('c1')]), BY_ID)).toBe(chat);
  });

  it('of any shape comes back in its order, byte for byte', () => {
    const text = fc.string({ minLength: 1, maxLength: 12, unit: 'binary' });
    const sign = fc.base64String({ minLength: 4, maxLength: 40 });
    const part = fc.oneof(
      fc.record({ type: fc.constant('thinking' as const), text, signature: sign, issuer: fc.constant('anthropic' as const) }),
      fc.record({ type: fc.constant('redacted-thinking' as const), data: sign, issuer: fc.constant('anthropic' as const) }),
      fc.record({ type: fc.constant('text' as const), text }),
    );
    const input = fc.dictionary(fc.string(), fc.string()).map((value) => JSON.stringify(value));
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 6 }),
        fc.array(fc.tuple(input, fc.option(sign)), { minLength: 1, maxLength: 4 }),
        (parts, inputs) => {
          const calls = inputs.map(([given, signed], at) => ({
            ...call(`c${at}`, given),
            ...(signed === null ? {} : { signature: signed, issuer: 'gemini' as const }),
          }));
          const said: Part[] = [...parts, ...calls];
          const back = restoreTurns(chatOf([user, rebuilt(said)]), turnsOf(said), BY_ID).messages[1]?.content ?? [];
          const hasSigned = said.some((each) => each.type === 'redacted-thinking' || ('signature' in each && each.signature !== undefined));
          const comparable = (each: Part) => (each.type === 'tool-call' ? { ...each, input: toolCallKey(each) } : each);
          if (hasSigned) expect(back.map(comparable)).toEqual(said.map(comparable));
        },
      ),
    );
  });
});

it('a key knows the call however its arguments were written', () => {
  expect(toolCallKey(call('c', '{"b":1,"a":{"d":[2,{"z":1,"y":2}]}}'))).toBe(
    toolCallKey(call('c', ' { "a": {"d":[2,{"y":2,"z":1}]}, "b": 1 }')),
  );
  expect(toolCallKey(call('c', ''))).toBe(toolCallKey(call('c', '{}')));
  expect(toolCallKey(call('c', 'not json'))).not.toBe(toolCallKey(call('c', 'other')));
});

it('what is not a turn is not taken for one', () => {
  expect(turnOfJson([{ type: 'thinking', text: 't' }])).toHaveLength(1);
  expect(turnOfJson([{ type: 'thinking' }])).toBeUndefined();
  expect(turnOfJson([{ type: 'image' }])).toBeUndefined();
  expect(turnOfJson('x')).toBeUndefined();
});
