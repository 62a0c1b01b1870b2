import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A vendor that keeps the beginnings of prompts, as Anthropic and OpenAI say that they do, each account for itself. */
export interface CachingVendor {
  readonly origin: string;
  /** What it was sent, in order: the text of the body, and the account whose key came with it. */
  readonly asked: readonly { readonly text: string; readonly account: string }[];
  close(): Promise<void>;
}

interface Block {
  readonly type?: string;
  readonly text?: string;
  readonly cache_control?: unknown;
}

interface Call {
  readonly model: string;
  readonly stream?: boolean;
  readonly tools?: readonly Block[];
  readonly system?: string | readonly Block[];
  readonly messages?: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
  readonly prompt_cache_key?: string;
}

/** Tokens to a character: nothing hangs on it but that longer texts have more. */
const tokensOf = (text: string) => Math.ceil(text.length / 4);

/** Blocks before a breakpoint among which an earlier one is looked for: docs.claude.com, "Prompt caching". */
const LOOKBACK = 20;

export async function startCachingVendor(): Promise<CachingVendor> {
  const asked: { readonly text: string; readonly account: string }[] = [];
  const kept = new Set<string>();
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const account = String(request.headers['x-api-key'] ?? request.headers.authorization ?? '').replace('Bearer ', '');
    asked.push({ text, account });
    const call = JSON.parse(text) as Call;
    if (request.url?.endsWith('/messages') === true) answerMessages(call, cachedIn(call, account, kept), response);
    else json(response, chatAnswer(call, account, kept));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** Reads from the longest prefix that is kept, and keeps those that are marked. Throws where there are more than four marks. */
function cachedIn(call: Call, account: string, kept: Set<string>) {
  const system = typeof call.system === 'string' ? [{ type: 'text', text: call.system }] : (call.system ?? []);
  const turns = (call.messages ?? []).flatMap(({ role, content }) =>
    (typeof content === 'string' ? [{ type: 'text', text: content }] : content).map((block) => ({ role, ...block })),
  );
  const blocks: readonly Block[] = [...(call.tools ?? []), ...system, ...turns];
  const prefixes: string[] = [];
  let prefix = `${account} ${call.model} `;
  for (const { cache_control: _, ...block } of blocks) {
    prefix += JSON.stringify(block);
    prefixes.push(prefix);
  }
  const marks = blocks.flatMap(({ cache_control }, at) => (cache_control === undefined ? [] : [at]));
  if (marks.length > 4) throw new Error('A maximum of 4 blocks with cache_control may be provided.');
  const tokens = (at: number | undefined) => tokensOf(at === undefined ? '' : (prefixes[at] ?? ''));
  const found = marks
    .flatMap((mark) => Array.from({ length: LOOKBACK }, (_, back) => mark - back))
    .filter((at) => at >= 0 && kept.has(prefixes[at] ?? ''));
  const read = found.length === 0 ? 0 : tokens(Math.max(...found));
  const end = tokens(marks.at(-1));
  for (const mark of marks) kept.add(prefixes[mark] ?? '');
  return { input: tokens(prefixes.length - 1) - Math.max(end, read), read, write: Math.max(0, end - read) };
}

function answerMessages(call: Call, { input, read, write }: ReturnType<typeof cachedIn>, response: ServerResponse): void {
  const usage = { input_tokens: input, cache_read_input_tokens: read, cache_creation_input_tokens: write, output_tokens: 5 };
  const message = { id: 'msg_1', type: 'message', role: 'assistant', model: call.model, stop_sequence: null };
  if (call.stream !== true) {
    json(response, { ...message, content: [{ type: 'text', text: 'Yes.' }], stop_reason: 'end_turn', usage });
    return;
  }
  const events = [
    { type: 'message_start', message: { ...message, content: [], stop_reason: null, usage } },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text: 'Yes.' } },
    { type: 'content_block_stop', index: 0 },
    { type: 'message_delta', delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 5 } },
    { type: 'message_stop' },
  ];
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end(events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join(''));
}

/** By the key alone: two calls with the same one come to the same machine. */
function chatAnswer({ model, messages, prompt_cache_key: key }: Call, account: string, kept: Set<string>) {
  const prompt = tokensOf(JSON.stringify(messages ?? []));
  const name = `${account} ${key}`;
  const cached = key !== undefined && kept.has(name) ? prompt - 10 : 0;
  if (key !== undefined) kept.add(name);
  return {
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model,
    choices: [{ index: 0, message: { role: 'assistant', content: 'Yes.' }, finish_reason: 'stop' }],
    usage: { prompt_tokens: prompt, completion_tokens: 5, total_tokens: prompt + 5, prompt_tokens_details: { cached_tokens: cached } },
  };
}

function json(response: ServerResponse, value: object): void {
  response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}
