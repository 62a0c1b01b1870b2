import { describe, expect, it } from 'vitest';
import type { Chat, Message, Reasoning } from '../../core/chat.ts';
import type { JsonObject } from '../../core/json.ts';
import { gemini } from './index.ts';

const asked: Message = { role: 'user', content: [{ type: 'text', text: 'Go.' }] };
const chat = (parts: Partial<Chat> = {}): Chat => ({
  model: 'gemini-3-pro',
  messages: [asked],
  tools: [],
  stream: false,
  extra: {},
  ...parts,
});
const write = (parts: Partial<Chat>) => gemini.writeCall(chat(parts), {});
const contentsOf = (messages: readonly Message[], model = 'gemini-3-pro') =>
  write({ messages: [asked, ...messages], model }).body.contents as JsonObject[];

const call = (id: string, name: string, more: object = {}) => ({ type: 'tool-call' as const, id, name, input: '{}', ...more });
const result = (callId: string, text: string): Message => ({
  role: 'tool',
  content: [{ type: 'tool-result', callId, content: [{ type: 'text', text }] }],
});

describe('a Gemini call written', () => {
  it('says schemas whole, as JSON Schema, all functions in one tool, and nothing of itself in the body', () => {
    const parameters = {
      type: 'object',
      properties: { a: { $ref: '#/$defs/x' } },
      additionalProperties: false,
      $defs: { x: { type: 'string', pattern: 'a+' } },
    };
    const { body, loss } = write({
      stream: true,
      tools: [
        { type: 'function', name: 'f', parameters, strict: true },
        { type: 'raw', dialect: 'anthropic', value: { type: 'web_search_20250305' } },
        { type: 'function', name: 'g' },
      ],
      responseFormat: { type: 'schema', name: 's', schema: parameters },
      user: 'u',
      parallelToolCalls: false,
      stop: ['1', '2', '3', '4', '5', '6'],
      seed: 2 ** 40,
    });
    expect(body).toEqual({
      contents: [{ role: 'user', parts: [{ text: 'Go.' }] }],
      tools: [{ functionDeclarations: [{ name: 'f', parametersJsonSchema: parameters }, { name: 'g' }] }],
      generationConfig: { stopSequences: ['1', '2', '3', '4', '5'], responseMimeType: 'application/json', responseJsonSchema: parameters },
    });
    expect([...loss].sort()).toEqual(['parallel_tool_calls', 'seed', 'stop', 'tools.function.strict', 'tools.web_search_20250305', 'user']);
  });

  it('puts all answers to a turn of calls into one content, right behind it, and what was said with them after', () => {
    const contents = contentsOf([
      { role: 'assistant', content: [call('a', 'f', { signature: 'c2ln', issuer: 'gemini' }), call('b', 'g')] },
      result('a', 'one'),
      result('b', '{"n":1}'),
      { role: 'user', content: [{ type: 'text', text: 'And?' }] },
    ]);
    expect(contents.slice(1)).toEqual([
      {
        role: 'model',
        parts: [
          { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'c2ln' },
          { functionCall: { id: 'b', name: 'g', args: {} } },
        ],
      },
      {
        role: 'user',
        parts: [
          { functionResponse: { id: 'a', name: 'f', response: { output: 'one' } } },
          { functionResponse: { id: 'b', name: 'g', response: { n: 1 } } },
        ],
      },
      { role: 'user', parts: [{ text: 'And?' }] },
    ]);
  });

  it('asks Gemini 3 not to check calls that another model made, and only it', () => {
    const turn: Message = {
      role: 'assistant',
      content: [{ type: 'thinking', text: 'Hm', signature: 'x', issuer: 'anthropic' }, call('a', 'f'), call('b', 'f')],
    };
    const [, three] = contentsOf([turn]);
    expect(three?.parts).toEqual([
      { text: 'Hm', thought: true },
      { functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'skip_thought_signature_validator' },
      { functionCall: { id: 'b', name: 'f', args: {} } },
    ]);
    expect(JSON.stringify(contentsOf([turn], 'gemini-2.5-flash'))).not.toContain('thoughtSignature');
    expect(write({ messages: [turn] }).loss).toEqual(['thinking.signature']);
  });

  it('gives a call the signature that came before it, as some dialects can only carry it', () => {
    const [, turn] = contentsOf([
      { role: 'assistant', content: [{ type: 'redacted-thinking', data: 'c2ln', issuer: 'gemini' }, call('a', 'f')] },
    ]);
    expect(turn?.parts).toEqual([{ functionCall: { id: 'a', name: 'f', args: {} }, thoughtSignature: 'c2ln' }]);
    const [, alone] = contentsOf([
      {
        role: 'assistant',
        content: [
          { type: 'text', text: 'Hi' },
          { type: 'redacted-thinking', data: 'c2ln', issuer: 'gemini' },
        ],
      },
    ]);
    expect(alone?.parts).toEqual([{ text: 'Hi' }, { text: '', thoughtSignature: 'c2ln' }]);
  });

  it('puts pictures of an answer where the model can see them', () => {
    const image = { type: 'image' as const, source: { kind: 'base64' as const, mediaType: 'image/png', data: 'AAAA' } };
    const turns: Message[] = [
      { role: 'assistant', content: [call('a', 'f')] },
      { role: 'tool', content: [{ type: 'tool-result', callId: 'a', content: [image] }] },
    ];
    const inlineData = { mimeType: 'image/png', data: 'AAAA' };
    expect(contentsOf(turns).at(-1)?.parts).toEqual([{ functionResponse: { id: 'a', name: 'f', response: {}, parts: [{ inlineData }] } }]);
    expect(contentsOf(turns, 'gemini-2.5-pro').slice(-2)).toEqual([
      { role: 'user', parts: [{ functionResponse: { id: 'a', name: 'f', response: {} } }] },
      { role: 'user', parts: [{ inlineData }] },
    ]);
  });

  it('takes instructions from among the turns, and says that their place is lost', () => {
    const late: Message = { role: 'developer', content: [{ type: 'text', text: 'Late' }] };
    const { body, loss } = write({ messages: [{ role: 'system', content: [{ type: 'text', text: 'First' }] }, asked, late] });
    expect(body.systemInstruction).toEqual({ parts: [{ text: 'First' }, { text: 'Late' }] });
    expect(loss).toEqual(['messages.system.order']);
  });

  it.each<{ model: string; reasoning: Reasoning; config: JsonObject; loss?: string[] }>([
    { model: 'gemini-3-flash', reasoning: { effort: 'medium' }, config: { includeThoughts: true, thinkingLevel: 'medium' } },
    { model: 'gemini-3-pro', reasoning: { effort: 'minimal' }, config: { includeThoughts: true, thinkingLevel: 'low' } },
    {
      model: 'gemini-3-pro',
      reasoning: { effort: 'max' },
      config: { includeThoughts: true, thinkingLevel: 'high' },
      loss: ['reasoning_effort'],
    },
    { model: 'gemini-3-pro', reasoning: { mode: 'disabled' }, config: { thinkingLevel: 'low' }, loss: ['thinking'] },
    { model: 'gemini-2.5-flash', reasoning: { effort: 'high' }, config: { includeThoughts: true, thinkingBudget: 24_576 } },
    { model: 'gemini-2.5-flash', reasoning: { effort: 'none' }, config: { thinkingBudget: 0 } },
    { model: 'gemini-2.5-pro', reasoning: { mode: 'disabled' }, config: { thinkingBudget: 128 }, loss: ['thinking'] },
    { model: 'gemini-2.5-flash', reasoning: { mode: 'adaptive' }, config: { includeThoughts: true, thinkingBudget: -1 } },
    { model: 'gemini-3-pro', reasoning: { mode: 'enabled', budgetTokens: 2048 }, config: { includeThoughts: true, thinkingBudget: 2048 } },
  ])('asks $model to think as asked: $reasoning', ({ model, reasoning, config, loss = [] }) => {
    const written = write({ model, reasoning });
    expect(written.body.generationConfig).toEqual({ thinkingConfig: config });
    expect(written.loss).toEqual(loss);
  });
});
