import type { Answer, Piece } from './answer.ts';
import type { Wire } from './wire.ts';

/** Version 2 of Cohere's chat as https://docs.cohere.com/reference/chat-stream shows it on the wire. */
export const cohereWire: Wire = {
  path: '/v2/chat',
  // The end of every stream differs by its reason and usage.
  terminator: '',
  frames,
  whole: (answer) => ({
    id: answer.id,
    message: {
      role: 'assistant',
      ...(hasTools(answer) ? { tool_plan: texts(answer) } : { content: answer.pieces.flatMap(block) }),
      ...(hasTools(answer) ? { tool_calls: answer.pieces.flatMap(call) } : {}),
    },
    ...end(answer),
  }),
  error: (_status, text) => ({ id: 'scripted', message: text }),
  errorFrame: (text) => event({ type: 'message-end', delta: { finish_reason: 'ERROR', error: text } }),
};

const FINISH = { stop: 'COMPLETE', length: 'MAX_TOKENS', 'tool-calls': 'TOOL_CALL' } as const;
const event = (value: { readonly type: string; readonly [field: string]: unknown }) =>
  `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;

const hasTools = ({ pieces }: Answer) => pieces.some(({ type }) => type === 'tool');
const texts = ({ pieces }: Answer) => pieces.flatMap((piece) => (piece.type === 'text' ? piece.deltas : [])).join('');

function block(piece: Piece): object[] {
  const whole = piece.deltas.join('');
  if (piece.type === 'tool') return [];
  return [piece.type === 'text' ? { type: 'text', text: whole } : { type: 'thinking', thinking: whole }];
}

const call = (piece: Piece): object[] =>
  piece.type === 'tool' ? [{ id: piece.id, type: 'function', function: { name: piece.name, arguments: piece.deltas.join('') } }] : [];

/** What is billed leaves out what the vendor puts around a prompt. */
function end({ finish, usage: { kind, input, output } }: Answer) {
  const billed = { input_tokens: input, output_tokens: output };
  return {
    finish_reason: FINISH[finish],
    ...(kind === 'absent'
      ? {}
      : { usage: { billed_units: billed, tokens: { input_tokens: input + 500, output_tokens: output + 3 }, cached_tokens: 448 } }),
  };
}

function frames(answer: Answer): string[] {
  const inPlan = hasTools(answer);
  let toolIndex = 0;
  const content = answer.pieces.flatMap((piece, index) => {
    if (piece.type === 'tool') return toolFrames(piece, toolIndex++);
    if (piece.type === 'text' && inPlan) {
      return piece.deltas.map((text) => event({ type: 'tool-plan-delta', delta: { message: { tool_plan: text } } }));
    }
    const field = piece.type === 'text' ? 'text' : 'thinking';
    const delta = (type: string, fields: object) => event({ type, index, delta: { message: { content: fields } } });
    return [
      delta('content-start', { type: field, [field]: '' }),
      ...piece.deltas.map((text) => delta('content-delta', { [field]: text })),
      event({ type: 'content-end', index }),
    ];
  });
  const message = { role: 'assistant', content: [], tool_plan: '', tool_calls: [], citations: [] };
  return [
    event({ type: 'message-start', id: answer.id, delta: { message } }),
    ...content,
    event({ type: 'message-end', delta: end(answer) }),
  ];
}

function toolFrames({ id, name, deltas }: Piece & { readonly type: 'tool' }, index: number): string[] {
  const tool = (type: string, calls: object) => event({ type, index, delta: { message: { tool_calls: calls } } });
  return [
    tool('tool-call-start', { id, type: 'function', function: { name, arguments: '' } }),
    ...deltas.map((text) => tool('tool-call-delta', { function: { arguments: text } })),
    event({ type: 'tool-call-end', index }),
  ];
}
