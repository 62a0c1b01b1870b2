import { cut, event, USAGE } from './cut.mjs';

/** https://platform.openai.com/docs/api-reference/responses */
export const openaiResponses = {
  dialect: 'openai-responses',
  matches: (path) => path === '/responses/v1/responses',
  streams: (_path, body) => body.stream === true,
  tools: ({ tools = [] }) => tools.map(({ name }) => name),
  told({ input }) {
    const last = Array.isArray(input) ? input.at(-1) : undefined;
    if (!/_output$/.test(last?.type ?? '')) return undefined;
    return typeof last.output === 'string' ? last.output : last.output.map(({ text = '' }) => text).join('');
  },
  answer({ model, tools = [], include = [] }, { text, call, thought, signature }, stream) {
    const items = [
      ...(thought === undefined ? [] : [reasoning(thought, include.includes('reasoning.encrypted_content') ? signature : undefined)]),
      call === undefined ? message(text) : functionCall(call),
    ];
    const response = (more) => ({
      id: 'resp_1',
      object: 'response',
      created_at: 1_795_000_000,
      model,
      tools,
      error: null,
      incomplete_details: null,
      status: 'in_progress',
      output: [],
      usage: null,
      ...more,
    });
    const whole = response({ status: 'completed', output: items.map(({ done }) => done), usage });
    if (!stream) return [JSON.stringify(whole)];
    const events = [
      { type: 'response.created', response: response({}) },
      { type: 'response.in_progress', response: response({}) },
      ...items.flatMap(({ begun, said, done }, output_index) => [
        { type: 'response.output_item.added', output_index, item: begun },
        ...said.map((each) => ({ item_id: done.id, output_index, ...each })),
        { type: 'response.output_item.done', output_index, item: done },
      ]),
      { type: 'response.completed', response: whole },
    ];
    return events.map((each, sequence_number) => event({ ...each, sequence_number }));
  },
};

const usage = {
  input_tokens: USAGE.input,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: USAGE.output,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: USAGE.input + USAGE.output,
};

function reasoning(text, encrypted_content) {
  const base = { id: 'rs_1', type: 'reasoning', ...(encrypted_content === undefined ? {} : { encrypted_content }) };
  const part = { type: 'summary_text', text };
  return {
    begun: { ...base, summary: [] },
    done: { ...base, summary: [part] },
    said: [
      { type: 'response.reasoning_summary_part.added', summary_index: 0, part: { ...part, text: '' } },
      ...cut(text).map((delta) => ({ type: 'response.reasoning_summary_text.delta', summary_index: 0, delta })),
      { type: 'response.reasoning_summary_text.done', summary_index: 0, text },
      { type: 'response.reasoning_summary_part.done', summary_index: 0, part },
    ],
  };
}

function message(text) {
  const base = { id: 'msg_1', type: 'message', role: 'assistant' };
  const part = { type: 'output_text', text, annotations: [], logprobs: [] };
  return {
    begun: { ...base, status: 'in_progress', content: [] },
    done: { ...base, status: 'completed', content: [part] },
    said: [
      { type: 'response.content_part.added', content_index: 0, part: { ...part, text: '' } },
      ...cut(text).map((delta) => ({ type: 'response.output_text.delta', content_index: 0, delta, logprobs: [] })),
      { type: 'response.output_text.done', content_index: 0, text, logprobs: [] },
      { type: 'response.content_part.done', content_index: 0, part },
    ],
  };
}

function functionCall({ name, input }) {
  const base = { id: 'fc_1', type: 'function_call', call_id: 'call_1', name };
  const args = JSON.stringify(input);
  return {
    begun: { ...base, status: 'in_progress', arguments: '' },
    done: { ...base, status: 'completed', arguments: args },
    said: [
      ...cut(args).map((delta) => ({ type: 'response.function_call_arguments.delta', delta })),
      { type: 'response.function_call_arguments.done', arguments: args, name },
    ],
  };
}
