import { createServer } from 'node:net';

// A scripted OpenAI-compatible upstream on raw sockets, so that it and the load generator can share one core without
// becoming what is measured. The model's name picks the answer: `json` (about 600 bytes), `slow-N` (the same after N ms),
// `burst-N` (N events as fast as the socket takes them, one write each) and `paced-N` (N events, 10 ms apart). It prints
// its port as one line.

const PACE_MS = 10;
const crlf = '\r\n\r\n';

const chunked = (text) => Buffer.from(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`);
const event = (body) => chunked(`data: ${JSON.stringify(body)}\n\n`);
const chunk = (model, choices, usage) => ({
  id: 'chatcmpl-bench00000000000000000000000',
  object: 'chat.completion.chunk',
  created: 1790000000,
  model,
  choices,
  ...usage,
});

/** The whole stream as one buffer a write, as OpenAI frames it: with `include_usage` every chunk has a `usage`. */
function script(model, events, usage) {
  const none = usage ? { usage: null } : {};
  const delta = (content, finish_reason = null) => [{ index: 0, delta: content, logprobs: null, finish_reason }];
  const words = Array.from({ length: events }, (_, at) => event(chunk(model, delta({ content: ` word${at}` }), none)));
  const end = [event(chunk(model, delta({}, 'stop'), none))];
  const counted = { usage: { prompt_tokens: 31, completion_tokens: events, total_tokens: events + 31 } };
  if (usage) end.push(event(chunk(model, [], counted)));
  return [...words, ...end, chunked('data: [DONE]\n\n'), Buffer.from('0\r\n\r\n')];
}

const scripts = new Map();
function scriptOf(model, events, usage) {
  const name = `${model}|${usage}`;
  const known = scripts.get(name) ?? script(model, events, usage);
  scripts.set(name, known);
  return known;
}

const streamHead = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked${crlf}`);

const answer = JSON.stringify({
  id: 'chatcmpl-bench00000000000000000000000',
  object: 'chat.completion',
  created: 1790000000,
  model: 'json',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content: 'A weir lets a stream through and measures it. '.repeat(5), refusal: null, annotations: [] },
      logprobs: null,
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 31, completion_tokens: 60, total_tokens: 91 },
  system_fingerprint: 'fp_bench',
});
const json = Buffer.from(`HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${answer.length}${crlf}${answer}`);
const refusal = '{"error":{"message":"unknown model","type":"invalid_request_error","code":"model_not_found"}}';
const unknown = Buffer.from(
  `HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\ncontent-length: ${refusal.length}${crlf}${refusal}`,
);

function stream(socket, writes, events, paced) {
  let at = 0;
  socket.write(streamHead);
  const next = () => {
    if (socket.destroyed) return;
    socket.write(writes[at]);
    at += 1;
    if (at === writes.length) return;
    // What follows the last word (finish, usage, [DONE]) comes at once, as a vendor's does.
    if (paced && at < events) setTimeout(next, PACE_MS);
    else setImmediate(next);
  };
  next();
}

const toolResult = { content: [{ type: 'text', text: 'A weir lets a stream through and measures it. '.repeat(5) }] };
const said = {
  'server/discover': { supportedVersions: ['2026-07-28'], capabilities: { tools: {} }, ttlMs: 0, cacheScope: 'public' },
  initialize: { protocolVersion: '2025-11-25', capabilities: { tools: {} }, serverInfo: { name: 'bench', version: '1' } },
  'tools/call': toolResult,
};
const accepted = Buffer.from(`HTTP/1.1 202 Accepted\r\ncontent-length: 0${crlf}`);

/** An MCP server of either way: the body tells which it is asked in. */
function respondMcp(socket, body) {
  const method = /"method":\s*"([a-z/]+)"/.exec(body)?.[1];
  const id = /"id":\s*("[^"]*"|\d+)/.exec(body)?.[1];
  if (id === undefined) return socket.write(accepted);
  const isModern = body.includes('io.modelcontextprotocol/protocolVersion');
  const known = method === 'server/discover' && !isModern ? undefined : said[method];
  if (known === undefined) return socket.write(unknown);
  const result = JSON.stringify(isModern ? { resultType: 'complete', ...known } : known);
  const text = `{"jsonrpc":"2.0","id":${id},"result":${result}}`;
  const session = method === 'initialize' ? '\r\nmcp-session-id: 7d1f6a' : '';
  socket.write(`HTTP/1.1 200 OK\r\ncontent-type: application/json${session}\r\ncontent-length: ${text.length}${crlf}${text}`);
}

function respond(socket, body) {
  if (body.includes('"jsonrpc"')) return respondMcp(socket, body);
  const model = /"model":\s*"([a-z0-9-]+)"/.exec(body)?.[1];
  if (model === 'json') return socket.write(json);
  const [, wait] = /^slow-(\d{1,5})$/.exec(model ?? '') ?? [];
  if (wait !== undefined) return setTimeout(() => socket.destroyed || socket.write(json), Number(wait));
  const [, kind, events] = /^(burst|paced)-(\d{1,5})$/.exec(model ?? '') ?? [];
  if (kind === undefined) return socket.write(unknown);
  const usage = /"include_usage":\s*true/.test(body);
  stream(socket, scriptOf(model, Number(events), usage), Number(events), kind === 'paced');
}

/** Where in the buffer the request ends, or `undefined` while a chunked body has not ended. */
function bodyEnd(head, buffer, start) {
  const length = /\ncontent-length:\s*(\d+)/.exec(head)?.[1];
  if (length !== undefined) return start + Number(length);
  if (!/\ntransfer-encoding:\s*chunked/.test(head)) return start;
  const end = buffer.indexOf('0\r\n\r\n', start);
  return end < 0 ? undefined : end + 5;
}

const server = createServer({ noDelay: true }, (socket) => {
  let pieces = [];
  socket.on('error', () => socket.destroy());
  socket.on('data', (piece) => {
    pieces.push(piece);
    const buffer = pieces.length === 1 ? piece : Buffer.concat(pieces);
    pieces = [buffer];
    const headEnd = buffer.indexOf(crlf);
    if (headEnd < 0) return;
    const head = buffer.latin1Slice(0, headEnd).toLowerCase();
    const end = bodyEnd(head, buffer, headEnd + 4);
    if (end === undefined || buffer.length < end) return;
    pieces = [];
    respond(socket, buffer.latin1Slice(headEnd + 4, end));
  });
});
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => process.stdout.write(`${server.address().port}\n`));
