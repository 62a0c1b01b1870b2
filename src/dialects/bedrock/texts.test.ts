import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../core/json.ts';
import { bedrock } from './index.ts';

const shout = (text: string) => text.toUpperCase();
const same = (text: string) => text;

const body = {
  system: [{ text: 'system' }, { cachePoint: { type: 'default' } }, { guardContent: { text: { text: 'guarded' } } }],
  messages: [
    {
      role: 'user',
      content: [
        { text: 'asked' },
        { guardContent: { text: { text: 'checked', qualifiers: ['query'] } } },
        { document: { format: 'txt', name: 'name', source: { text: 'document' } } },
        { document: { format: 'txt', name: 'name', source: { content: [{ text: 'piece' }] } } },
        { searchResult: { source: 'source', title: 'title', content: [{ text: 'found' }] } },
        { image: { format: 'png', source: { bytes: 'abcd' } } },
        { toolResult: { toolUseId: 'id', content: [{ text: 'result' }, { json: { key: 'leaf', list: ['item', 1, { deep: 'end' }] } }] } },
      ],
    },
    {
      role: 'assistant',
      content: [
        { reasoningContent: { reasoningText: { text: 'signed', signature: 'sig' } } },
        { citationsContent: { content: [{ text: 'cited' }], citations: [{ title: 'kept' }] } },
        { toolUse: { toolUseId: 'id', name: 'f', input: { a: 'asked of a tool' } } },
      ],
    },
  ],
  toolConfig: { tools: [{ toolSpec: { name: 'f', description: 'kept' } }] },
};

describe('the texts of a call', () => {
  it('are all that people and models wrote', () => {
    const seen: string[] = [];
    bedrock.texts(body, (text) => {
      seen.push(text);
      return text;
    });
    expect(seen.sort()).toEqual(
      ['system', 'guarded', 'asked', 'checked', 'document', 'piece', 'found', 'result', 'leaf', 'item', 'end', 'cited'].sort(),
    );
  });

  it('are edited in their places, and nothing else', () => {
    const edited = bedrock.texts(body, shout);
    expect(JSON.stringify(edited).toLowerCase()).toBe(JSON.stringify(body).toLowerCase());
    expect(edited).toMatchObject({
      system: [{ text: 'SYSTEM' }, {}, { guardContent: { text: { text: 'GUARDED' } } }],
      messages: [
        {
          content: [
            {},
            {},
            {},
            {},
            {},
            {},
            { toolResult: { content: [{}, { json: { key: 'LEAF', list: ['ITEM', 1, { deep: 'END' }] } }] } },
          ],
        },
        {
          content: [
            { reasoningContent: { reasoningText: { text: 'signed', signature: 'sig' } } },
            {},
            { toolUse: { input: { a: 'asked of a tool' } } },
          ],
        },
      ],
    });
    expect(bedrock.texts(body, same)).toBe(body);
  });

  it('of odd bodies are left alone', () => {
    for (const odd of [{}, { messages: 'x' }, { messages: [1, { content: 'x' }, { content: [null, 'x'] }] }] satisfies JsonObject[]) {
      expect(bedrock.texts(odd, shout)).toBe(odd);
    }
  });
});

describe('the texts of an answer', () => {
  const answer = {
    output: { message: { role: 'assistant', content: [{ text: 'said' }, { reasoningContent: { reasoningText: { text: 'signed' } } }] } },
    stopReason: 'end_turn',
  };

  it('are edited in their places', () => {
    expect(bedrock.replyTexts(answer, shout)).toEqual({
      ...answer,
      output: { message: { role: 'assistant', content: [{ text: 'SAID' }, answer.output.message.content[1]] } },
    });
    expect(bedrock.replyTexts(answer, same)).toBe(answer);
  });
});

describe('instructions of an operator', () => {
  it("stand before or after the caller's own", () => {
    expect(bedrock.addSystem?.({ system: [{ text: 'own' }] }, 'first', 'start').system).toEqual([{ text: 'first' }, { text: 'own' }]);
    expect(bedrock.addSystem?.({ system: [{ text: 'own' }] }, 'last', 'end').system).toEqual([{ text: 'own' }, { text: 'last' }]);
    expect(bedrock.addSystem?.({}, 'only', 'end').system).toEqual([{ text: 'only' }]);
    expect(() => bedrock.addSystem?.({ system: 'text' }, 'x', 'start')).toThrow(expect.objectContaining({ code: 'invalid_request' }));
  });
});
