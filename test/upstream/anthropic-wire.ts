import type { Answer, Piece } from './answer.ts';
import type { Wire } from './wire.ts';

/** Messages as https://platform.claude.com/docs/en/api/messages-streaming shows it on the wire. */
export const anthropicWire: Wire = {
  path: '/v1/messages',
  terminator: 'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  frames,
  whole: (answer) => ({ ...head(answer), content: answer.pieces.map(block), stop_reason: STOP[answer.finish], usage: usage(answer.usage) }),
  error: (status, text, type) => ({
    type: 'error',
    error: { type: type ?? (status === 429 ? 'rate_limit_error' : 'api_error'), message: text },
    request_id: 'req_scripted',
  }),
  errorFrame: (text, type) => event({ type: 'error', error: { type: type ?? 'api_error', message: text } }),
};

const STOP = { stop: 'end_turn', length: 'max_tokens', 'tool-calls': 'tool_use' } as const;
const event = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

const usage = ({ kind, input, output }: Answer['usage']) => ({
  ...(kind === 'absent' ? {} : { input_tokens: input, cache_creation_input_tokens: 0, cache_read_input_tokens: 0, output_tokens: output }),
});

const head = (answer: Answer) => ({
  id: answer.id,
  type: 'message',
  role: 'assistant',
  model: answer.model,
  content: [] as object[],
  stop_reason: null as string | null,
  stop_sequence: null,
});

function block(piece: Piece): object {
  const whole = piece.deltas.join('');
  switch (piece.type) {
    case 'text':
      return { type: 'text', text: whole };
    case 'thinking':
      return { type: 'thinking', thinking: whole, signature: piece.signature };
    case 'tool':
      return { type: 'tool_use', id: piece.id, name: piece.name, input: JSON.parse(whole) };
  }
}

function emptyBlock(piece: Piece): object {
  switch (piece.type) {
    case 'text':
      return { type: 'text', text: '' };
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'tool':
      return { type: 'tool_use', id: piece.id, name: piece.name, input: {} };
  }
}

function delta(piece: Piece, text: string): object {
  switch (piece.type) {
    case 'text':
      return { type: 'text_delta', text };
    case 'thinking':
      return { type: 'thinking_delta', thinking: text };
    case 'tool':
      return { type: 'input_json_delta', partial_json: text };
  }
}

function frames(answer: Answer): string[] {
  const { kind, input, output } = answer.usage;
  const content = answer.pieces.flatMap((piece, index) => [
    event({ type: 'content_block_start', index, content_block: emptyBlock(piece) }),
    ...piece.deltas.map((text) => event({ type: 'content_block_delta', index, delta: delta(piece, text) })),
    ...(piece.type === 'thinking'
      ? [event({ type: 'content_block_delta', index, delta: { type: 'signature_delta', signature: piece.signature } })]
      : []),
    event({ type: 'content_block_stop', index }),
  ]);
  const atStart =
    kind === 'absent' ? {} : kind === 'first' ? { input_tokens: input, output_tokens: output } : { input_tokens: input, output_tokens: 1 };
  const messageDelta = (tokens: number) => ({
    type: 'message_delta',
    delta: { stop_reason: STOP[answer.finish], stop_sequence: null },
    ...(kind === 'absent' || kind === 'first' ? { usage: {} } : { usage: { output_tokens: tokens } }),
  });
  const twice = kind === 'twice' ? [event({ ...messageDelta(1), delta: { stop_reason: null, stop_sequence: null } })] : [];
  return [
    event({ type: 'message_start', message: { ...head(answer), usage: atStart } }),
    event({ type: 'ping' }),
    ...content,
    ...twice,
    event(messageDelta(output)),
    anthropicWire.terminator,
  ];
}
