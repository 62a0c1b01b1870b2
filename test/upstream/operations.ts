import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { type Asked, answerOperation } from './operations-wire.ts';
import { serveRealtime } from './realtime-wire.ts';
import { answerStored, type Stored } from './stored-wire.ts';

/** A scripted vendor of everything beside chat, on loopback: what it does is chosen by the model. */
export interface OperationsUpstream {
  /** Without a trailing slash. */
  readonly origin: string;
  readonly asked: readonly Asked[];
  /** Answers nothing to models whose names hold this text, until the function that comes back is called. */
  holdBack(mark: string): () => void;
  /** The requests whose model, or path, holds this text. */
  of(mark: string): readonly Asked[];
  close(): Promise<void>;
}

export async function startOperationsUpstream(): Promise<OperationsUpstream> {
  const asked: Asked[] = [];
  const stored: Stored = { files: new Map(), batches: new Map() };
  const sockets = new Set<Socket>();
  const gates = new Map<string, Promise<void>>();
  const open = async ({ model }: Asked) => {
    for (const [mark, opened] of gates) if (model.includes(mark)) await opened;
  };
  const server = createServer((request, response) => {
    serve(request, response, asked, stored, open).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  serveRealtime(server, (entry) => asked.push(entry));
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    origin: `http://127.0.0.1:${port}`,
    asked,
    holdBack: (mark) => {
      const { promise, resolve } = Promise.withResolvers<void>();
      gates.set(mark, promise);
      return resolve;
    },
    of: (mark) => asked.filter(({ model, path }) => model.includes(mark) || path.includes(mark)),
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  asked: Asked[],
  stored: Stored,
  open: (entry: Asked) => Promise<void>,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://upstream');
  const entry: Asked = {
    method: request.method ?? '',
    path: url.pathname,
    query: url.searchParams,
    headers: request.headers,
    model: '',
    json: {},
    form: new FormData(),
    body: Buffer.alloc(0),
    brokeOff: false,
  };
  asked.push(entry);
  const pieces: Buffer[] = [];
  try {
    for await (const piece of request) pieces.push(piece as Buffer);
  } catch {
    entry.brokeOff = true;
    return;
  }
  entry.body = Buffer.concat(pieces);
  const type = request.headers['content-type'] ?? '';
  if (type.startsWith('multipart/')) {
    entry.form = await new Response(Uint8Array.from(entry.body), { headers: { 'content-type': type } }).formData();
    entry.model = String(entry.form.get('model') ?? '');
  } else if (entry.body.length > 0) {
    entry.json = JSON.parse(entry.body.toString()) as Asked['json'];
    entry.model = typeof entry.json.model === 'string' ? entry.json.model : '';
  }
  await open(entry);
  if (/^\/v1\/(?:files|batches)/.test(url.pathname)) return answerStored(entry, response, stored);
  await answerOperation(entry, response);
}
