import { cut, data, USAGE } from './cut.mjs';

/** https://platform.openai.com/docs/api-reference/chat. Thoughts are not said in it. */
export const openaiChat = {
  dialect: 'openai-chat',
  matches: (path) => path === '/chat/v1/chat/completions',
  streams: (_path, body) => body.stream === true,
  tools: ({ tools = [] }) => tools.map((tool) => tool.function?.name),
  told({ messages }) {
    const last = messages.at(-1);
    if (last.role !== 'tool') return undefined;
    return typeof last.content === 'string' ? last.content : last.content.map(({ text = '' }) => text).join('');
  },
  answer({ model, stream_options }, { text, call }, stream) {
    const base = { id: 'chatcmpl_1', created: 1_795_000_000, model };
    const usage = { prompt_tokens: USAGE.input, completion_tokens: USAGE.output, total_tokens: USAGE.input + USAGE.output };
    const finish_reason = call === undefined ? 'stop' : 'tool_calls';
    const args = JSON.stringify(call?.input);
    if (!stream) {
      const whole = call === undefined ? { content: text } : { content: null, tool_calls: [opened(call, args)] };
      const message = { role: 'assistant', ...whole };
      return [JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage })];
    }
    const deltas =
      call === undefined
        ? cut(text).map((content) => ({ content }))
        : [
            { tool_calls: [{ index: 0, ...opened(call, '') }] },
            ...cut(args).map((piece) => ({ tool_calls: [{ index: 0, function: { arguments: piece } }] })),
          ];
    const chunk = (delta, reason = null) =>
      data({ ...base, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: reason }] });
    const counted = stream_options?.include_usage ? [data({ ...base, object: 'chat.completion.chunk', choices: [], usage })] : [];
    return [
      chunk({ role: 'assistant', content: '' }),
      ...deltas.map((delta) => chunk(delta)),
      chunk({}, finish_reason),
      ...counted,
      'data: [DONE]\n\n',
    ];
  },
};

const opened = ({ name }, args) => ({ id: 'call_1', type: 'function', function: { name, arguments: args } });
