import { EventStreamCodec } from '@smithy/eventstream-codec';
import type { Answer, Piece } from './answer.ts';

const codec = new EventStreamCodec(
  (bytes) => (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString()),
  (text) => Buffer.from(text),
);

/** With padding, as Bedrock sends it. */
export function message(type: string, payload: object, kind: 'event' | 'exception' = 'event'): Uint8Array {
  return codec.encode({
    headers: {
      [`:${kind}-type`]: { type: 'string', value: type },
      ':content-type': { type: 'string', value: 'application/json' },
      ':message-type': { type: 'string', value: kind },
    },
    body: Buffer.from(JSON.stringify({ ...payload, p: 'abcdefghijk' })),
  });
}

/** A server-sent event of Anthropic's as InvokeModel wraps it. */
export function chunk(frame: string): Uint8Array {
  const data = /^data: (.*)$/m.exec(frame)?.[1] ?? '';
  return message('chunk', { bytes: Buffer.from(data).toString('base64') });
}

const STOP = { stop: 'end_turn', length: 'max_tokens', 'tool-calls': 'tool_use' } as const;
const usage = ({ kind, input, output }: Answer['usage']) =>
  kind === 'absent'
    ? {}
    : {
        usage: {
          inputTokens: input,
          outputTokens: output,
          totalTokens: input + output + 3,
          cacheReadInputTokens: 2,
          cacheWriteInputTokens: 1,
        },
      };

function block(piece: Piece): object {
  const text = piece.deltas.join('');
  if (piece.type === 'text') return { text };
  if (piece.type === 'thinking') return { reasoningContent: { reasoningText: { text, signature: piece.signature } } };
  return { toolUse: { toolUseId: piece.id, name: piece.name, input: JSON.parse(text) as unknown } };
}

export const whole = (answer: Answer) => ({
  metrics: { latencyMs: 12 },
  output: { message: { role: 'assistant', content: answer.pieces.map(block) } },
  stopReason: STOP[answer.finish],
  ...usage(answer.usage),
});

export function events(answer: Answer): [type: string, payload: object][] {
  const content = answer.pieces.flatMap((piece, contentBlockIndex): [string, object][] => {
    const delta = (value: object): [string, object] => ['contentBlockDelta', { contentBlockIndex, delta: value }];
    const stop: [string, object] = ['contentBlockStop', { contentBlockIndex }];
    if (piece.type === 'text') return [...piece.deltas.map((text) => delta({ text })), stop];
    if (piece.type === 'thinking') {
      const said = piece.deltas.map((text) => delta({ reasoningContent: { text } }));
      return [...said, delta({ reasoningContent: { signature: piece.signature } }), stop];
    }
    const start: [string, object] = [
      'contentBlockStart',
      { contentBlockIndex, start: { toolUse: { toolUseId: piece.id, name: piece.name } } },
    ];
    return [start, ...piece.deltas.map((input) => delta({ toolUse: { input } })), stop];
  });
  return [
    ['messageStart', { role: 'assistant' }],
    ...content,
    ['messageStop', { stopReason: STOP[answer.finish] }],
    ['metadata', { ...usage(answer.usage), metrics: { latencyMs: 12 } }],
  ];
}
