import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { type BillingRule, billing } from '../../src/door/billing.ts';
import { until } from '../gateway.ts';
import { agentOf } from './caller.ts';
import { admin, type GatewayProcess, startProcess } from './gateway-process.ts';
import { storedLedger, storedUsage } from './stored.ts';
import { startVendor, type Vendor } from './vendor.ts';

// Every route that asks a model is asked for twice by a key of one request: it is served once and leaves one row, and the
// second time nobody is asked. A route without an example here fails.

const MODEL = 'up/m-ok';
const messages = [{ role: 'user', content: 'call-1' }];
const contents = [{ role: 'user', parts: [{ text: 'call-1' }] }];

interface Example {
  readonly path: string;
  readonly body: object | FormData;
  readonly headers?: { readonly [name: string]: string };
}
/** Routes that take more than one request to try have a test below, or a file of their own. */
type Tried = Example | { readonly file: string } | 'below';

function form(fields: { readonly [name: string]: string }, file: string): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.append(name, value);
  made.append(
    file,
    new File([new Uint8Array(64)], file === 'file' ? 'a.mp3' : 'a.png', { type: file === 'file' ? 'audio/mpeg' : 'image/png' }),
  );
  return made;
}

const aiSdk = (kind: 'language' | 'embedding') => ({
  [`ai-${kind}-model-id`]: MODEL,
  [`ai-${kind}-model-specification-version`]: '4',
  'ai-model-id': MODEL,
});

const examples: { readonly [route: string]: Tried } = {
  'POST /chat/completions': { path: '/v1/chat/completions', body: { model: MODEL, messages } },
  'POST /completions': { path: '/v1/completions', body: { model: MODEL, prompt: 'call-1', max_tokens: 9 } },
  'POST /messages': { path: '/v1/messages', body: { model: MODEL, max_tokens: 9, messages } },
  'POST /responses': { path: '/v1/responses', body: { model: MODEL, input: 'call-1' } },
  'POST /responses/compact': { path: '/v1/responses/compact', body: { model: 'gem/m-ok', input: 'call-1' } },
  'GET /responses': 'below',
  'POST /chat': { path: '/v2/chat', body: { model: MODEL, messages } },
  'POST /api/chat': { path: '/api/chat', body: { model: MODEL, messages, stream: false } },
  'POST /model/:call{.+}': {
    path: `/model/${encodeURIComponent(MODEL)}/converse`,
    body: { messages: [{ role: 'user', content: [{ text: 'call-1' }] }] },
  },
  'POST /:call{.+:(?:generateContent|streamGenerateContent|countTokens)}': {
    path: `/v1beta/models/${MODEL}:generateContent`,
    body: { contents },
  },
  'POST /models/:call{.+:(?:embedContent|batchEmbedContents)}': {
    path: `/v1beta/models/${MODEL}:embedContent`,
    body: { content: { parts: [{ text: 'call-1' }] } },
  },
  'POST /ai/language-model': {
    path: '/v4/ai/language-model',
    headers: { ...aiSdk('language'), 'ai-language-model-streaming': 'false' },
    body: { prompt: [{ role: 'user', content: [{ type: 'text', text: 'call-1' }] }] },
  },
  'POST /ai/embedding-model': { path: '/v4/ai/embedding-model', headers: aiSdk('embedding'), body: { values: ['call-1'] } },
  'POST /deployments/:call{.+}': { path: `/openai/deployments/${encodeURIComponent(MODEL)}/chat/completions`, body: { messages } },
  'POST /embeddings': { path: '/v1/embeddings', body: { model: MODEL, input: 'call-1' } },
  'POST /rerank': { path: '/v1/rerank', body: { model: MODEL, query: 'call-1', documents: ['one'] } },
  'POST /moderations': { path: '/v1/moderations', body: { model: MODEL, input: 'call-1' } },
  'POST /images/generations': { path: '/v1/images/generations', body: { model: MODEL, prompt: 'call-1' } },
  'POST /images/edits': { path: '/v1/images/edits', body: form({ model: MODEL, prompt: 'call-1' }, 'image') },
  'POST /images/variations': { path: '/v1/images/variations', body: form({ model: MODEL }, 'image') },
  'POST /audio/speech': { path: '/v1/audio/speech', body: { model: MODEL, input: 'call-1', voice: 'alloy' } },
  'POST /audio/transcriptions': { path: '/v1/audio/transcriptions', body: form({ model: MODEL }, 'file') },
  'POST /audio/translations': { path: '/v1/audio/translations', body: form({ model: MODEL }, 'file') },
  'GET /realtime': { file: 'test/e2e/limited-realtime.test.ts' },
  'POST /batches': { file: 'test/e2e/limited-batches.test.ts' },
};

