import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { GatewayError } from '../../core/errors.ts';
import { FrameSplitter } from '../../core/sse.ts';
import { bedrock } from './index.ts';

const options = { id: 'req_1', model: 'm', created: 1_800_000_000, wantsUsage: true };
const choice = 0;

function events(chunks: readonly ChatChunk[]) {
  const writer = bedrock.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  const frames = new FrameSplitter().push(new TextEncoder().encode(text));
  return { events: frames.map(({ event, data }) => [event, JSON.parse(data ?? '')]), loss: [...writer.loss] };
}

const END: readonly ChatChunk[] = [
  { type: 'usage', usage: { input: 10, output: 4, cacheRead: 3, cacheWrite: 2 } },
  { type: 'finish', choice, reason: 'stop' },
  { type: 'end' },
];

describe('a stream written for clients of Bedrock', () => {
  it('begins texts without a start, ends every block, and says the end and its cost last', () => {
    const written = events([
      { type: 'start', id: 'x', model: 'y' },
      { type: 'thinking', part: 0, choice, text: 'Hm.' },
      { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'bedrock' },
      { type: 'text', part: 1, choice, text: 'A' },
      { type: 'text', part: 1, choice, text: '' },
      { type: 'tool-call', part: 2, choice, id: 't', name: 'f' },
      { type: 'tool-input', part: 2, choice, text: '{}' },
      ...END,
    ]);
    expect(written).toEqual({
      events: [
        ['messageStart', { role: 'assistant' }],
        ['contentBlockDelta', { delta: { reasoningContent: { text: 'Hm.' } }, contentBlockIndex: 0 }],
        ['contentBlockDelta', { delta: { reasoningContent: { signature: 'c2ln' } }, contentBlockIndex: 0 }],
        ['contentBlockStop', { contentBlockIndex: 0 }],
        ['contentBlockDelta', { delta: { text: 'A' }, contentBlockIndex: 1 }],
        ['contentBlockStop', { contentBlockIndex: 1 }],
        ['contentBlockStart', { start: { toolUse: { toolUseId: 't', name: 'f' } }, contentBlockIndex: 2 }],
        ['contentBlockDelta', { delta: { toolUse: { input: '{}' } }, contentBlockIndex: 2 }],
        ['contentBlockStop', { contentBlockIndex: 2 }],
        ['messageStop', { stopReason: 'end_turn' }],
        [
          'metadata',
          {
            usage: { inputTokens: 5, outputTokens: 4, totalTokens: 14, cacheReadInputTokens: 3, cacheWriteInputTokens: 2 },
            metrics: { latencyMs: 0 },
          },
        ],
      ],
      loss: [],
    });
  });

  it('keeps calls side by side open, since their arguments may come by turns', () => {
    const { events: written } = events([
      { type: 'tool-call', part: 0, choice, id: 'a', name: 'f' },
      { type: 'tool-call', part: 1, choice, id: 'b', name: 'g' },
      { type: 'tool-input', part: 0, choice, text: '{"x":' },
      { type: 'tool-input', part: 1, choice, text: '{}' },
      { type: 'tool-input', part: 0, choice, text: '1}' },
      ...END,
    ]);
    const inputs = written.flatMap(([type, payload]) =>
      type === 'contentBlockDelta' ? [[payload.contentBlockIndex, payload.delta.toolUse.input]] : [],
    );
    expect(inputs).toEqual([
      [0, '{"x":'],
      [1, '{}'],
      [0, '1}'],
    ]);
    expect(written.filter(([type]) => type === 'contentBlockStop')).toHaveLength(2);
  });

  it('says nothing of an end that was not reached', () => {
    const { events: written } = events([{ type: 'text', part: 0, choice, text: 'A' }, ...END.slice(0, -1)]);
    expect(written.map(([type]) => type)).toEqual(['messageStart', 'contentBlockDelta', 'contentBlockStop']);
  });

  it.each([
    [new GatewayError('upstream_interrupted', 'Cut.'), 'modelStreamErrorException'],
    [new GatewayError('upstream_rate_limited', 'Slow.'), 'throttlingException'],
    [new GatewayError('upstream_overloaded', 'Full.'), 'serviceUnavailableException'],
    [new GatewayError('internal', 'Oh.'), 'internalServerException'],
    [new GatewayError('content_refused', 'No.'), 'validationException'],
  ])('ends in the exception of its kind: $code', (error, type) => {
    const { events: written } = events([{ type: 'text', part: 0, choice, text: 'A' }, { type: 'error', error }, ...END]);
    expect(written.at(-1)).toEqual([type, expect.objectContaining({ message: error.message, weirCode: error.code })]);
    expect(written).toHaveLength(3);
  });

  it('names what it has no words for', () => {
    const raw: ChatChunk = { type: 'raw', dialect: 'anthropic', name: 'server_tool_use', value: {} };
    const usage: ChatChunk = { type: 'usage', usage: { input: 1, output: 9, reasoning: 5 } };
    const second: ChatChunk = { type: 'text', part: 1, choice: 1, text: 'B' };
    const { events: written, loss } = events([raw, second, usage, { type: 'finish', choice, reason: 'pause' }, { type: 'end' }]);
    expect(new Set(loss)).toEqual(new Set(['server_tool_use', 'n', 'usage.reasoning_tokens', 'finish_reason']));
    expect(written.find(([type]) => type === 'messageStop')?.[1]).toEqual({ stopReason: 'end_turn' });
  });
});

