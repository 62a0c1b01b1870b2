import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as a scripted server gets it. */
export interface Arrived {
  readonly method: string;
  readonly headers: IncomingHttpHeaders;
  // biome-ignore lint/suspicious/noExplicitAny: scripts look into messages of every shape
  readonly body: any;
}

export interface Scripted {
  readonly url: string;
  readonly arrived: readonly Arrived[];
  close(): Promise<void>;
}

type Script = (arrived: Arrived, response: ServerResponse, request: IncomingMessage) => void | Promise<void>;

/** A server that does what a test says, however wrong. */
export async function startScripted(script: Script): Promise<Scripted> {
  const arrived: Arrived[] = [];
  const http = createServer(async (request, response) => {
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece as Buffer);
    const text = Buffer.concat(pieces).toString();
    const each = { method: request.method ?? '', headers: request.headers, body: text === '' ? undefined : JSON.parse(text) };
    arrived.push(each);
    await script(each, response, request);
  });
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/mcp`,
    arrived,
    close: async () => {
      http.closeAllConnections();
      await new Promise((resolve) => http.close(resolve));
    },
  };
}

export function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

interface ToolScript {
  readonly [tool: string]: (args: never, arrived: Arrived, response: ServerResponse, request: IncomingMessage) => unknown;
}

/** A server of 2026-07-28 with these tools. A tool that gives nothing answers by itself. */
export function startTools(
  tools: ToolScript,
  listed: readonly object[] = Object.keys(tools).map((name) => ({ name, inputSchema: { type: 'object' } })),
) {
  return startScripted(async (arrived, response, request) => {
    const { id, method, params } = arrived.body ?? {};
    const answer = (result: object) => json(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    if (method === 'server/discover') {
      return answer({ supportedVersions: ['2026-07-28'], capabilities: { tools: {}, resources: {} }, ttlMs: 0, cacheScope: 'public' });
    }
    if (method === 'tools/list') return answer({ tools: listed, ttlMs: 0, cacheScope: 'public' });
    if (method === 'resources/list') return answer({ resources: [{ uri: 'file:///a', name: 'a' }], ttlMs: 0, cacheScope: 'public' });
    if (method === 'resources/read') return answer({ contents: [{ uri: params.uri, text: 'read' }], ttlMs: 0, cacheScope: 'public' });
    const tool = tools[params?.name];
    if (tool === undefined) return json(response, { jsonrpc: '2.0', id, error: { code: -32602, message: 'no such tool' } });
    const result = await tool(params.arguments as never, arrived, response, request);
    if (result !== undefined) answer(result as object);
  });
}
