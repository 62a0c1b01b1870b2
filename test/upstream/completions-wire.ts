import { type Answer, textOf } from './answer.ts';
import { openaiWire } from './openai-wire.ts';
import type { Wire } from './wire.ts';

/** Completions as https://platform.openai.com/docs/api-reference/completions shows them on the wire. */
export const completionsWire: Wire = {
  path: '/v1/completions',
  terminator: 'data: [DONE]\n\n',
  frames,
  whole: (answer) => ({
    ...head(answer),
    choices: [{ text: textOf(answer), index: 0, logprobs: null, finish_reason: FINISH[answer.finish] }],
    ...(answer.usage.kind === 'absent' ? {} : { usage: usage(answer) }),
  }),
  error: openaiWire.error,
  errorFrame: openaiWire.errorFrame,
};

const FINISH = { stop: 'stop', length: 'length', 'tool-calls': 'stop' } as const;
const head = ({ id, model }: Answer) => ({ id, object: 'text_completion', created: 1_795_000_000, model });
const usage = ({ usage: { input, output } }: Answer) => ({ prompt_tokens: input, completion_tokens: output, total_tokens: input + output });

/** The last text comes with the reason why it is the last. */
function frames(answer: Answer, asksUsage: boolean): string[] {
  const line = (fields: object) => `data: ${JSON.stringify({ ...head(answer), ...fields })}\n\n`;
  const deltas = answer.pieces.flatMap((piece) => (piece.type === 'text' ? piece.deltas : []));
  const said = deltas.map((text, at) =>
    line({ choices: [{ text, index: 0, logprobs: null, finish_reason: at === deltas.length - 1 ? FINISH[answer.finish] : null }] }),
  );
  return [
    ...said,
    ...(asksUsage && answer.usage.kind !== 'absent' ? [line({ choices: [], usage: usage(answer) })] : []),
    completionsWire.terminator,
  ];
}