const routeOf = ({ method, path: at }: BillingRule) => `${method} ${at}`;
const billable = billing.filter((rule) => rule.billing === 'billable').map(routeOf);
const root = path.join(import.meta.dirname, '..', '..');

let stateDir: string;
let gateway: GatewayProcess;
let vendor: Vendor;
const agent = agentOf(4);
beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-billable-'));
  [gateway, vendor] = await Promise.all([startProcess(stateDir), startVendor(() => 5)]);
  const at = (like: string, base: string) => ({ like, baseUrl: vendor.origin + base, key: { value: 'k' } });
  await admin(gateway.url, 'PUT', '/config', { providers: { up: at('openai', '/v1'), gem: at('google', '/v1beta') } });
}, 60_000);
afterAll(async () => {
  agent.destroy();
  await gateway?.stop();
  await vendor?.close();
  await rm(stateDir, { recursive: true, force: true });
});

/** A key that may make one request. */
async function keyOfOne(): Promise<string> {
  const app = `app-${crypto.randomUUID()}`;
  await admin(gateway.url, 'POST', '/apps', { team: 'dev', name: app });
  const limits = [{ unit: 'requests', limit: 1 }];
  return (await admin<{ readonly key: string }>(gateway.url, 'POST', '/keys', { app, name: 'k', limits })).key;
}

async function call(key: string, { path: at, body, headers = {} }: Example) {
  const isForm = body instanceof FormData;
  const response = await fetch(gateway.url + at, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...(isForm ? {} : { 'content-type': 'application/json' }), ...headers },
    body: isForm ? body : JSON.stringify(body),
  });
  return { status: response.status, requestId: response.headers.get('x-weir-request-id'), text: await response.text() };
}

/** The first call on each route that was served. */
const served = new Map<string, string>();

it('every route that asks a model is tried here, or in a file of its own', () => {
  expect(Object.keys(examples).toSorted()).toEqual(billable.toSorted());
  const files = Object.values(examples).flatMap((tried) => (tried !== 'below' && 'file' in tried ? [tried.file] : []));
  expect(files.filter((file) => !existsSync(path.join(root, file)))).toEqual([]);
});

const here = Object.entries(examples).flatMap(([route, tried]) => (tried === 'below' || 'file' in tried ? [] : [[route, tried] as const]));

describe.each(here)('%s', (route, example) => {
  it('is served once to a key of one request, and asks nobody for a second', async () => {
    const key = await keyOfOne();
    const before = vendor.bills.length;
    const first = await call(key, example);
    expect(first.status, first.text).toBe(200);
    const asked = vendor.bills.length;
    expect(asked).toBeGreaterThan(before);
    const second = await call(key, example);
    expect(second.status).toBeGreaterThanOrEqual(400);
    expect(second.text).toContain('leaves no room for this call');
    expect(vendor.bills).toHaveLength(asked);
    served.set(route, first.requestId ?? '');
  });
});

describe('GET /responses', () => {
  it('takes each turn of a connection for a request', async () => {
    const socket = new WebSocket(`${gateway.url.replace('http', 'ws')}/v1/responses`, {
      headers: { authorization: `Bearer ${await keyOfOne()}` },
    });
    await new Promise((resolve, reject) => void socket.once('open', resolve).once('error', reject));
    const turn = async (): Promise<string> => {
      const said: string[] = [];
      const ended = new Promise<void>((resolve) =>
        socket.on('message', (data) => {
          said.push(String(data));
          if (/"type":"(?:response\.completed|error)"/.test(String(data))) resolve();
        }),
      );
      socket.send(JSON.stringify({ type: 'response.create', model: MODEL, input: 'call-1' }));
      await ended;
      socket.removeAllListeners('message');
      return said.join('\n');
    };
    expect(await turn()).toContain('response.completed');
    const asked = vendor.bills.length;
    expect(await turn()).toContain('leaves no room for this call');
    expect(vendor.bills).toHaveLength(asked);
    socket.close();
  });
});

it('each of them left one row, and refused calls none', async () => {
  expect(served.size).toBe(here.length);
  const rows = () => storedUsage(stateDir).filter(({ request_id }) => [...served.values()].includes(request_id));
  await until(() => rows().length >= here.length && storedLedger(stateDir).waiting === 0, 15_000, 'the rows have gone out');
  const of = Map.groupBy(rows(), ({ request_id }) => request_id);
  expect([...served].filter(([, id]) => of.get(id)?.length !== 1).map(([route]) => route)).toEqual([]);
  // And the one turn of the connection.
  expect(storedUsage(stateDir)).toHaveLength(here.length + 1);
});
