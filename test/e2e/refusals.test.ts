import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

// What one target refuses for its length or its content, another may answer, where the operator wants that.

/** Vendors' own words: platform.openai.com, learn.microsoft.com (Azure), docs.anthropic.com, ai.google.dev. */
const refusals = {
  'openai-window': {
    error: {
      message: "This model's maximum context length is 8192 tokens.",
      type: 'invalid_request_error',
      code: 'context_length_exceeded',
    },
  },
  'azure-content': {
    error: { message: "The response was filtered due to Azure OpenAI's content management policy.", type: null, code: 'content_filter' },
  },
  'anthropic-window': {
    type: 'error',
    error: { type: 'invalid_request_error', message: 'prompt is too long: 210000 tokens > 200000 maximum' },
  },
  'gemini-window': {
    error: {
      code: 400,
      status: 'INVALID_ARGUMENT',
      message: 'The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).',
    },
  },
  other: { error: { message: 'Unknown parameter: colour', type: 'invalid_request_error', code: 'unknown_parameter' } },
} as const;

let gateway: TestGateway;
let vendor: Server;
beforeAll(async () => {
  gateway = await startTestGateway();
  vendor = createServer((request, response) => {
    const name = (request.url ?? '').split('/')[1] as keyof typeof refusals;
    request.resume();
    response.writeHead(400, { 'content-type': 'application/json' }).end(JSON.stringify(refusals[name]));
  });
  await new Promise<void>((resolve) => vendor.listen(0, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(vendor.address() as AddressInfo).port}`;
  const likes = { 'anthropic-window': 'anthropic', 'gemini-window': 'google' } as Record<string, string>;
  const providers = Object.fromEntries(
    Object.keys(refusals).map((name) => {
      const dialects = likes[name] === 'google' ? { dialects: { gemini: `${origin}/${name}` } } : {};
      return [name, { like: likes[name] ?? 'openai', baseUrl: `${origin}/${name}`, key: { value: 'k' }, ...dialects }];
    }),
  );
  const models = Object.fromEntries(
    Object.keys(refusals).flatMap((name) => {
      const targets = [`${name}/m`, 'sandbox/echo'];
      return [
        [name, { targets }],
        [`${name}-on`, { targets, retry: { on: ['context-window', 'content-policy'] } }],
      ];
    }),
  );
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify({ providers, models }) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(async () => {
  await gateway?.stop();
  await new Promise((resolve) => vendor?.close(resolve));
});

const ask = (model: string, stream: boolean) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model, stream, messages: [{ role: 'user', content: 'Hello' }] }),
  });

const kinds = Object.keys(refusals).filter((name) => name !== 'other');

it.each(kinds.flatMap((name) => [false, true].map((stream) => [name, stream] as const)))('%s, stream %s', async (name, stream) => {
  const kept = await ask(name, stream);
  expect([kept.status, kept.headers.get('x-weir-attempts')]).toEqual([400, '1']);
  await kept.text();
  const passed = await ask(`${name}-on`, stream);
  expect([passed.status, passed.headers.get('x-weir-model'), passed.headers.get('x-weir-attempts')]).toEqual([200, 'sandbox/echo', '2']);
  expect(await passed.text()).toContain('Hello');
});

it('what is wrong with the call itself is told at once', async () => {
  expect((await ask('other-on', false)).status).toBe(400);
});
