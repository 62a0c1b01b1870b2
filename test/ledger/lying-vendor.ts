import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A vendor of Chat Completions that says of usage what it is told to say. */
export interface LyingVendor {
  readonly origin: string;
  readonly asked: number;
  close(): Promise<void>;
}

/** What the text of a call tells it to do: `lie:` and then the JSON text of `usage`, taken as it is. */
export const lie = (usage: string): string => `lie:${usage}`;
/** The words of each answer. */
export const WORDS = ['one', ' two', ' three', ' four'];

export async function startLyingVendor(): Promise<LyingVendor> {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get asked() {
      return asked;
    },
    close: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = JSON.parse(Buffer.concat(await request.toArray()).toString()) as {
    readonly stream?: boolean;
    readonly messages: readonly { readonly content: string }[];
  };
  const usage = body.messages.at(-1)?.content.replace(/^lie:/, '') ?? 'null';
  const head = '"id":"l-1","created":1795000000,"model":"m"';
  if (body.stream !== true) {
    const message = `{"role":"assistant","content":${JSON.stringify(WORDS.join(''))}}`;
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(
      `{${head},"object":"chat.completion","choices":[{"index":0,"message":${message},"finish_reason":"stop"}],"usage":${usage}}`,
    );
    return;
  }
  const chunk = (rest: string) => `data: {${head},"object":"chat.completion.chunk",${rest}}\n\n`;
  const said = WORDS.map((word) => chunk(`"choices":[{"index":0,"delta":{"content":${JSON.stringify(word)}},"finish_reason":null}]`));
  const end = chunk('"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]');
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  response.end([...said, end, chunk(`"choices":[],"usage":${usage}`), 'data: [DONE]\n\n'].join(''));
}
