import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import cited from '../fixtures/cohere-citations.json';
import emptyToolCall from '../fixtures/cohere-empty-tool-call-stream.json';
import maxTokens from '../fixtures/cohere-max-tokens.json';
import nullArgs from '../fixtures/cohere-null-args.json';
import reasoning from '../fixtures/cohere-reasoning.json';
import reasoningStream from '../fixtures/cohere-reasoning-stream.json';
import text from '../fixtures/cohere-text-stream.json';
import toolCall from '../fixtures/cohere-tool-call-stream.json';
import { cohere } from './index.ts';

const frame = (event: JsonObject) => Frame.of(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
const stream = (events: readonly JsonObject[]) => {
  const reader = cohere.replyReader();
  return events.flatMap((event) => reader.read(frame(event)));
};
const options = { id: 'i', model: 'm', created: 1, wantsUsage: true };

/** An answer in a few words: its texts by part, its calls, why it ended and what it cost. */
function summary(chunks: readonly ChatChunk[]) {
  const parts = new Map<number, string>();
  for (const chunk of chunks)
    if ('part' in chunk && 'text' in chunk) parts.set(chunk.part, `${parts.get(chunk.part) ?? `${chunk.type}:`}${chunk.text}`);
  return {
    parts: [...parts.values()],
    calls: chunks.flatMap((chunk) => (chunk.type === 'tool-call' ? [`${chunk.id} ${chunk.name}`] : [])),
    reason: chunks.flatMap((chunk) => (chunk.type === 'finish' ? [chunk.reason] : [])),
    usage: chunks.flatMap((chunk) => (chunk.type === 'usage' ? [chunk.usage] : [])),
  };
}

describe('a recorded answer of Cohere', () => {
  it('is a text, billed for less than what the vendor puts around it', () => {
    expect(summary(stream(text))).toEqual({
      parts: ['text:The capital of France is Paris.'],
      calls: [],
      reason: ['stop'],
      usage: [{ input: 12, output: 7, cacheRead: 0 }],
    });
  });

  it('is a plan, which is text, and calls with their arguments', () => {
    const { parts, calls, reason } = summary(stream(toolCall));
    expect(parts).toEqual([
      'text:I will use the weather',
      expect.stringMatching(/^tool-input:\{"location"/),
      expect.stringMatching(/^tool-input:\{/),
    ]);
    expect(calls).toHaveLength(2);
    for (const input of parts.slice(1)) expect(JSON.parse(input.slice('tool-input:'.length))).toEqual(expect.any(Object));
    expect(reason).toEqual(['tool-calls']);
  });

  it('is a call without arguments, however that is said', () => {
    for (const chunks of [stream(emptyToolCall), cohere.readReply(nullArgs)]) {
      expect(summary(chunks).calls).toHaveLength(1);
      expect(chunks.some(({ type }) => type === 'tool-input')).toBe(false);
      expect(cohere.writeReply(chunks, options).body.message).toMatchObject({
        tool_calls: [{ function: { name: 'currentTime', arguments: '{}' } }],
      });
    }
    const said = stream([
      { type: 'tool-call-start', index: 0, delta: { message: { tool_calls: { id: 'a', function: { name: 'f', arguments: '' } } } } },
      { type: 'tool-call-delta', index: 0, delta: { message: { tool_calls: { function: { arguments: 'null' } } } } },
    ]);
    expect(said.map(({ type }) => type)).toEqual(['tool-call']);
  });

  it('is thinking and then text', () => {
    expect(summary(cohere.readReply(reasoning)).parts).toEqual([expect.stringMatching(/^thinking:Okay, so/), 'text:2 + 2 = 4']);
    expect(summary(stream(reasoningStream)).parts).toEqual([
      expect.stringMatching(/^thinking:The user is/),
      expect.stringMatching(/^text:.* 4\.$/),
    ]);
  });

  it('says why it ended', () => {
    expect(summary(cohere.readReply(maxTokens)).reason).toEqual(['length']);
    const ended = (finish_reason: string) => summary(stream([{ type: 'message-end', delta: { finish_reason } }])).reason;
    expect(['STOP_SEQUENCE', 'TIMEOUT', 'ERROR_TOXIC', 'NEW'].flatMap(ended)).toEqual([
      'stop-sequence',
      'error',
      'content-filter',
      'other',
    ]);
  });

  it('cites, which only this dialect can say', () => {
    const chunks = cohere.readReply(cited);
    expect(chunks).toContainEqual({ type: 'raw', dialect: 'cohere', name: 'citations', value: cited.message.citations });
    expect(cohere.writeReply(chunks, options).body.message).toMatchObject({ citations: cited.message.citations });
    // Citations repeat the text that a policy may have masked.
    const edited = cohere.replyTexts(cited, (said) => said.toUpperCase());
    expect(JSON.stringify(edited)).not.toContain('citations');
    expect(cohere.replyUsage(cited)).toEqual({ input: 39, output: 27, cacheRead: 0 });
  });

  it('may break off with an error in its last event', () => {
    const [error] = stream([{ type: 'message-end', delta: { finish_reason: 'ERROR', error: 'out of memory' } }]);
    expect(error).toMatchObject({ type: 'error', error: { message: 'out of memory' } });
    expect(() => cohere.readReply({ message: 'invalid request' })).toThrow('invalid request');
    expect(() => cohere.readReply({ choices: [] })).toThrow('not part of an answer');
  });

  it('is complete only with its last event, not where the model names it', () => {
    const named = frame({ type: 'content-delta', index: 0, delta: { message: { content: { text: 'message-end' } } } });
    const isLast = ({ text: said }: Frame) => cohere.terminators.some((terminator) => said.includes(terminator));
    expect(isLast(named)).toBe(false);
    expect(isLast(frame({ type: 'message-end', delta: {} }))).toBe(true);
  });
});

const call = (fields: JsonObject) => cohere.readCall({ model: 'm', messages: [{ role: 'user', content: 'a' }], ...fields });

describe('a call of Cohere', () => {
  it('has settings of its own names', () => {
    expect(
      call({
        k: 5,
        p: 0.9,
        max_tokens: 7,
        stop_sequences: ['x'],
        tool_choice: 'REQUIRED',
        strict_tools: true,
        tools: [{ type: 'function', function: { name: 'f' } }],
      }),
    ).toMatchObject({
      topK: 5,
      topP: 0.9,
      maxTokens: 7,
      stop: ['x'],
      toolChoice: { mode: 'required' },
      tools: [{ name: 'f', strict: true }],
      extra: {},
    });
    expect(call({ tool_choice: 'NONE', thinking: { type: 'enabled', token_budget: 100 } })).toMatchObject({
      toolChoice: { mode: 'none' },
      reasoning: { mode: 'enabled', budgetTokens: 100 },
    });
    const schema = { type: 'object' };
    expect(call({ response_format: { type: 'json_object', json_schema: schema } }).responseFormat).toEqual({ type: 'schema', schema });
    expect(call({ response_format: { type: 'json_object' } }).responseFormat).toEqual({ type: 'json' });
  });

  it('keeps what only this dialect knows, and it comes back', () => {
    const own = {
      documents: [{ id: 'd', data: { text: 'Once' } }],
      citation_options: { mode: 'FAST' },
      safety_mode: 'STRICT',
      priority: 3,
    };
    const chat = call(own);
    expect(chat.extra).toEqual({ cohere: own });
    expect(cohere.writeCall(chat, {})).toMatchObject({ body: own, loss: [] });
  });

  it('reads results of tools, documents too, and writes them back as they were', () => {
    const content: Json = [
      { type: 'document', document: { id: '1', data: { rain: true } } },
      { type: 'text', text: 'b' },
    ];
    const messages = [
      { role: 'user', content: 'Weather?' },
      {
        role: 'assistant',
        tool_plan: 'I will look.',
        tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: 'null' } }],
      },
      { role: 'tool', tool_call_id: 'c', content },
    ];
    const chat = call({ messages });
    expect(chat.messages.slice(1)).toEqual([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'I will look.' },
          { type: 'tool-call', id: 'c', name: 'f', input: '' },
        ],
      },
      {
        role: 'tool',
        content: [
          {
            type: 'tool-result',
            callId: 'c',
            content: [
              { type: 'text', text: '{"rain":true}', extra: { cohere: { id: '1' } } },
              { type: 'text', text: 'b' },
            ],
          },
        ],
      },
    ]);
    const { body, loss } = cohere.writeCall(chat, {});
    expect(loss).toEqual([]);
    expect(body.messages).toMatchObject([{}, { tool_plan: 'I will look.' }, { content }]);
  });

  it('is edited in every text, documents included', () => {
    const body = {
      model: 'm',
      documents: ['a', { data: { text: 'b', year: 1 } }],
      messages: [
        { role: 'assistant', tool_plan: 'c', tool_calls: [] },
        { role: 'tool', tool_call_id: 'x', content: [{ type: 'document', document: { data: { t: 'd' } } }] },
      ],
    };
    expect(cohere.texts(body, (said) => said.toUpperCase())).toEqual({
      model: 'm',
      documents: ['A', { data: { text: 'B', year: 1 } }],
      messages: [
        { role: 'assistant', tool_plan: 'C', tool_calls: [] },
        { role: 'tool', tool_call_id: 'x', content: [{ type: 'document', document: { data: { t: 'D' } } }] },
      ],
    });
  });

  it('takes instructions before and behind the caller’s own', () => {
    const messages = [
      { role: 'system', content: 'a' },
      { role: 'user', content: 'b' },
    ];
    const added = (where: 'start' | 'end') => cohere.addSystem?.({ messages }, 'x', where).messages;
    expect(added('start')).toEqual([{ role: 'system', content: 'x' }, ...messages]);
    expect(added('end')).toEqual([messages[0], { role: 'system', content: 'x' }, messages[1]]);
    expect(() => cohere.addSystem?.({}, 'x', 'start')).toThrow('"messages" must be an array');
  });

  it('chooses one tool by having no other, keeps penalties in range, and names both', () => {
    const tool = (name: string) => ({ type: 'function' as const, name });
    const { body, loss } = cohere.writeCall(
      {
        model: 'm',
        messages: [],
        tools: [tool('f'), tool('g')],
        toolChoice: { mode: 'tool', name: 'g' },
        presencePenalty: -1,
        stream: false,
        extra: {},
      },
      {},
    );
    expect(body).toMatchObject({ tool_choice: 'REQUIRED', tools: [{ function: { name: 'g' } }], presence_penalty: 0 });
    expect(loss).toEqual(['tool_choice', 'presence_penalty']);
  });

  it.each([
    [{ messages: [] }, 'messages'],
    [{ messages: [{ role: 'x', content: 'a' }] }, 'messages[0].role'],
    [{ k: 'x' }, 'k'],
  ] as const)('is refused by the name of the field: %j', (fields, param) => {
    expect(() => call(fields)).toThrow(expect.objectContaining({ code: 'invalid_request', details: { param } }));
  });
});
