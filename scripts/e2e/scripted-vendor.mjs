import { createServer } from 'node:http';
import { listening } from './scratch.mjs';

// A vendor that plays one tool round trip in either dialect: it first asks for the file to be written, and when it is
// told that this was done, it says so. Its frames are written here by hand, apart from the gateway's own codecs.

export const FINAL = 'The file is written.';

/**
 * @param {{ file_path: string, content: string }} input What the tool `Write` is to be called with.
 * @returns {Promise<{ origin: string, calls: object[], stop: () => void }>} `calls` are the bodies that came.
 */
export async function scriptedVendor(input) {
  const calls = [];
  const server = createServer(async (request, response) => {
    const text = Buffer.concat(await request.toArray()).toString();
    const dialect = dialects[new URL(request.url, 'http://vendor').pathname];
    if (request.method !== 'POST' || dialect === undefined) {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"type":"error","error":{"type":"not_found_error","message":"no"}}');
      return;
    }
    const body = JSON.parse(text);
    const asks = body.tools?.some((tool) => (tool.name ?? tool.function?.name) === 'Write') === true;
    const told = dialect.result(body);
    calls.push({ dialect: dialect.name, stream: body.stream === true, asks, told, body });
    const answer = asks && told === undefined ? dialect.tool(body, input) : dialect.text(body, FINAL);
    response.writeHead(200, { 'content-type': body.stream ? 'text/event-stream' : 'application/json' });
    for (const piece of answer) {
      response.write(piece);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    response.end();
  });
  return { ...(await listening(server)), calls };
}

const event = (value) => `event: ${value.type}\ndata: ${JSON.stringify(value)}\n\n`;
const data = (value) => `data: ${JSON.stringify(value)}\n\n`;
const pieces = (text) => text.match(/.{1,7}/gs) ?? [];

const anthropic = {
  name: 'anthropic',
  /** The result of a tool in the last message. */
  result: ({ messages }) => {
    const content = messages.at(-1)?.content;
    return Array.isArray(content) ? content.find(({ type }) => type === 'tool_result')?.content : undefined;
  },
  tool: (body, input) =>
    anthropicAnswer(
      body,
      'tool_use',
      { type: 'tool_use', id: 'toolu_1', name: 'Write', input },
      { type: 'tool_use', id: 'toolu_1', name: 'Write', input: {} },
      (text) => ({ type: 'input_json_delta', partial_json: text }),
      JSON.stringify(input),
    ),
  text: (body, text) =>
    anthropicAnswer(
      body,
      'end_turn',
      { type: 'text', text },
      { type: 'text', text: '' },
      (piece) => ({ type: 'text_delta', text: piece }),
      text,
    ),
};

function anthropicAnswer({ model, stream }, stop_reason, whole, begun, delta, text) {
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model, stop_sequence: null };
  const usage = { input_tokens: 21, output_tokens: 7 };
  if (stream !== true) return [JSON.stringify({ ...message, content: [whole], stop_reason, usage })];
  return [
    event({ type: 'message_start', message: { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } } }),
    event({ type: 'content_block_start', index: 0, content_block: begun }),
    ...pieces(text).map((piece) => event({ type: 'content_block_delta', index: 0, delta: delta(piece) })),
    event({ type: 'content_block_stop', index: 0 }),
    event({ type: 'message_delta', delta: { stop_reason, stop_sequence: null }, usage }),
    event({ type: 'message_stop' }),
  ];
}

const openai = {
  name: 'openai-chat',
  result: ({ messages }) => {
    const last = messages.at(-1);
    return last?.role === 'tool' ? last.content : undefined;
  },
  tool: (body, input) => {
    const call = (text) => ({ index: 0, function: { arguments: text } });
    const text = JSON.stringify(input);
    const whole = { tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'Write', arguments: text } }] };
    const first = { tool_calls: [{ index: 0, id: 'call_1', type: 'function', function: { name: 'Write', arguments: '' } }] };
    return openaiAnswer(body, 'tool_calls', whole, [first, ...pieces(text).map((piece) => ({ tool_calls: [call(piece)] }))]);
  },
  text: (body, text) =>
    openaiAnswer(
      body,
      'stop',
      { content: text },
      pieces(text).map((content) => ({ content })),
    ),
};

function openaiAnswer({ model, stream, stream_options }, finish_reason, whole, deltas) {
  const base = { id: 'chatcmpl_1', created: 1_795_000_000, model };
  const usage = { prompt_tokens: 21, completion_tokens: 7, total_tokens: 28 };
  if (stream !== true) {
    const message = { role: 'assistant', content: null, ...whole };
    return [JSON.stringify({ ...base, object: 'chat.completion', choices: [{ index: 0, message, finish_reason }], usage })];
  }
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
}

const dialects = { '/v1/messages': anthropic, '/v1/chat/completions': openai };
