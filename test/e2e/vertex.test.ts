import { createVerify, generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import Anthropic from '@anthropic-ai/sdk';
import { GoogleGenAI } from '@google/genai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

interface Seen {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly headers: { readonly [name: string]: unknown };
  readonly body: string;
}

/** Google's token server and its models, as a service account meets them. */
async function startGoogle() {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const piece of request) body += String(piece);
    const path = request.url ?? '';
    seen.push({ path, authorization: request.headers.authorization, headers: request.headers, body });
    const answer = (status: number, value: object) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    if (path === '/token')
      return isGood(body) ? answer(200, { access_token: 'vertex-token', expires_in: 3599 }) : answer(400, { error: 'invalid_grant' });
    if (request.headers.authorization !== 'Bearer vertex-token')
      return answer(401, { error: { code: 401, message: 'No.', status: 'UNAUTHENTICATED' } });
    if (path.endsWith(':rawPredict')) {
      return answer(200, {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'm',
        content: [{ type: 'text', text: 'Of Claude.' }],
        stop_reason: 'end_turn',
        usage: { input_tokens: 1, output_tokens: 2 },
      });
    }
    if (path.endsWith(':countTokens')) return answer(200, { totalTokens: 42 });
    const event = {
      candidates: [{ content: { role: 'model', parts: [{ text: 'Of Gemini.' }] }, finishReason: 'STOP' }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 2, totalTokenCount: 3 },
    };
    if (!path.endsWith(':streamGenerateContent?alt=sse')) return answer(200, event);
    response.writeHead(200, { 'content-type': 'text/event-stream' }).end(`data: ${JSON.stringify(event)}\r\n\r\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, close: () => server.close() };
}

function isGood(body: string): boolean {
  const [header = '', claims = '', signature = ''] = new URLSearchParams(body).get('assertion')?.split('.') ?? [];
  const { iss, exp, iat } = JSON.parse(Buffer.from(claims, 'base64url').toString() || '{}') as { iss?: string; exp?: number; iat?: number };
  const isSigned = createVerify('RSA-SHA256').update(`${header}.${claims}`).verify(publicKey, signature, 'base64url');
  return isSigned && iss === 'gateway@own.iam' && (exp ?? 0) - (iat ?? 0) === 3600 && Math.abs((iat ?? 0) - Date.now() / 1000) < 60;
}

let gateway: TestGateway;
let google: Awaited<ReturnType<typeof startGoogle>>;
beforeAll(async () => {
  [gateway, google] = await Promise.all([startTestGateway(), startGoogle()]);
  const key = {
    type: 'service_account',
    project_id: 'own',
    private_key_id: 'k1',
    private_key: privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: 'gateway@own.iam',
    token_uri: `${google.origin}/token`,
  };
  const document = {
    providers: {
      vx: { like: 'vertex', baseUrl: google.origin, key: { value: JSON.stringify(key) }, settings: { location: 'europe-west4' } },
    },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(async () => {
  await gateway?.stop();
  google?.close();
});

const base = '/v1/projects/own/locations/europe-west4/publishers';

describe('Vertex AI', () => {
  it('serves Gemini models and Claude models, in their own dialects, with one token', async () => {
    const genai = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
    expect((await genai.models.generateContent({ model: 'vx/gemini-2.5-pro', contents: 'Hi' })).text).toBe('Of Gemini.');
    let text = '';
    for await (const event of await genai.models.generateContentStream({ model: 'vx/gemini-2.5-pro', contents: 'Hi' })) text += event.text;
    expect(text).toBe('Of Gemini.');
    expect((await genai.models.countTokens({ model: 'vx/gemini-2.5-pro', contents: 'Hi' })).totalTokens).toBe(42);
    const anthropic = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const message = await anthropic.messages.create({
      model: 'vx/claude-opus-5',
      max_tokens: 9,
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(message.content).toMatchObject([{ type: 'text', text: 'Of Claude.' }]);
    expect(google.seen.map(({ path }) => path)).toEqual([
      '/token',
      `${base}/google/models/gemini-2.5-pro:generateContent`,
      `${base}/google/models/gemini-2.5-pro:streamGenerateContent?alt=sse`,
      `${base}/google/models/gemini-2.5-pro:countTokens`,
      `${base}/anthropic/models/claude-opus-5:rawPredict`,
    ]);
    const last = JSON.parse(google.seen.at(-1)?.body ?? '') as object;
    expect(last).toEqual({ anthropic_version: 'vertex-2023-10-16', max_tokens: 9, messages: [{ role: 'user', content: 'Hi' }] });
    expect(JSON.stringify(google.seen)).not.toContain(KEY);
  });

  it('takes callers of the other dialect to a Claude model in its own', async () => {
    const genai = new GoogleGenAI({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
    expect((await genai.models.generateContent({ model: 'vx/claude-opus-5', contents: 'Hi' })).text).toBe('Of Claude.');
  });
});
