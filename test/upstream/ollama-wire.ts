import { type Answer, type Piece, textOf } from './answer.ts';
import type { Wire } from './wire.ts';

/** Lines of JSON as https://docs.ollama.com/api/chat shows them: calls are whole, their arguments objects. */
export const ollamaWire: Wire = {
  path: '/api/chat',
  contentType: 'application/x-ndjson',
  streamsByDefault: true,
  terminator: '',
  frames,
  whole: (answer) => ({
    ...head(answer),
    message: {
      role: 'assistant',
      content: textOf(answer),
      ...(thinking(answer) === '' ? {} : { thinking: thinking(answer) }),
      ...(calls(answer).length === 0 ? {} : { tool_calls: calls(answer) }),
    },
    ...last(answer),
  }),
  error: (_status, text) => ({ error: text }),
  errorFrame: (text) => `${JSON.stringify({ error: text })}\n`,
};

const head = ({ model }: Answer) => ({ model, created_at: '2026-11-21T12:00:00.123456Z' });

const thinking = ({ pieces }: Answer) => pieces.flatMap((piece) => (piece.type === 'thinking' ? piece.deltas : [])).join('');

const calls = ({ pieces }: Answer) =>
  pieces.flatMap((piece) =>
    piece.type === 'tool' ? [{ id: piece.id, function: { name: piece.name, arguments: JSON.parse(piece.deltas.join('')) as object } }] : [],
  );

const last = ({ finish, usage: { kind, input, output } }: Answer) => ({
  done: true,
  done_reason: finish === 'length' ? 'length' : 'stop',
  total_duration: 5_000_000,
  load_duration: 1_000_000,
  ...(kind === 'absent' ? {} : { prompt_eval_count: input, prompt_eval_duration: 2_000_000, eval_count: output, eval_duration: 3_000_000 }),
});

function frames(answer: Answer): string[] {
  const line = (fields: object) => `${JSON.stringify({ ...head(answer), ...fields })}\n`;
  const say = (message: object) => line({ message: { role: 'assistant', content: '', ...message }, done: false });
  return [
    ...answer.pieces.flatMap((piece) => said(piece).map(say)),
    ...calls(answer).map((call) => say({ tool_calls: [call] })),
    line({ message: { role: 'assistant', content: '' }, ...last(answer) }),
  ];
}

function said(piece: Piece): object[] {
  if (piece.type === 'tool') return [];
  return piece.deltas.map((text) => (piece.type === 'text' ? { content: text } : { thinking: text }));
}
