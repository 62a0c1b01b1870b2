import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Json, JsonObject } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import anthropicFallback from '../fixtures/openai-chat-anthropic-fallback-tool-call.json';
import azureRouter from '../fixtures/openai-chat-azure-model-router.json';
import deepseekToolCall from '../fixtures/openai-chat-deepseek-tool-call.json';
import groqToolCall from '../fixtures/openai-chat-groq-tool-call.json';
import mistralIncremental from '../fixtures/openai-chat-mistral-incremental-tool-call.json';
import mistralReasoning from '../fixtures/openai-chat-mistral-reasoning.json';
import mistralToolCall from '../fixtures/openai-chat-mistral-tool-call.json';
import moonshot from '../fixtures/openai-chat-moonshotai-stream.json';
import perplexity from '../fixtures/openai-chat-perplexity-citations.json';
import xaiText from '../fixtures/openai-chat-xai-text.json';
import { openaiChat } from './index.ts';

const dataFrame = (data: Json) => Frame.of(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
const framesOf = (payloads: readonly Json[]) => [...payloads, '[DONE]'].map(dataFrame);
const readFrames = (frames: readonly Frame[]): readonly ChatChunk[] => {
  const reader = openaiChat.replyReader();
  return frames.flatMap((frame) => reader.read(frame));
};
const readAll = (payloads: readonly Json[]) => readFrames(framesOf(payloads));

/** The chunks of a choice's deltas, without those of the end. */
const readDeltas = (...deltas: JsonObject[]) =>
  readAll(deltas.map((delta) => ({ id: 'r-1', choices: [{ index: 0, delta }] }))).filter(
    ({ type }) => type !== 'start' && type !== 'finish' && type !== 'end',
  );

/** An answer in a few words: its texts by part, its calls, reasons and usage. */
function summary(chunks: readonly ChatChunk[]) {
  const parts = new Map<number, string>();
  const calls: string[] = [];
  for (const chunk of chunks) {
    if (chunk.type === 'tool-call') calls.push(`${chunk.id} ${chunk.name}`);
    if ('part' in chunk) parts.set(chunk.part, (parts.get(chunk.part) ?? '') + ('text' in chunk ? chunk.text : ''));
  }
  const finish = chunks.find((chunk) => chunk.type === 'finish');
  return {
    parts: [...parts.values()],
    calls,
    reason: finish?.type === 'finish' ? finish.reason : undefined,
    usage: chunks.findLast((chunk) => chunk.type === 'usage'),
    ends: chunks.filter(({ type }) => type === 'end').length,
  };
}

const recordings: readonly (readonly [string, readonly Json[], object])[] = [
  [
    'anthropic behind a compatible server',
    anthropicFallback,
    { parts: ['Reading it.', '{"path": "a.txt"}'], calls: ['toolu_sanitized read_file'], reason: 'tool-calls', usage: undefined },
  ],
  [
    'azure',
    azureRouter,
    {
      parts: ['Capital of'],
      calls: [],
      reason: 'stop',
      usage: { type: 'usage', usage: { input: 15, output: 78, cacheRead: 0, reasoning: 64 } },
    },
  ],
  [
    'deepseek',
    deepseekToolCall,
    {
      parts: ['The user', '{"location": "San Francisco"}'],
      calls: ['call_00_ioIn7yN9p1ZOMNpDLwd4MgAF weather'],
      reason: 'tool-calls',
      usage: { type: 'usage', usage: { input: 339, output: 83, cacheRead: 320, reasoning: 39 } },
    },
  ],
  [
    'groq',
    groqToolCall,
    { parts: ['{}'], calls: ['tk85n1k4m weather'], reason: 'tool-calls', usage: { type: 'usage', usage: { input: 210, output: 15 } } },
  ],
  [
    'mistral, a call in pieces',
    mistralIncremental,
    {
      parts: ['{"query": "current Berlin weather"}'],
      calls: ['chatcmpl-tool-9f149c74c42f265b webSearchTool'],
      reason: 'tool-calls',
      usage: { type: 'usage', usage: { input: 171, output: 14, cacheRead: 128 } },
    },
  ],
  [
    'mistral, thinking',
    mistralReasoning,
    {
      parts: ['The user is asking for 2+2. This is basic arithmetic. 2+2=4.', '2 + 2 = 4'],
      calls: [],
      reason: 'stop',
      usage: { type: 'usage', usage: { input: 10, output: 46 } },
    },
  ],
  [
    'mistral, a call at once',
    mistralToolCall,
    {
      parts: ['{"location": "San Francisco"}'],
      calls: ['gSIMJiOkT weather'],
      reason: 'tool-calls',
      usage: { type: 'usage', usage: { input: 124, output: 22 } },
    },
  ],
  [
    'moonshot',
    moonshot,
    {
      parts: ['Thinking aloud. ', 'Hello!'],
      calls: [],
      reason: 'stop',
      usage: { type: 'usage', usage: { input: 9, output: 12, reasoning: 7 } },
    },
  ],
  [
    'perplexity',
    perplexity,
    { parts: ['The current'], calls: [], reason: 'stop', usage: { type: 'usage', usage: { input: 10, output: 336 } } },
  ],
  [
    'xai',
    xaiText,
    {
      parts: ['First, the user said', 'Hello'],
      calls: [],
      reason: 'stop',
      usage: { type: 'usage', usage: { input: 12, output: 291, cacheRead: 11, reasoning: 290 } },
    },
  ],
];

describe('a recorded stream', () => {
  it.each(recordings)('of %s is read', (_name, payloads, expected) => {
    expect(summary(readAll(payloads))).toEqual({ ...expected, ends: 1 });
  });

  it.each(recordings)('of %s says how it came out in its notable frames alone', (_name, payloads) => {
    const isOutcome = ({ type }: ChatChunk) => type === 'usage' || type === 'finish' || type === 'error' || type === 'end';
    const frames = framesOf(payloads);
    const notable = frames.filter((frame) => openaiChat.notable.test(frame.text));
    expect(readFrames(notable).filter(isOutcome)).toEqual(readFrames(frames).filter(isOutcome));
  });
});

describe('the start of a stream', () => {
  it('is told once, and not by the frame about the prompt', () => {
    const starts = readAll(azureRouter).filter(({ type }) => type === 'start');
    expect(starts).toEqual([
      { type: 'start', id: 'chatcmpl-CYPS1lijGoK8gd9lYzY3r9Sx50nbt', model: 'gpt-5-nano-2025-08-07', created: 1762317021 },
    ]);
  });
});

describe('tool calls in a stream', () => {
  it('are told apart by index, by id, and by id under the same index', () => {
    const call = (fields: JsonObject) => ({ tool_calls: [fields] });
    const chunks = readDeltas(
      call({ index: 0, id: 'a', function: { name: 'f', arguments: '{' } }),
      call({ index: 1, id: 'b', function: { name: 'g', arguments: '' } }),
      call({ index: 0, function: { arguments: '}' } }),
      call({ index: 1, id: 'b', function: { name: 'g', arguments: '[]' } }),
      call({ index: 1, id: 'c', function: { name: 'h', arguments: '1' } }),
      call({ id: 'd', function: { name: 'i', arguments: '2' } }),
      call({ id: 'd', function: { arguments: '3' } }),
      call({ function: { name: 'j', arguments: { x: 1 } } }),
    );
    expect(summary(chunks)).toMatchObject({
      calls: ['a f', 'b g', 'c h', 'd i', 'call_r1_4 j'],
      parts: ['{}', '[]', '1', '23', '{"x":1}'],
    });
  });

  it('may be custom, or of the older form', () => {
    expect(
      readDeltas(
        { tool_calls: [{ index: 0, id: 'a', type: 'custom', custom: { name: 'sh', input: '' } }] },
        { tool_calls: [{ index: 0, custom: { input: 'ls' } }] },
      ),
    ).toEqual([
      { type: 'tool-call', part: 0, choice: 0, id: 'a', name: 'sh', custom: true },
      { type: 'tool-input', part: 0, choice: 0, text: 'ls' },
    ]);
    expect(summary(readDeltas({ function_call: { name: 'f', arguments: '{' } }, { function_call: { arguments: '}' } }))).toMatchObject({
      calls: ['call_r1_0 f'],
      parts: ['{}'],
    });
  });
});

describe('thinking in a stream', () => {
  const signed = (thinking: string) => ({ thinking_blocks: [{ index: 0, type: 'thinking', thinking, signature: 'sig==' }] });

  it('is not read twice where a signed block repeats it', () => {
    const expected = [
      { type: 'thinking', part: 0, choice: 0, text: 'a' },
      { type: 'thinking', part: 0, choice: 0, text: 'b' },
      { type: 'signature', part: 0, choice: 0, signature: 'sig==', issuer: 'other' },
    ];
    expect(readDeltas({ reasoning_content: 'a' }, { reasoning: 'b' }, signed('ab'))).toEqual(expected);
    expect(readDeltas({ reasoning_content: 'a' }, { reasoning_content: 'b' }, signed(''))).toEqual(expected);
    // Pieces of blocks beside the same plain text, as LiteLLM streams them.
    const piece = (text: string) => ({ reasoning_content: text, thinking_blocks: [{ type: 'thinking', thinking: text, signature: null }] });
    expect(readDeltas(piece('a'), piece('b'), signed(''))).toEqual(expected);
  });

  it('begins another part after a signature', () => {
    expect(summary(readDeltas({ reasoning_content: 'a' }, signed('a'), { reasoning_content: 'b' }, signed('b'))).parts).toEqual(['a', 'b']);
    expect(readDeltas({ thinking_blocks: [{ type: 'redacted_thinking', data: 'x' }] })).toEqual([
      { type: 'redacted-thinking', part: 0, choice: 0, data: 'x', issuer: 'other' },
    ]);
  });
});

describe('choices of a stream', () => {
  it('keep their parts apart, and each ends', () => {
    const chunks = readAll([
      {
        id: 'r',
        choices: [
          { index: 0, delta: { content: 'a' } },
          { index: 1, delta: { refusal: 'No' } },
        ],
      },
      { id: 'r', choices: [{ index: 1, delta: {}, finish_reason: 'model_length' }] },
    ]);
    expect(chunks.slice(1)).toEqual([
      { type: 'text', part: 0, choice: 0, text: 'a' },
      { type: 'refusal', part: 1, choice: 1, text: 'No' },
      { type: 'finish', choice: 1, reason: 'length', vendor: 'model_length' },
      { type: 'finish', choice: 0, reason: 'other' },
      { type: 'end' },
    ]);
  });
});

describe('an error in a stream', () => {
  const errorOf = (frame: Frame) => {
    const [chunk, ...others] = readFrames([frame, dataFrame('[DONE]')]);
    expect(others).toEqual([]);
    return chunk?.type === 'error' ? { code: chunk.error.code, message: chunk.error.message, status: chunk.error.status } : chunk;
  };

  it.each([
    [{ error: { message: 'Slow down', type: 'rate_limit_error' } }, 'upstream_rate_limited', 429],
    [{ error: { message: 'Busy', type: 'overloaded_error' } }, 'upstream_overloaded', 503],
    [{ error: { message: 'Oops', type: 'server_error' } }, 'upstream_error', 502],
    [{ error: { message: 'Too long', code: 'context_length_exceeded' } }, 'upstream_rejected', 400],
    [{ error: { message: 'Gone', code: 502 } }, 'upstream_error', 502],
    [{ object: 'error', message: 'Bad', type: 'BadRequestError', code: 400 }, 'upstream_rejected', 400],
    [{ error: 'Broken' }, 'upstream_error', 502],
  ] as const)('is typed: %j', (body, code, status) => {
    const message = 'message' in body ? body.message : typeof body.error === 'string' ? body.error : body.error.message;
    expect(errorOf(dataFrame(body))).toEqual({ code, status, message });
  });

  it('may be an event of its own, with any data', () => {
    expect(errorOf(Frame.of('event: error\ndata: {"message":"Oops"}\n\n'))).toMatchObject({ code: 'upstream_error', message: 'Oops' });
    expect(errorOf(Frame.of('event: error\ndata: Oops\n\n'))).toMatchObject({ code: 'upstream_error', message: 'Oops' });
  });
});

describe('frames that say nothing', () => {
  it('are passed over', () => {
    for (const text of [': ping\n\n', 'data:\n\n', 'event: ping\ndata: tick\n\n', 'data: {"unknown":1}\n\n', 'data: {"error":null}\n\n']) {
      expect(readFrames([Frame.of(text)])).toEqual([]);
    }
  });

  it('are refused where they are no part of this protocol', () => {
    for (const text of ['data: <html>\n\n', 'data: 7\n\n', 'event: message\ndata: hello\n\n']) {
      expect(() => readFrames([Frame.of(text)])).toThrow(expect.objectContaining({ code: 'upstream_invalid' }));
    }
  });

  it('are hidden where they are there for usage alone', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 2 };
    const only = (payload: JsonObject) => openaiChat.isUsageOnly(dataFrame(payload));
    expect(only({ id: 'r', choices: [], usage, obfuscation: 'x' })).toBe(true);
    expect(openaiChat.isUsageOnly(Frame.of(`data:{"usage" : {"a":1}, "choices":[ ]}\r\n\r\n`))).toBe(true);
    expect(only({ choices: [{ index: 0, delta: {} }], usage })).toBe(false);
    expect(only({ choices: [], usage: null })).toBe(false);
    expect(only({ choices: [], usage, prompt_filter_results: [{}] })).toBe(false);
    expect(only({ choices: [], prompt_filter_results: [] })).toBe(false);
    expect(openaiChat.isUsageOnly(dataFrame('[DONE]'))).toBe(false);
  });
});