describe('a JSON answer', () => {
  it('holds the same, with arguments as objects', () => {
    const { body, loss } = bedrock.writeReply(
      [
        { type: 'thinking', part: 0, choice, text: 'Hm.' },
        { type: 'signature', part: 0, choice, signature: 'c2ln', issuer: 'bedrock' },
        { type: 'text', part: 1, choice, text: 'A' },
        { type: 'text', part: 1, choice, text: 'B' },
        { type: 'tool-call', part: 2, choice, id: 't', name: 'f' },
        { type: 'tool-input', part: 2, choice, text: '{"x":' },
        { type: 'tool-input', part: 2, choice, text: '1}' },
        { type: 'tool-call', part: 3, choice, id: '', name: 'g', custom: true },
        { type: 'tool-input', part: 3, choice, text: 'plain' },
        { type: 'usage', usage: { input: 3, output: 2, cacheWrite: 2, cacheWrite1h: 1 } },
        { type: 'finish', choice, reason: 'tool-calls' },
        { type: 'end' },
      ],
      options,
    );
    expect(loss).toEqual(['tool_calls.custom']);
    expect(body).toEqual({
      output: {
        message: {
          role: 'assistant',
          content: [
            { reasoningContent: { reasoningText: { text: 'Hm.', signature: 'c2ln' } } },
            { text: 'AB' },
            { toolUse: { toolUseId: 't', name: 'f', input: { x: 1 } } },
            { toolUse: { toolUseId: 'tooluse_req_1_3', name: 'g', input: { input: 'plain' } } },
          ],
        },
      },
      stopReason: 'tool_use',
      usage: {
        inputTokens: 1,
        outputTokens: 2,
        totalTokens: 5,
        cacheWriteInputTokens: 2,
        cacheDetails: [
          { ttl: '1h', inputTokens: 1 },
          { ttl: '5m', inputTokens: 1 },
        ],
      },
      metrics: { latencyMs: 0 },
    });
  });

  it('is none where an error stands in it', () => {
    const error = new GatewayError('upstream_interrupted', 'Cut.');
    expect(() =>
      bedrock.writeReply(
        [
          { type: 'text', part: 0, choice, text: 'A' },
          { type: 'error', error },
        ],
        options,
      ),
    ).toThrow(error);
  });
});
