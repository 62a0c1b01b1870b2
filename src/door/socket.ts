import type { Dialect } from '../core/dialect.ts';
import type { JsonObject } from '../core/json.ts';
import type { Clock } from '../core/ports.ts';
import { failedEvent, preparedEvents } from '../kinds/llm/responses/prepared.ts';
import { ResponsesSession } from '../kinds/llm/responses/session.ts';

/** A connection is closed after this time, and its client opens another: developers.openai.com, "WebSocket mode". */
const LONGEST = 60 * 60_000;
/** Of one connection, or of one request: every turn is a call of its own. */
const OF_THE_HANDSHAKE =
  /^(?:connection|upgrade|sec-websocket-.*|idempotency-key|content-length|content-type|content-encoding|transfer-encoding|accept)$/i;

export interface SocketDeps {
  readonly clock: Clock;
  newRequestId(): string;
  ask(request: Request): Promise<Response>;
}

/** Answers the upgrade; every turn is then a call of its own, with the headers that the connection was opened with. */
export function openSocket(handshake: Request, dialect: Dialect, deps: SocketDeps): Response {
  const { 0: client, 1: server } = new WebSocketPair();
  const gone = new AbortController();
  const headers = new Headers([...handshake.headers].filter(([name]) => !OF_THE_HANDSHAKE.test(name)));
  headers.set('content-type', 'application/json');
  const send = (text: string) => {
    if (!gone.signal.aborted) server.send(text);
  };
  const session = new ResponsesSession({
    send,
    writeError: (error) => dialect.writeError(error, deps.newRequestId()),
    failed: (body, error) => failedEvent(dialect, body, error, deps.newRequestId(), Math.floor(deps.clock.now() / 1000)),
    prepared: (body) => preparedEvents(dialect, body, deps.newRequestId(), Math.floor(deps.clock.now() / 1000)),
    ask: (body) => deps.ask(turnRequest(handshake, headers, body, gone.signal)),
  });
  server.accept();
  const timer = setTimeout(() => {
    send(JSON.stringify(TOO_LONG));
    close();
  }, LONGEST);
  const close = () => {
    clearTimeout(timer);
    if (gone.signal.aborted) return;
    gone.abort();
    session.close();
    server.close(1000);
  };
  server.addEventListener('message', ({ data }) => {
    void session.receive(typeof data === 'string' ? data : new TextDecoder().decode(data));
  });
  server.addEventListener('close', close);
  server.addEventListener('error', close);
  return new Response(null, { status: 101, webSocket: client });
}

const turnRequest = ({ url, cf }: Request, headers: Headers, body: JsonObject, signal: AbortSignal) =>
  new Request(url, { method: 'POST', headers, body: JSON.stringify(body), signal, ...(cf === undefined ? {} : { cf }) });

const TOO_LONG = {
  type: 'error',
  status: 400,
  error: {
    type: 'invalid_request_error',
    code: 'websocket_connection_limit_reached',
    message: 'A connection lasts 60 minutes at most. Open another one to go on.',
    param: null,
  },
};
