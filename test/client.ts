import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { KEY } from './gateway.ts';

/** One server-sent event or comment, as a client of its own reads it: not the gateway's parser. */
export interface Event {
  readonly event?: string;
  readonly data?: string;
  readonly comment?: string;
}

/** Reads a whole stream by the rules of WHATWG HTML; what follows the last blank line is `rest`. */
export function parseEvents(bytes: Uint8Array): { readonly events: readonly Event[]; readonly rest: string } {
  const blocks = new TextDecoder().decode(bytes).split(/\r\n\r\n|\n\n|\r\r/);
  const rest = blocks.pop() ?? '';
  const events = blocks.flatMap((block): Event[] => {
    const lines = block.split(/\r\n|\n|\r/).filter((line) => line !== '');
    if (lines.length === 0) return [];
    const of = (field: string) =>
      lines.filter((line) => line.startsWith(`${field}:`)).map((line) => line.slice(field.length + 1).replace(/^ /, ''));
    const [comment] = of('');
    const [event] = of('event');
    const data = of('data');
    return [
      {
        ...(event === undefined ? {} : { event }),
        ...(data.length === 0 ? {} : { data: data.join('\n') }),
        ...(comment === undefined ? {} : { comment }),
      },
    ];
  });
  return { events, rest };
}

const isErrorOf = (data: string | undefined): boolean => {
  try {
    const value = JSON.parse(data ?? '') as { error?: unknown };
    return typeof value === 'object' && value !== null && value.error !== undefined;
  } catch {
    return false;
  }
};

/** How a stream ended, by its events (one that was cut off inside its data is none): how many successes and how many typed errors; one of both together is right. */
export function endings(bytes: Uint8Array) {
  const { events, rest } = parseEvents(bytes);
  return {
    done: events.filter(({ data }) => data === '[DONE]' || data === '{"type":"message_stop"}').length,
    errors: events.filter(({ data }) => isErrorOf(data)).map(({ event, data }) => ({ event, body: JSON.parse(data ?? '') as ErrorBody })),
    pings: events.filter(({ comment }) => comment === 'ping').length,
    rest,
  };
}

export interface ErrorBody {
  readonly type?: string;
  readonly error: { readonly type: string; readonly message: string; readonly code?: string | null; readonly param?: string | null };
  readonly request_id?: string;
}

export type Dialect = 'openai' | 'anthropic';

export const paths = { openai: '/v1/chat/completions', anthropic: '/v1/messages' } as const;

/** A small call in a dialect. */
export const callOf = (dialect: Dialect, model: string, extra: object = {}) => ({
  model,
  ...(dialect === 'anthropic' ? { max_tokens: 256 } : {}),
  messages: [{ role: 'user', content: 'Hello' }],
  ...extra,
});

export interface PostOptions {
  readonly headers?: { readonly [name: string]: string };
  readonly extra?: object;
  readonly signal?: AbortSignal;
}

export function post(
  url: string,
  dialect: Dialect,
  model: string,
  { headers = {}, extra = {}, signal }: PostOptions = {},
): Promise<Response> {
  return fetch(url + paths[dialect], {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(callOf(dialect, model, extra)),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** A streamed call read to its end; rejects where the connection breaks instead of ending. */
export async function streamed(url: string, dialect: Dialect, model: string, options: PostOptions = {}) {
  const response = await post(url, dialect, model, { ...options, extra: { stream: true, ...options.extra } });
  const bytes = new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: response.headers, bytes, text: new TextDecoder().decode(bytes) };
}

/** A caller that can read slowly, stop reading, or leave. */
export interface OpenCall {
  readonly response: IncomingMessage;
  readonly headers: IncomingHttpHeaders;
  readonly received: () => Buffer;
  leave(): void;
}

export function openCall(
  url: string,
  dialect: Dialect,
  model: string,
  options: { readonly paused?: boolean; readonly extra?: object; readonly headers?: { readonly [name: string]: string } } = {},
): Promise<OpenCall> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url + paths[dialect], {
      method: 'POST',
      agent: false,
      headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json', ...options.headers },
    });
    request.once('error', reject);
    request.once('response', (response) => {
      const pieces: Buffer[] = [];
      response.on('error', () => undefined);
      if (options.paused !== true) response.on('data', (piece: Buffer) => pieces.push(piece));
      request.off('error', reject).on('error', () => undefined);
      resolve({ response, headers: response.headers, received: () => Buffer.concat(pieces), leave: () => request.destroy() });
    });
    request.end(JSON.stringify(callOf(dialect, model, { stream: true, ...options.extra })));
  });
}

/** Writes bytes on a bare connection and returns all that comes back until it closes or is quiet for a while. */
export function raw(
  url: string,
  bytes: string | Uint8Array,
  { quiet = 15_000, until: stop }: { readonly quiet?: number; readonly until?: (text: string) => boolean } = {},
): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    let text = '';
    const socket: Socket = connect(Number(port), hostname, () => socket.write(bytes));
    const finish = () => {
      socket.destroy();
      resolve(text);
    };
    socket.setTimeout(quiet, finish);
    socket.on('data', (piece) => {
      text += piece.toString('latin1');
      if (stop?.(text)) finish();
    });
    socket.on('error', finish);
    socket.on('close', () => resolve(text));
  });
}
