import { type Answer, textOf } from './answer.ts';
import type { Wire } from './wire.ts';

/** Chat Completions as https://platform.openai.com/docs/api-reference/chat shows it on the wire. */
export const openaiWire: Wire = {
  path: '/v1/chat/completions',
  terminator: 'data: [DONE]\n\n',
  frames,
  whole: (answer) => ({
    id: answer.id,
    object: 'chat.completion',
    created: CREATED,
    model: answer.model,
    choices: [{ index: 0, message: message(answer), logprobs: null, finish_reason: FINISH[answer.finish] }],
    ...(answer.usage.kind === 'absent' ? {} : { usage: usage(answer.usage) }),
    system_fingerprint: 'fp_scripted',
  }),
  error: (status, text, type) => ({
    error: { message: text, type: type ?? (status === 429 ? 'rate_limit_error' : 'server_error'), param: null, code: null },
  }),
  errorFrame: (text, type) =>
    `data: ${JSON.stringify({ error: { message: text, type: type ?? 'server_error', param: null, code: null } })}\n\n`,
};

const CREATED = 1_795_000_000;
const FINISH = { stop: 'stop', length: 'length', 'tool-calls': 'tool_calls' } as const;

const usage = ({ input, output }: { readonly input: number; readonly output: number }) => ({
  prompt_tokens: input,
  completion_tokens: output,
  total_tokens: input + output,
});

function message(answer: Answer) {
  const tools = answer.pieces.filter((piece) => piece.type === 'tool');
  const thinking = answer.pieces.find((piece) => piece.type === 'thinking');
  return {
    role: 'assistant',
    content: textOf(answer) || null,
    refusal: null,
    ...(thinking === undefined ? {} : { reasoning_content: thinking.deltas.join('') }),
    ...(tools.length === 0
      ? {}
      : { tool_calls: tools.map(({ id, name, deltas }) => ({ id, type: 'function', function: { name, arguments: deltas.join('') } })) }),
  };
}

/** The usage chunk comes only to who asks for it. */
function frames(answer: Answer, asksUsage: boolean): string[] {
  const line = (value: object) =>
    `data: ${JSON.stringify({ id: answer.id, object: 'chat.completion.chunk', created: CREATED, model: answer.model, ...value })}\n\n`;
  const delta = (value: object, finish: string | null = null, extra: object = {}) =>
    line({ choices: [{ index: 0, delta: value, finish_reason: finish }], ...extra });
  const script = answer.usage;
  const counted = { usage: usage(script) };
  const said = answer.pieces.flatMap((piece, at) => deltas(piece, answer.pieces.slice(0, at).filter(({ type }) => type === 'tool').length));
  const body = said.map((value, at) => {
    if (script.kind === 'first' && at === 0) return delta(value, null, counted);
    if (script.kind === 'twice') return delta(value, null, { usage: usage({ input: script.input, output: at + 1 }) });
    return delta(value);
  });
  const usageChunk = line({ choices: [], ...counted });
  const shown = asksUsage && (script.kind === 'last' || script.kind === 'twice' || script.kind === 'absurd');
  return [
    delta({ role: 'assistant', content: '' }),
    ...body,
    delta({}, FINISH[answer.finish]),
    ...(shown ? [usageChunk] : []),
    openaiWire.terminator,
    ...(script.kind === 'after-end' ? [usageChunk] : []),
  ];
}

function deltas(piece: Answer['pieces'][number], toolIndex: number): object[] {
  switch (piece.type) {
    case 'text':
      return piece.deltas.map((content) => ({ content }));
    case 'thinking':
      return piece.deltas.map((text) => ({ reasoning_content: text }));
    case 'tool':
      return [
        { tool_calls: [{ index: toolIndex, id: piece.id, type: 'function', function: { name: piece.name, arguments: '' } }] },
        ...piece.deltas.map((text) => ({ tool_calls: [{ index: toolIndex, function: { arguments: text } }] })),
      ];
  }
}
