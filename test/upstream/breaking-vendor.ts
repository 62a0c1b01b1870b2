import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { BareLine } from './bare-line.ts';
import { type Form, forms } from './forms.ts';
import { Journal, type Seen } from './journal.ts';

/** One request, and the means to answer it well or badly. */
export interface Scene {
  readonly form: Form;
  readonly stream: boolean;
  readonly model: string;
  /** As it was sent. */
  readonly authorization: string | undefined;
  /** The body, as text. */
  readonly prompt: string;
  /** How often this very model was asked for before. */
  readonly earlier: number;
  /** A proper answer, on a connection that is kept. */
  respond(status: number, headers: { readonly [name: string]: string }, body: Uint8Array | string): void;
  /** Every other one. Made when it is first asked for: its connection is not kept. */
  readonly line: BareLine;
}

export type Script = (scene: Scene) => Promise<void> | void;

export interface BreakingVendor {
  readonly origin: string;
  readonly journal: Journal;
  /** Takes connections and resets each at once. */
  readonly slamming: string;
  /** A port of loopback where nobody listens. */
  readonly closed: string;
  /** Connections that were reset because it was down. */
  readonly turnedAway: number;
  /** Down: connections are reset, those that there are and all that come. */
  down(isDown: boolean): void;
  close(): Promise<void>;
}

/**
 * A vendor of five dialects that answers by script, down to the bytes on the wire: the part of the model's name before
 * its first dot names the script. Models that no script is named for are answered 404.
 */
export async function startBreakingVendor(scripts: ReadonlyMap<string, Script>): Promise<BreakingVendor> {
  const journal = new Journal();
  const sockets = new Set<Socket>();
  const http = createHttpServer({ keepAliveTimeout: 120_000 }, (request, response) => {
    serve(request, response, scripts, journal).catch(() => request.socket.destroy());
  });
  const slam = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.resetAndDestroy();
  });
  const gone = createServer();
  let isDown = false;
  let turnedAway = 0;
  http.on('connection', (socket: Socket) => {
    if (!isDown) return;
    turnedAway += 1;
    socket.on('error', () => undefined);
    socket.resetAndDestroy();
  });
  for (const server of [http, slam]) {
    server.on('connection', (socket: Socket) => {
      socket.setNoDelay(true);
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
    });
  }
  const [origin, slamming, closed] = await Promise.all([listen(http), listen(slam), listen(gone)]);
  await stop(gone);
  return {
    origin,
    slamming,
    closed,
    journal,
    get turnedAway() {
      return turnedAway;
    },
    down(now) {
      isDown = now;
      if (isDown) for (const socket of sockets) socket.resetAndDestroy();
    },
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([stop(http), stop(slam)]);
    },
  };
}

const listen = (server: Server): Promise<string> =>
  new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4_096 }, () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    );
  });

const stop = (server: Server): Promise<void> => new Promise((resolve) => void server.close(() => resolve()));

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  scripts: ReadonlyMap<string, Script>,
  journal: Journal,
): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const body = Buffer.concat(pieces);
  const path = request.url ?? '';
  const form = forms.find((each) => each.asks(path) !== undefined);
  const said = JSON.parse(body.toString() || '{}') as { model?: string; stream?: boolean };
  const { model = '', stream = false } = { ...said, ...form?.asks(path) };
  const earlier = journal.all.filter((each) => each.model === model).length;
  const seen = note(request, body, model);
  journal.add(seen);
  const script = scripts.get(model.split('.', 1)[0] ?? '');
  if (form === undefined || script === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' }).end('{"error":{"message":"no such script"}}');
    return;
  }
  let line: BareLine | undefined;
  await script({
    ...{ form, stream, model, earlier, authorization: request.headers.authorization, prompt: body.toString() },
    get line() {
      line ??= new BareLine(request.socket, seen);
      return line;
    },
    respond: (status, headers, answer) => {
      response.on('finish', () => {
        seen.endedAt = Date.now();
      });
      response.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(answer)) }).end(answer);
    },
  });
}

const note = ({ method = '', url = '', headers, rawHeaders }: IncomingMessage, body: Buffer, model: string): Seen => ({
  at: Date.now(),
  ...{ method, path: url, headers, rawHeaders, body, model },
  accepted: 0,
  closedByPeerAt: undefined,
  endedAt: undefined,
});
