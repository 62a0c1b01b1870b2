import { createServer } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';

// A request that is refused before it was read: its sender hears why, however late the rest of it comes, and can go on
// on the same connection.

const BODY_LIMIT = 100_000;

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ limits: { body: BODY_LIMIT } });
});
afterAll(() => gateway?.stop());

/** A connection, and everything that came over it. */
class Wire {
  readonly socket: Socket;
  got = '';
  closed = false;

  constructor(url: string) {
    const { hostname, port } = new URL(url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (data) => {
      this.got += data.toString('latin1');
    });
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => {
      this.closed = true;
    });
  }

  head(line: string, headers: readonly string[]): void {
    this.socket.write(`${[`${line} HTTP/1.1`, 'Host: localhost', 'Content-Type: application/json', ...headers].join('\r\n')}\r\n\r\n`);
  }

  /** Until this text has come. */
  hears(text: string): Promise<void> {
    return until(() => this.got.includes(text) || this.closed, 15_000, text).then(() => expect(this.got).toContain(text));
  }
}

const WRONG = 'Authorization: Bearer weir_dev_nobody';
const RIGHT = `Authorization: Bearer ${KEY}`;
const refusals: readonly [what: string, line: string, status: number, ...headers: string[]][] = [
  ['a wrong key', 'POST /v1/chat/completions', 401, WRONG],
  ["a wrong key in Anthropic's dialect", 'POST /v1/messages', 401, WRONG],
  ["a wrong key in Gemini's dialect", 'POST /v1beta/models/m:generateContent', 401, WRONG],
  ['a wrong key for a file', 'POST /v1/files', 401, WRONG],
  ['a wrong key for an MCP server', 'POST /mcp/tools', 401, WRONG],
  ['a wrong admin token', 'PUT /admin/v1/config', 401, WRONG],
  ['a path that is none', 'POST /nowhere', 404, RIGHT],
  ['a method that is not taken', 'PUT /v1/chat/completions', 405, RIGHT],
  ['a body that is compressed', 'POST /v1/chat/completions', 415, RIGHT, 'Content-Encoding: gzip'],
];

describe('a request that is refused unread', () => {
  it.each(refusals)('for %s: its sender is answered, and the connection lives on', async (_, line, status, ...headers) => {
    const wire = new Wire(gateway.url);
    const body = 'x'.repeat(50_000);
    wire.head(line, [...headers, `Content-Length: ${body.length}`]);
    // Its answer is whole before any of the body is sent.
    await wire.hears(`HTTP/1.1 ${status}`);
    await until(() => isWhole(wire.got), 15_000, 'a whole answer');
    wire.socket.write(body.slice(0, 10_000));
    wire.socket.write(body.slice(10_000));
    wire.got = '';
    wire.head('GET /healthz', []);
    await wire.hears('HTTP/1.1 200');
    wire.socket.destroy();
  });

  it('because it is too large, and says so: likewise', async () => {
    const wire = new Wire(gateway.url);
    wire.head('POST /v1/chat/completions', [RIGHT, `Content-Length: ${4 * BODY_LIMIT}`]);
    await wire.hears('HTTP/1.1 413');
    wire.socket.write('x'.repeat(4 * BODY_LIMIT));
    wire.head('GET /healthz', []);
    await wire.hears('HTTP/1.1 200');
    wire.socket.destroy();
  });

  it.each([
    ['a call', 'POST /v1/chat/completions', [RIGHT]],
    ['a call with an Idempotency-Key', 'POST /v1/chat/completions', [RIGHT, 'Idempotency-Key: "one"']],
    ['a configuration', 'PUT /admin/v1/config', [`Authorization: Bearer ${ADMIN_TOKEN}`]],
  ])('because it turns out to be too large: likewise (%s)', async (_, line, headers) => {
    const wire = new Wire(gateway.url);
    const piece = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
    wire.head(line, [...headers, 'Transfer-Encoding: chunked']);
    for (let at = 0; at < 20; at++) wire.socket.write(piece);
    await wire.hears('HTTP/1.1 413');
    for (let at = 0; at < 20; at++) wire.socket.write(piece);
    wire.socket.write('0\r\n\r\n');
    wire.head('GET /healthz', []);
    await wire.hears('HTTP/1.1 200');
    wire.socket.destroy();
  });

  it('is not read for ever', async () => {
    const wire = new Wire(gateway.url);
    const piece = Buffer.from(`100000\r\n${'x'.repeat(0x100000)}\r\n`);
    wire.head('POST /v1/chat/completions', [WRONG, 'Transfer-Encoding: chunked']);
    await wire.hears('HTTP/1.1 401');
    let sent = 0;
    while (wire.socket.writable && sent < 256) {
      sent++;
      await new Promise<void>((resolve) => wire.socket.write(piece, () => setImmediate(resolve)));
    }
    // In MiB; the kernel's buffers take some beyond the limit.
    expect(sent).toBeGreaterThanOrEqual(64);
    expect(sent).toBeLessThan(96);
  });

  it('whose sender leaves is no fault', async () => {
    const wire = new Wire(gateway.url);
    wire.head('POST /v1/chat/completions', [WRONG, 'Content-Length: 1000']);
    await wire.hears('HTTP/1.1 401');
    wire.socket.destroy();
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  });
});

it('An upload that its provider refuses unread is answered as the provider answers', async () => {
  const vendor = createServer((_, response) => {
    response.writeHead(422, { 'content-type': 'application/json' });
    response.end('{"error":{"message":"no files here","type":"invalid_request_error","code":"no_files"}}');
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => vendor.once('listening', resolve));
  try {
    const origin = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`;
    const config = { providers: { strict: { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' } } } };
    const published = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(config) });
    expect(published.status).toBeLessThan(300);
    for (let call = 0; call < 10; call++) {
      const form = new FormData();
      form.set('purpose', 'user_data');
      form.set('file', new Blob(['x'.repeat(3_000_000)]), 'large.txt');
      const headers = { authorization: `Bearer ${KEY}`, 'x-weir-provider': 'strict' };
      const response = await fetch(`${gateway.url}/v1/files`, { method: 'POST', headers, body: form });
      expect(response.status).toBe(422);
      expect(await response.text()).toContain('no files here');
    }
  } finally {
    vendor.closeAllConnections();
    vendor.close();
  }
});

function isWhole(got: string): boolean {
  const [head = '', body = ''] = got.split('\r\n\r\n');
  const length = /content-length: (\d+)/i.exec(head)?.[1];
  return length !== undefined && body.length >= Number(length);
}
