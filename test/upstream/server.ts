import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Answer, contents, INPUT_TOKENS, outputTokens, type UsageScript } from './answer.ts';
import { anthropicWire } from './anthropic-wire.ts';
import { cohereWire } from './cohere-wire.ts';
import { completionsWire } from './completions-wire.ts';
import { faults, streamHead } from './faults.ts';
import { geminiWire } from './gemini-wire.ts';
import { Journal, type Seen } from './journal.ts';
import { ResponseLine } from './line.ts';
import { ollamaWire } from './ollama-wire.ts';
import { openaiWire } from './openai-wire.ts';
import { responsesWire } from './responses-wire.ts';
import type { Wire } from './wire.ts';

export interface Upstream {
  /** Without a trailing slash. */
  readonly origin: string;
  readonly journal: Journal;
  close(): Promise<void>;
}

const wires = [openaiWire, responsesWire, anthropicWire, ollamaWire, cohereWire, completionsWire, geminiWire];

/**
 * A scripted vendor on loopback that speaks OpenAI's chat completions, responses and completions, Anthropic's messages, Ollama's and
 * Cohere's chat. What it does is chosen
 * by the model: `ok/text?words=20`, `fault/reset?n=5`. Names are the keys of `contents` and `faults`; a fault takes its
 * content from `content=…`. `usage=absent|first|twice|after-end|absurd` chooses how usage is reported, and `id=…`
 * marks a request for the journal.
 */
export async function startUpstream(): Promise<Upstream> {
  const journal = new Journal();
  const sockets = new Set<Socket>();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    answer(request, response, journal).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    journal,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(request: IncomingMessage, response: ServerResponse, journal: Journal): Promise<void> {
  const body = await read(request);
  const url = new URL(request.url ?? '/', 'http://upstream');
  const wire = wires.find((each) => each.path === url.pathname || each.address?.(url) !== undefined);
  const asked = { ...parse(body), ...wire?.address?.(url) };
  const earlier = journal.all.filter(({ model }) => model === asked.model).length;
  const seen = note(request, body, asked.model, journal);
  const line = new ResponseLine(response, seen);
  if (wire === undefined || request.method !== 'POST') {
    line.head(404, { 'content-type': 'application/json' });
    return line.end('{"error":{"message":"no such path"}}');
  }
  const script = readScript(asked.model, wire, asked.usage);
  if (script === undefined) {
    line.head(404, { 'content-type': 'application/json' });
    return line.end(JSON.stringify(wire.error(404, `no such model ${asked.model}`, 'not_found_error')));
  }
  const { fault, ...stage } = script;
  const stream = asked.stream ?? wire.streamsByDefault ?? false;
  if (fault !== undefined) return fault({ ...stage, line, wire, stream, earlier, told: () => journal.told(asked.model) });
  line.head(200, stream ? streamHead(wire) : { 'content-type': 'application/json' });
  line.end(stream ? stage.frames.join('') : stage.whole);
}

function note(request: IncomingMessage, body: Buffer, model: string, journal: Journal): Seen {
  const seen: Seen = {
    at: Date.now(),
    method: request.method ?? '',
    path: request.url ?? '',
    headers: request.headers,
    rawHeaders: request.rawHeaders,
    body,
    model,
    accepted: 0,
    closedByPeerAt: undefined,
    endedAt: undefined,
  };
  journal.add(seen);
  return seen;
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

function parse(body: Buffer) {
  try {
    const json = JSON.parse(body.toString()) as { model?: string; stream?: boolean; stream_options?: { include_usage?: boolean } };
    return { model: json.model ?? '', stream: json.stream, usage: json.stream_options?.include_usage === true };
  } catch {
    return { model: '', stream: undefined, usage: false };
  }
}

function readScript(model: string, wire: Wire, asksUsage: boolean) {
  const [name = '', query = ''] = model.split('?', 2);
  const [family, kind = ''] = name.split('/', 2);
  const given = new URLSearchParams(query);
  const text = (key: string) => given.get(key) ?? undefined;
  const number = (key: string, fallback: number) => (given.has(key) ? Number(given.get(key)) : fallback);
  const fault = family === 'fault' ? faults[kind] : undefined;
  const content = contents[family === 'ok' ? kind : (text('content') ?? 'text')];
  if (content === undefined || (family === 'fault' && fault === undefined)) return undefined;
  const said = content(number);
  const script: Answer = {
    id: text('reply') ?? 'scripted-1',
    // Short, so that streams that are cut at every byte are short too.
    model: 'm',
    ...said,
    usage: usageOf(text('usage'), outputTokens(said)),
  };
  return { fault, frames: wire.frames(script, asksUsage), whole: JSON.stringify(wire.whole(script)), number, text };
}

function usageOf(kind: string | undefined, output: number): UsageScript {
  const counted = { input: INPUT_TOKENS, output };
  switch (kind) {
    case 'absent':
    case 'first':
    case 'twice':
    case 'after-end':
      return { kind, ...counted };
    case 'absurd':
      return { kind, input: -5, output: -1 };
    default:
      return { kind: 'last', ...counted };
  }
}

/** What the vendor would write for this model, byte for byte: what a client of the gateway must see of its own dialect. */
export function expected(
  model: string,
  wire: Wire,
  asksUsage = true,
): { readonly frames: readonly string[]; readonly bytes: Buffer; readonly whole: object } {
  const script = readScript(model, wire, asksUsage);
  if (script === undefined) throw new Error(`no script ${model}`);
  return { frames: script.frames, bytes: Buffer.from(script.frames.join('')), whole: JSON.parse(script.whole) as object };
}
