import { request as ask, createServer } from 'node:http';
import { connect } from 'node:net';
import { listening } from './scratch.mjs';

/**
 * Stands between an agent and the gateway, hands everything on as it comes, and notes how every call was answered.
 * @returns {Promise<{ origin: string, watch: (before?: () => Promise<unknown>) => { method: string, path: string, at: number, status: number, loss?: string, body?: string }[], stop: () => void }>}
 *   `watch` returns what was seen since; `before` is waited for before the first call to a model is handed on.
 */
export async function watched(gateway) {
  let seen = [];
  let first;
  const begun = async () => {
    const before = first;
    first = undefined;
    await before?.();
  };
  const { hostname, port } = new URL(gateway);
  const server = createServer(async (request, response) => {
    const note = { method: request.method, path: request.url, at: Date.now(), status: 0 };
    seen.push(note);
    const { method, url: path, headers } = request;
    if (method === 'POST') await begun();
    const onward = ask({ hostname, port, method, path, headers }, (answer) => {
      note.status = answer.statusCode;
      note.loss = answer.headers['x-weir-loss'];
      response.writeHead(answer.statusCode, answer.rawHeaders);
      answer.pipe(response);
      if (answer.statusCode >= 400)
        answer.on('data', (piece) => {
          note.body = `${note.body ?? ''}${piece}`;
        });
    });
    onward.once('error', () => response.destroy());
    // An agent that leaves must be seen to leave.
    response.once('close', () => onward.destroy());
    request.pipe(onward);
  });
  server.on('upgrade', async (request, socket, head) => {
    const note = { method: 'UPGRADE', path: request.url, at: Date.now(), status: 0 };
    seen.push(note);
    await begun();
    const onward = connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [`${name}: ${request.rawHeaders[at + 1]}`] : []));
      onward.write(`GET ${request.url} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`);
      onward.write(head);
      onward.once('data', (piece) => {
        note.status = Number(/^HTTP\/1.1 (\d+)/.exec(piece.toString('latin1'))?.[1]);
      });
      socket.pipe(onward).pipe(socket);
    });
    socket.once('error', () => onward.destroy());
    onward.once('error', () => socket.destroy());
  });
  const watch = (before) => {
    first = before;
    seen = [];
    return seen;
  };
  return { ...(await listening(server)), watch };
}
