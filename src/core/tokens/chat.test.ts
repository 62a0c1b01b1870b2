import { describe, expect, it } from 'vitest';
import type { Chat, Message } from '../chat.ts';
import { countChat } from './chat.ts';

/** A word a token: what the chat's form adds can be read off. */
const words = (text: string) => text.split(/[\s:]+/).filter(Boolean).length;

const chatOf = (messages: readonly Message[], more: Partial<Chat> = {}): Chat => ({
  model: 'gpt-4o',
  messages,
  tools: [],
  stream: false,
  extra: {},
  ...more,
});

const user: Message = { role: 'user', content: [{ type: 'text', text: 'one two three' }] };

describe('countChat', () => {
  it('adds three tokens and the role to a message, and three to the whole', () => {
    expect(countChat(chatOf([user]), words)).toEqual({ tokens: 3 + 1 + 3 + 3, exact: true });
    expect(countChat(chatOf([user, user]), words)).toEqual({ tokens: 2 * (3 + 1 + 3) + 3, exact: true });
  });

  it('adds one token and its text for a name', () => {
    expect(countChat(chatOf([{ ...user, name: 'ann' }]), words).tokens).toBe(3 + 1 + 3 + 3 + 2);
  });

  it('counts tools by their names, descriptions and properties, at any depth, and says that it approximates', () => {
    const city = { type: 'string', description: 'a city.' };
    const parameters = {
      type: 'object',
      properties: { place: { type: 'object', properties: { city } }, unit: { type: 'string', enum: ['c', 'f'] } },
    };
    const tools = [{ type: 'function' as const, name: 'weather', description: 'Says the weather.', parameters }];
    // function 7 + 4, properties 3, place 3 + 2, properties 3, city 3 + 4, unit 3 + 2, enum -3 + 2 × (3 + 1), end 12
    const expected = 7 + 4 + 3 + (3 + 2) + 3 + (3 + 4) + (3 + 2) + (-3 + 8) + 12;
    expect(countChat(chatOf([user], { tools }), words)).toEqual({ tokens: 10 + expected, exact: false });
  });

  it('counts calls and answers of tools, and says of pictures that it leaves them out', () => {
    const call: Message = { role: 'assistant', content: [{ type: 'tool-call', id: '1', name: 'weather', input: '{} {}' }] };
    const result: Message = {
      role: 'tool',
      content: [{ type: 'tool-result', callId: '1', content: [{ type: 'text', text: 'it rains' }] }],
    };
    expect(countChat(chatOf([user, call, result]), words)).toEqual({ tokens: 10 + (4 + 3 + 1 + 2) + (4 + 2), exact: false });
    const picture: Message = { role: 'user', content: [{ type: 'image', source: { kind: 'url', url: 'https://a.test/b.png' } }] };
    expect(countChat(chatOf([picture]), words)).toEqual({ tokens: 3 + 1 + 3, exact: false });
  });

  it('counts the schema of a structured answer', () => {
    const responseFormat = { type: 'schema' as const, schema: { type: 'object' } };
    expect(countChat(chatOf([user], { responseFormat }), (text) => text.length).tokens).toBe(3 + 4 + 13 + 3 + 17);
  });
});
