import { cut, event, USAGE } from './cut.mjs';

/** https://platform.claude.com/docs/en/api/messages */
export const anthropic = {
  dialect: 'anthropic',
  matches: (path) => path === '/anthropic/v1/messages',
  streams: (_path, body) => body.stream === true,
  tools: ({ tools = [] }) => tools.map(({ name }) => name),
  told({ messages }) {
    const { content } = messages.at(-1);
    const result = Array.isArray(content) ? content.find(({ type }) => type === 'tool_result')?.content : undefined;
    return typeof result === 'object' ? result.map(({ text = '' }) => text).join('') : result;
  },
  answer({ model, thinking }, { text, call, thought, signature }, stream) {
    const message = { id: 'msg_1', type: 'message', role: 'assistant', model, stop_sequence: null };
    const usage = { input_tokens: USAGE.input, output_tokens: USAGE.output };
    // Who did not ask for thinking gets none.
    const thinks = thought !== undefined && thinking !== undefined && thinking.type !== 'disabled';
    const blocks = [...(thinks ? [thoughtBlock(thought, signature)] : []), ...(call === undefined ? [textBlock(text)] : [callBlock(call)])];
    const stop_reason = call === undefined ? 'end_turn' : 'tool_use';
    if (!stream) return [JSON.stringify({ ...message, content: blocks.map(({ whole }) => whole), stop_reason, usage })];
    return [
      event({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }),
      ...blocks.flatMap(({ begun, deltas }, index) => [
        event({ type: 'content_block_start', index, content_block: begun }),
        ...deltas.map((delta) => event({ type: 'content_block_delta', index, delta })),
        event({ type: 'content_block_stop', index }),
      ]),
      event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }),
      event({ type: 'message_stop' }),
    ];
  },
};

const thoughtBlock = (thinking, signature) => ({
  whole: { type: 'thinking', thinking, signature },
  begun: { type: 'thinking', thinking: '', signature: '' },
  deltas: [...cut(thinking).map((piece) => ({ type: 'thinking_delta', thinking: piece })), { type: 'signature_delta', signature }],
});

const textBlock = (text) => ({
  whole: { type: 'text', text },
  begun: { type: 'text', text: '' },
  deltas: cut(text).map((piece) => ({ type: 'text_delta', text: piece })),
});

const callBlock = ({ name, input }) => ({
  whole: { type: 'tool_use', id: 'toolu_1', name, input },
  begun: { type: 'tool_use', id: 'toolu_1', name, input: {} },
  deltas: cut(JSON.stringify(input)).map((partial_json) => ({ type: 'input_json_delta', partial_json })),
});
