import { createHash, createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { SignatureV4 } from '@smithy/signature-v4';
import { type Answer, contents, INPUT_TOKENS, outputTokens } from './answer.ts';
import { anthropicWire } from './anthropic-wire.ts';
import { chunk, events, message, whole } from './bedrock-wire.ts';

export const ACCESS_KEY = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' };
export const API_KEY = 'ABSKbedrock-api-key-canary-3333';
export const REGION = 'eu-central-1';

export interface BedrockSeen {
  /** As it came, encoded. */
  readonly path: string;
  readonly model: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: { readonly [field: string]: unknown };
}

export interface BedrockUpstream {
  readonly origin: string;
  readonly seen: readonly BedrockSeen[];
  close(): Promise<void>;
}

/**
 * A scripted Bedrock on loopback. It answers only what is signed as AWS's own signer signs it, or bears the API key. What
 * it says is chosen by a word of the model's id, `us.anthropic.claude-tools-v1:0`: a key of `contents`, or `throttled`,
 * `exception` (in the middle of a stream), `cut` (inside a message), `stopped` (before `messageStop`).
 */
export async function startBedrock(): Promise<BedrockUpstream> {
  const seen: BedrockSeen[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    answer(request, response, seen).catch((error: unknown) => response.destroy(error instanceof Error ? error : undefined));
  });
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    seen,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const PATH = /^\/model\/([^/]+)\/(converse|converse-stream|invoke|invoke-with-response-stream)$/;

async function answer(request: IncomingMessage, response: ServerResponse, seen: BedrockSeen[]): Promise<void> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  const bytes = Buffer.concat(pieces);
  const path = request.url ?? '';
  const [, id, operation = ''] = PATH.exec(path) ?? [];
  if (id === undefined || request.method !== 'POST') return fail(response, 404, 'UnknownOperationException', 'There is no such operation.');
  const fault = await credentialFault(request, path, bytes);
  if (fault !== undefined) return fail(response, 403, 'InvalidSignatureException', fault);
  const model = decodeURIComponent(id);
  seen.push({ path, model, headers: request.headers, body: JSON.parse(bytes.toString()) as BedrockSeen['body'] });
  const word = /-([a-z]+)-v1/.exec(model)?.[1] ?? '';
  if (word === 'throttled') return fail(response, 429, 'ThrottlingException', 'Too many requests, please wait before trying again.');
  const content = contents[word] ?? (['exception', 'cut', 'stopped'].includes(word) ? contents.text : undefined);
  if (content === undefined) return fail(response, 400, 'ValidationException', 'The provided model identifier is invalid.');
  const said = content((_name, fallback) => fallback);
  const script: Answer = {
    id: 'msg_bdrk_1',
    model: 'm',
    ...said,
    usage: { kind: 'last', input: INPUT_TOKENS, output: outputTokens(said) },
  };
  const invoked = operation.startsWith('invoke');
  if (operation === 'converse' || operation === 'invoke') {
    response.writeHead(200, { 'content-type': 'application/json', 'x-amzn-requestid': 'aws-1' });
    response.end(JSON.stringify(invoked ? anthropicWire.whole(script) : whole(script)));
    return;
  }
  response.writeHead(200, { 'content-type': 'application/vnd.amazon.eventstream', 'x-amzn-requestid': 'aws-1' });
  const messages = invoked ? anthropicWire.frames(script, true).map(chunk) : events(script).map(([type, data]) => message(type, data));
  send(response, word, messages);
}

function send(response: ServerResponse, word: string, messages: readonly Uint8Array[]): void {
  const half = messages.slice(0, Math.ceil(messages.length / 2));
  if (word === 'exception') {
    for (const each of half) response.write(each);
    response.end(message('throttlingException', { message: 'Slow down.' }, 'exception'));
  } else if (word === 'cut') {
    for (const each of half) response.write(each);
    response.end(messages[half.length]?.slice(0, 20));
  } else if (word === 'stopped') {
    response.end(Buffer.concat(half));
  } else {
    // Cut where no message ends.
    const bytes = Buffer.concat(messages);
    for (let at = 0; at < bytes.length; at += 37) response.write(bytes.subarray(at, at + 37));
    response.end();
  }
}

function fail(response: ServerResponse, status: number, type: string, text: string): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': `${type}:http://internal.amazon.com/coral/` });
  response.end(JSON.stringify({ message: text }));
}

type Data = string | ArrayBuffer | ArrayBufferView;
const bufferOf = (data: Data) =>
  typeof data === 'string'
    ? Buffer.from(data)
    : ArrayBuffer.isView(data)
      ? Buffer.from(data.buffer, data.byteOffset, data.byteLength)
      : Buffer.from(data);

class Sha256 {
  readonly #hash;
  constructor(key?: Data) {
    this.#hash = key === undefined ? createHash('sha256') : createHmac('sha256', bufferOf(key));
  }
  update(data: Data): void {
    this.#hash.update(bufferOf(data));
  }
  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }
  reset(): void {}
}

/** Signs what came once more, with AWS's own signer: nothing of the gateway's is used. */
async function credentialFault(request: IncomingMessage, path: string, body: Buffer): Promise<string | undefined> {
  const { headers } = request;
  if (headers.authorization === `Bearer ${API_KEY}`) return undefined;
  const date = String(headers['x-amz-date'] ?? '');
  const names = /SignedHeaders=([^,]+)/.exec(headers.authorization ?? '')?.[1]?.split(';') ?? [];
  const iso = date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z');
  if (Math.abs(Date.parse(iso) - Date.now()) > 300_000 || !names.includes('host') || !names.includes('x-amz-date'))
    return 'Signature expired.';
  const signer = new SignatureV4({ service: 'bedrock', region: REGION, credentials: ACCESS_KEY, sha256: Sha256, applyChecksum: false });
  const again = await signer.sign(
    {
      method: request.method ?? '',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path,
      headers: Object.fromEntries(names.map((name) => [name, String(headers[name])])),
      body,
    },
    { signingDate: new Date(iso), signableHeaders: new Set(names) },
  );
  return again.headers.authorization === headers.authorization ? undefined : 'The request signature we calculated does not match.';
}
