import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Answer, wordList } from '../upstream/answer.ts';
import { anthropicWire } from '../upstream/anthropic-wire.ts';
import { completionsWire } from '../upstream/completions-wire.ts';
import { geminiWire } from '../upstream/gemini-wire.ts';
import { openaiWire } from '../upstream/openai-wire.ts';
import { responsesWire } from '../upstream/responses-wire.ts';
import type { Wire } from '../upstream/wire.ts';

/** One request as the vendor saw it, and what it charges for it. Times are milliseconds of `performance.now()`. */
export interface Bill {
  /** Of the caller's text, `call-17`. */
  readonly call: number;
  readonly model: string;
  readonly path: string;
  readonly askedAt: number;
  /** Just before the usage was sent: until then nobody but the vendor can know it. Absent where it never was. */
  billedAt?: number;
  /** Tokens of the answer. Nothing for a request that failed. */
  output: number;
}

export interface Vendor {
  readonly origin: string;
  readonly bills: readonly Bill[];
  /** How many requests are being held whose caller is still there. */
  readonly held: number;
  /** From now on models named `m-held…` are not answered, until `release`. */
  hold(): void;
  release(): void;
  close(): Promise<void>;
}

/** Input tokens of every answer; the price list of the tests charges nothing for them. */
const INPUT = 7;
const wires: readonly Wire[] = [openaiWire, responsesWire, completionsWire, anthropicWire, geminiWire];

/**
 * A vendor that sends bills: `output` says how many tokens the answer to a call comes to. Models: `m-ok`, `m-drip` (takes
 * its time over a stream), `m-held` (answers when it is released), `m-fail` (500), `m-slow` (50 ms).
 */
export async function startVendor(output: (call: number, body: string) => number): Promise<Vendor> {
  const bills: Bill[] = [];
  const sockets = new Set<Socket>();
  const gate = new Gate();
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    serve(request, response, bills, gate, output).catch(() => response.destroy());
  });
  server.on('connection', (socket) => {
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    bills,
    get held() {
      return gate.held;
    },
    hold: () => gate.shut(),
    release: () => gate.open(),
    close: async () => {
      gate.open();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

class Gate {
  #waiting: { readonly response: ServerResponse; readonly wake: () => void }[] | undefined;

  get held(): number {
    return this.#waiting?.filter(({ response }) => !response.destroyed).length ?? 0;
  }

  shut(): void {
    this.#waiting ??= [];
  }

  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const { wake } of waiting) wake();
  }

  passed(response: ServerResponse): Promise<void> {
    const waiting = this.#waiting;
    return waiting === undefined ? Promise.resolve() : new Promise((wake) => void waiting.push({ response, wake }));
  }
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  bills: Bill[],
  gate: Gate,
  output: (call: number, body: string) => number,
): Promise<void> {
  const askedAt = performance.now();
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const text = Buffer.concat(pieces).toString();
  const url = new URL(request.url ?? '/', 'http://vendor');
  const wire = wires.find((each) => each.path === url.pathname || each.address?.(url) !== undefined);
  const said = { ...(text.startsWith('{') ? (JSON.parse(text) as object) : {}), ...wire?.address?.(url) };
  const { model = /name="model"\r\n\r\n([^\r]+)/.exec(text)?.[1] ?? '', stream = false } = said as { model?: string; stream?: boolean };
  const bill: Bill = { call: Number(/call-(\d+)/.exec(text)?.[1] ?? Number.NaN), model, path: url.pathname, askedAt, output: 0 };
  bills.push(bill);
  if (model.startsWith('m-held')) await gate.passed(response);
  if (model.startsWith('m-slow')) await sleep(50);
  // Nobody is there to be told what it comes to: what is charged for it then, only the vendor knows.
  if (response.destroyed) return;
  if (model.startsWith('m-fail')) {
    bill.billedAt = performance.now();
    response.writeHead(500, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: 'scripted failure', type: 'server_error' } }));
    return;
  }
  const tokens = output(bill.call, text);
  const due = () => {
    bill.output = tokens;
    bill.billedAt = performance.now();
  };
  if (wire === undefined) return answerOperation(url.pathname, response, tokens, due);
  const answer: Answer = {
    ...{ id: `a-${bill.call}`, model, finish: 'stop' },
    pieces: [{ type: 'text', deltas: wordList(3) }],
    usage: { kind: 'last', input: INPUT, output: tokens },
  };
  if (!stream) {
    response.writeHead(200, { 'content-type': 'application/json' });
    due();
    response.end(JSON.stringify(wire.whole(answer)));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  await writeStream(response, wire.frames(answer, true), model.startsWith('m-drip') ? 15 : 0, due);
}

/** The bill is due with the first frame that can tell it: which one that is, is the wire's affair, so with the first of all. */
async function writeStream(response: ServerResponse, frames: readonly string[], wait: number, due: () => void): Promise<void> {
  if (wait === 0) {
    due();
    response.end(frames.join(''));
    return;
  }
  for (const frame of frames.slice(0, -3)) {
    response.write(frame);
    await sleep(wait);
  }
  due();
  response.end(frames.slice(-3).join(''));
}

/** What is asked beside chat. Each answer says what it came to as its vendor does. */
function answerOperation(path: string, response: ServerResponse, tokens: number, due: () => void): void {
  const usage = { prompt_tokens: tokens, input_tokens: tokens, output_tokens: 0, total_tokens: tokens };
  due();
  if (path.endsWith('/audio/speech')) {
    response.writeHead(200, { 'content-type': 'audio/mpeg' });
    response.end(Buffer.alloc(64, 7));
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ ...operationBody(path), usage }));
}

function operationBody(path: string): object {
  if (path.endsWith('/embeddings')) return { object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [0.5, -1] }] };
  if (path.endsWith('/rerank')) return { model: 'm', results: [{ index: 0, relevance_score: 0.9 }] };
  if (path.includes('/images/')) return { created: 1, data: [{ b64_json: 'cGl4ZWw=' }] };
  if (path.includes('/audio/')) return { text: 'spoken words', duration: 3 };
  if (path.endsWith('/moderations')) return { id: 'modr-1', model: 'm', results: [{ flagged: false }] };
  return { error: { message: `no such path ${path}` } };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
