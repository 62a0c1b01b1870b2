import { createServer } from 'node:http';
import { listening } from './scratch.mjs';

// A vendor of Chat Completions and of Anthropic's Messages that answers anything: with a call of the first tool where
// the last word is a person's and there are tools, and with the same sentence otherwise. Its frames are written here by
// hand, apart from the gateway's own codecs.

const SENTENCE = 'One two three.';
const ARGS = { location: 'San Francisco, CA' };
const event = (value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const data = (value) => `data: ${JSON.stringify(value)}\n\n`;
const pieces = (text) => text.match(/.{1,5}/gs) ?? [];

/** @returns {Promise<{ origin: string, stop: () => void }>} */
export async function answeringVendor() {
  const server = createServer(async (request, response) => {
    const body = JSON.parse(Buffer.concat(await request.toArray()).toString() || '{}');
    const answer = answers[new URL(request.url, 'http://vendor').pathname];
    if (request.method !== 'POST' || answer === undefined) return response.writeHead(404).end('{}');
    response.writeHead(200, { 'content-type': body.stream ? 'text/event-stream' : 'application/json' }).end(answer(body));
  });
  return listening(server);
}

const toolOf = (body) => (body.messages.at(-1)?.role === 'user' ? body.tools?.[0] : undefined);

function chat(body) {
  const tool = toolOf(body)?.function.name;
  const head = { id: 'chatcmpl-1', created: 1_795_000_000, model: body.model };
  const usage = { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12 };
  const call = { id: 'call_1', type: 'function', function: { name: tool, arguments: JSON.stringify(ARGS) } };
  const finish_reason = tool === undefined ? 'stop' : 'tool_calls';
  if (!body.stream) {
    const message = {
      role: 'assistant',
      content: tool === undefined ? SENTENCE : null,
      ...(tool === undefined ? {} : { tool_calls: [call] }),
    };
    return JSON.stringify({ ...head, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage });
  }
  const chunk = (delta, finish = null) =>
    data({ ...head, object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason: finish }] });
  const said =
    tool === undefined
      ? pieces(SENTENCE).map((content) => chunk({ content }))
      : [
          chunk({ tool_calls: [{ index: 0, ...call, function: { name: tool, arguments: '' } }] }),
          ...pieces(JSON.stringify(ARGS)).map((text) => chunk({ tool_calls: [{ index: 0, function: { arguments: text } }] })),
        ];
  const counted = data({ ...head, object: 'chat.completion.chunk', choices: [], usage });
  return [chunk({ role: 'assistant', content: '' }), ...said, chunk({}, finish_reason), counted, 'data: [DONE]\n\n'].join('');
}

function messages(body) {
  const tool = toolOf(body)?.name;
  const stop_reason = tool === undefined ? 'end_turn' : 'tool_use';
  const block = tool === undefined ? { type: 'text', text: SENTENCE } : { type: 'tool_use', id: 'toolu_1', name: tool, input: ARGS };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: body.model, stop_sequence: null };
  const usage = { input_tokens: 9, output_tokens: 3 };
  if (!body.stream) return JSON.stringify({ ...message, content: [block], stop_reason, usage });
  const deltas =
    tool === undefined
      ? pieces(SENTENCE).map((text) => ({ type: 'text_delta', text }))
      : pieces(JSON.stringify(ARGS)).map((text) => ({ type: 'input_json_delta', partial_json: text }));
  const empty = tool === undefined ? { ...block, text: '' } : { ...block, input: {} };
  return [
    event({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } }),
    event({ type: 'content_block_start', index: 0, content_block: empty }),
    ...deltas.map((delta) => event({ type: 'content_block_delta', index: 0, delta })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 3 } }),
    event({ type: 'message_stop' }),
  ].join('');
}

const answers = { '/v1/chat/completions': chat, '/v1/messages': messages };
