import type { Answer, Piece } from './answer.ts';
import type { Wire } from './wire.ts';

/** Responses as https://platform.openai.com/docs/api-reference/responses-streaming shows it on the wire. */
export const responsesWire: Wire = {
  path: '/v1/responses',
  terminator: '',
  frames,
  whole: (answer) => response(answer, statusOf(answer), answer.pieces.map(item)),
  error: (status, text, type) => ({
    error: { message: text, type: type ?? (status === 429 ? 'rate_limit_error' : 'server_error'), param: null, code: null },
  }),
  errorFrame: (text, type) => frame({ type: 'error', sequence_number: 99, code: type ?? 'server_error', message: text, param: null }),
};

const CREATED = 1_795_000_000;
type Fields = { readonly [field: string]: unknown };
const frame = (event: Fields) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
const statusOf = ({ finish }: Answer) => (finish === 'length' ? 'incomplete' : 'completed');

function response(answer: Answer, status: string, output: readonly object[]): object {
  const { kind, input, output: spoken } = answer.usage;
  const isOver = status !== 'in_progress';
  return {
    id: `resp_${answer.id}`,
    object: 'response',
    created_at: CREATED,
    status,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: null,
    metadata: {},
    model: answer.model,
    output,
    parallel_tool_calls: true,
    temperature: 1,
    tool_choice: 'auto',
    tools: [],
    top_p: 1,
    usage:
      !isOver || kind === 'absent'
        ? null
        : {
            input_tokens: input,
            input_tokens_details: { cached_tokens: 0 },
            output_tokens: spoken,
            output_tokens_details: { reasoning_tokens: 0 },
            total_tokens: input + spoken,
          },
  };
}

/** An item as it is at its end. */
function item(piece: Piece, index: number): Fields & { readonly id: string } {
  const whole = piece.deltas.join('');
  switch (piece.type) {
    case 'text': {
      const content = [{ type: 'output_text', text: whole, annotations: [], logprobs: [] }];
      return { id: `msg_${index}`, type: 'message', status: 'completed', role: 'assistant', content };
    }
    case 'thinking': {
      const summary = [{ type: 'summary_text', text: whole }];
      return { id: `rs_${index}`, type: 'reasoning', summary, encrypted_content: piece.signature };
    }
    case 'tool':
      return { id: `fc_${index}`, type: 'function_call', status: 'completed', call_id: piece.id, name: piece.name, arguments: whole };
  }
}

const EMPTY = {
  text: { content: [], status: 'in_progress' },
  thinking: { summary: [], encrypted_content: null },
  tool: { arguments: '', status: 'in_progress' },
};

/** The events between the start and the end of an item. */
function said(piece: Piece, id: string, index: number): Fields[] {
  const whole = piece.deltas.join('');
  const at = { item_id: id, output_index: index };
  switch (piece.type) {
    case 'text': {
      const part = (text: string) => ({ type: 'output_text', text, annotations: [], logprobs: [] });
      const place = { ...at, content_index: 0 };
      return [
        { type: 'response.content_part.added', ...place, part: part('') },
        ...piece.deltas.map((delta) => ({ type: 'response.output_text.delta', ...place, delta, logprobs: [], obfuscation: 'x7' })),
        { type: 'response.output_text.done', ...place, text: whole, logprobs: [] },
        { type: 'response.content_part.done', ...place, part: part(whole) },
      ];
    }
    case 'thinking': {
      const place = { ...at, summary_index: 0 };
      return [
        { type: 'response.reasoning_summary_part.added', ...place, part: { type: 'summary_text', text: '' } },
        ...piece.deltas.map((delta) => ({ type: 'response.reasoning_summary_text.delta', ...place, delta })),
        { type: 'response.reasoning_summary_text.done', ...place, text: whole },
        { type: 'response.reasoning_summary_part.done', ...place, part: { type: 'summary_text', text: whole } },
      ];
    }
    case 'tool':
      return [
        ...piece.deltas.map((delta) => ({ type: 'response.function_call_arguments.delta', ...at, delta })),
        { type: 'response.function_call_arguments.done', ...at, arguments: whole },
      ];
  }
}

/** Usage stands in the last event, whatever is scripted of it otherwise. */
function frames(answer: Answer): string[] {
  const items = answer.pieces.map(item);
  const status = statusOf(answer);
  const begun = response(answer, 'in_progress', []);
  const events: Fields[] = [
    { type: 'response.created', response: begun },
    { type: 'response.in_progress', response: begun },
    ...answer.pieces.flatMap((piece, index) => {
      const whole = items[index] ?? { id: '' };
      return [
        { type: 'response.output_item.added', output_index: index, item: { ...whole, ...EMPTY[piece.type] } },
        ...said(piece, whole.id, index),
        { type: 'response.output_item.done', output_index: index, item: whole },
      ];
    }),
    { type: `response.${status}`, response: response(answer, status, items) },
  ];
  return events.map(({ type, ...fields }, sequence_number) => frame({ type, sequence_number, ...fields }));
}
