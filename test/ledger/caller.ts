import { Agent, request as httpRequest } from 'node:http';

/** The answer to one call, as far as it came. */
export interface Answered {
  /** 0 where the connection broke before any. */
  readonly status: number;
  readonly requestId: string | undefined;
  /** All of it came: a stream with its own end, or as many bytes as were announced. */
  readonly whole: boolean;
  readonly text: string;
  readonly headers: { readonly [name: string]: string | string[] | undefined };
}

export interface Ask {
  readonly url: string;
  readonly key: string;
  readonly body: string;
  readonly headers?: { readonly [name: string]: string };
  readonly agent: Agent;
  readonly signal?: AbortSignal;
}

/** Connections that are kept, as many as wanted, and let go before workerd closes them, which it does after five idle seconds. */
export const agentOf = (sockets: number): Agent =>
  new Agent({ keepAlive: true, maxSockets: sockets, maxFreeSockets: sockets, timeout: 2_000 });

/** Asks the gateway, and never rejects: a connection that breaks is an answer of its own. */
export function ask({ url, key, body, headers = {}, agent, signal }: Ask): Promise<Answered> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    const answered = (status: number, whole: boolean, given: Answered['headers'] = {}) => {
      const text = Buffer.concat(pieces).toString();
      const requestId = given['x-weir-request-id'];
      const ended = !String(given['content-type'] ?? '').includes('event-stream') || STREAM_END.test(text);
      resolve({ status, requestId: typeof requestId === 'string' ? requestId : undefined, whole: whole && ended, text, headers: given });
    };
    const asked = httpRequest(
      url,
      {
        method: 'POST',
        agent,
        headers: {
          authorization: `Bearer ${key}`,
          'content-type': 'application/json',
          'content-length': Buffer.byteLength(body),
          ...headers,
        },
        ...(signal === undefined ? {} : { signal }),
      },
      (response) => {
        const { statusCode = 0 } = response;
        response.on('data', (piece: Buffer) => pieces.push(piece));
        response.on('end', () => answered(statusCode, response.complete, response.headers));
        response.on('error', () => answered(statusCode, false, response.headers));
        response.on('close', () => answered(statusCode, false, response.headers));
      },
    );
    asked.on('error', () => answered(0, false));
    asked.end(body);
  });
}

/** How a complete stream ends in the dialects that are asked here. */
const STREAM_END = /data: \[DONE\]\s*$|"type":"message_stop"\}\s*$|"type":"response\.completed"[^\n]*\s*$|"finishReason":"STOP"[^\n]*\s*$/;
