import { afterAll, beforeAll, expect, it } from 'vitest';
import { PlanSource } from '../../src/config/load.ts';
import { rolls } from '../../src/config/rolls.ts';
import { rulesOf } from '../../src/door/billing.ts';
import { door } from '../../src/door/index.ts';
import { KeyRing } from '../../src/identity/api-key/ring.ts';
import { AppRing } from '../../src/identity/apps/ring.ts';
import { KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { ask, make, makeFamily, makeKey } from '../tenants.ts';
import { type OperationsUpstream, startOperationsUpstream } from '../upstream/operations.ts';
import { type Body, type Reasoner, startReasoner } from '../upstream/reasoner.ts';
import { anthropicReasoner } from '../upstream/reasoner-wires.ts';
import { type ResponsesVendor, startResponsesVendor } from '../upstream/responses-vendor.ts';

// What callers of one app make, asked for with the keys of others: on every path of the router's table that takes an id,
// and on those that take one in the body, the answer is that of an id which never was.

let gateway: TestGateway;
let files: OperationsUpstream;
let native: ResponsesVendor;
let reasoner: Reasoner;
afterAll(() => Promise.all([gateway?.stop(), files?.close(), native?.close(), reasoner?.close()]));

/** What an app keeps. `own` ids are the vendor's, which every tenant of its one credential might learn. */
type Kind =
  | 'response'
  | 'native response'
  | 'conversation'
  | 'item'
  | 'item of a response'
  | 'file'
  | 'own file'
  | 'output file'
  | 'batch'
  | 'own batch'
  | 'request';
type Ids = { readonly [kind in Kind]: string };

interface Use {
  readonly of: Kind;
  /** Below the prefix. `{id}` is what is asked for, `{conversation}` the asker's own. */
  readonly at: string;
  readonly body?: (id: string) => object;
}

const use = (of: Kind | readonly Kind[], at: string, body?: Use['body']): readonly Use[] =>
  (typeof of === 'string' ? [of] : of).map((kind) => ({ of: kind, at, ...(body === undefined ? {} : { body }) }));

const BOTH = ['response', 'native response'] as const;
const FILES = ['file', 'own file', 'output file'] as const;
const BATCHES = ['batch', 'own batch'] as const;
const message = (content: string) => ({ type: 'message', role: 'user', content });
const chat = { model: 'up/ok/text', input: 'x' };

/** Every route that takes an id, without what stands before its path, and how it is asked for things. */
const MATRIX: { readonly [route: string]: readonly Use[] } = {
  'GET /responses/:at{.+}': [
    ...use(BOTH, '/responses/{id}'),
    ...use(BOTH, '/responses/{id}/input_items'),
    ...use(BOTH, '/responses/{id}?stream=true'),
    ...use('item of a response', '/responses/{id}'),
  ],
  'POST /responses/:at{.+}': use(BOTH, '/responses/{id}/cancel'),
  'DELETE /responses/:at{.+}': use(BOTH, '/responses/{id}'),
  'GET /conversations/:at{.+}': [
    ...use('conversation', '/conversations/{id}'),
    ...use('conversation', '/conversations/{id}/items'),
    ...use('item', '/conversations/{conversation}/items/{id}'),
  ],
  'POST /conversations/:at{.+}': [
    ...use('conversation', '/conversations/{id}', () => ({ metadata: { by: 'them' } })),
    ...use('conversation', '/conversations/{id}/items', () => ({ items: [message('theirs')] })),
  ],
  'DELETE /conversations/:at{.+}': [
    ...use('item', '/conversations/{conversation}/items/{id}'),
    ...use('conversation', '/conversations/{id}'),
  ],
  'GET /files/:id': use(FILES, '/files/{id}'),
  'GET /files/:id/content': use(FILES, '/files/{id}/content'),
  'DELETE /files/:id': use(FILES, '/files/{id}'),
  'GET /batches/:id': use(BATCHES, '/batches/{id}'),
  'POST /batches/:id/cancel': use(BATCHES, '/batches/{id}/cancel'),
  // Ids in queries and bodies.
  'GET /files': use(FILES, '/files?after={id}'),
  'GET /batches': use(BATCHES, '/batches?after={id}'),
  'POST /batches': use(FILES, '/batches', (id) => ({
    input_file_id: id,
    endpoint: '/v1/chat/completions',
    completion_window: '24h',
  })),
  'POST /responses': [
    ...use(BOTH, '/responses', (id) => ({ ...chat, previous_response_id: id })),
    ...use(BOTH, '/responses', (id) => ({ ...chat, model: 'native/m', previous_response_id: id })),
    ...use('conversation', '/responses', (id) => ({ ...chat, conversation: id })),
    ...use('conversation', '/responses', (id) => ({ ...chat, model: 'native/m', conversation: { id } })),
    ...use('item of a response', '/responses', (id) => ({ ...chat, input: [{ type: 'item_reference', id }] })),
  ],
  'POST /feedback': use('request', '/feedback', (id) => ({ request_id: id, score: -1, comment: 'theirs' })),
  'POST /responses/compact': use(BOTH, '/responses/compact', (id) => ({ ...chat, previous_response_id: id })),
  'POST /responses/input_tokens': [
    ...use(BOTH, '/responses/input_tokens', (id) => ({ ...chat, previous_response_id: id })),
    ...use('conversation', '/responses/input_tokens', (id) => ({ ...chat, conversation: id })),
  ],
};

/** Routes whose parameter is the name of a model: of the configuration, and nobody's. What keys may name is asked elsewhere. */
const NAMES_OF_MODELS = [
  'GET /models/:id{.+}',
  'POST /model/:call{.+}',
  'POST /models/:call{.+:(?:embedContent|batchEmbedContents)}',
  'POST /:call{.+:(?:generateContent|streamGenerateContent|countTokens)}',
];
/** Routes whose parameter is the name of an MCP server: of the configuration, and nobody's. Sessions on them: `test/mcp/faults.test.ts`. */
const NAMES_OF_SERVERS = [
  'POST /mcp/:name',
  'GET /mcp/:name',
  'DELETE /mcp/:name',
  'GET /mcp/:name/sse',
  'POST /mcp/:name/messages',
  'GET /.well-known/oauth-protected-resource/mcp/:name',
];
/** Routes whose parameters name a source of a server; whose account it is comes from the caller's own credential: `test/mcp/credentials.test.ts`. */
const NAMES_OF_SOURCES = ['GET', 'POST', 'PUT', 'DELETE'].map((method) => `${method} /oauth/connect/:route/:source`);
/** Azure's: a deployment is a model, whatever is asked of it. */
const DEPLOYMENT = /^\/openai\/deployments\/:call\{\.\+[a-z/]*\}$/;
/** Below it nothing is a caller's: `admin-authorization.test.ts`. */
const ADMIN = 'ALL /admin/v1/*';

interface Route {
  readonly method: string;
  readonly path: string;
  /** What stands before the path that its rule has. */
  readonly prefix: string;
  readonly rule: string;
}

function routes(): readonly Route[] {
  const clock = { now: () => 0 };
  const planSource = new PlanSource({ bundled: {}, local: true, rolls, secrets: { get: () => undefined }, clock, log: () => undefined });
  const ports = () => {
    throw new Error('no request is made here');
  };
  const all = door({ clock, planSource, keys: new KeyRing({ clock, fixed: [] }), apps: new AppRing({ clock }), ports }).routes;
  const known = new Map(all.map((route) => [`${route.method} ${route.path}`, route]));
  return [...known.values()].map(({ method, path }) => {
    const bare = rulesOf(method, path)[0]?.path ?? path;
    return { method, path, prefix: path.endsWith(bare) ? path.slice(0, -bare.length) : '', rule: `${method} ${bare}` };
  });
}

it('every route with an id is in the matrix, and nothing else is', () => {
  const withId = routes().filter(({ path }) => /[:*]/.test(path) && !DEPLOYMENT.test(path));
  expect(withId.length).toBeGreaterThan(50);
  const known = [...Object.keys(MATRIX), ...NAMES_OF_MODELS, ...NAMES_OF_SERVERS, ...NAMES_OF_SOURCES, ADMIN];
  expect(withId.filter(({ rule }) => !known.includes(rule)).map(({ method, path }) => `${method} ${path}`)).toEqual([]);
  expect(known.filter((rule) => !routes().some((route) => route.rule === rule))).toEqual([]);
});

interface Asker {
  readonly name: string;
  readonly key: string;
  /** A conversation of its own. */
  conversation: string;
}

let mine: Asker;
let others: readonly Asker[];
let ids: Ids;
let places: { readonly app: string; readonly neighbour: string };

interface Answer {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly text: string;
}

async function send(
  key: string,
  method: string,
  at: string,
  body?: BodyInit,
  headers: { readonly [name: string]: string } = {},
): Promise<Answer> {
  const response = await fetch(gateway.url + at, {
    method,
    headers: { authorization: `Bearer ${key}`, ...(typeof body === 'string' ? { 'content-type': 'application/json' } : {}), ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, headers: Object.fromEntries(response.headers), text: await response.text() };
}

async function made(key: string, at: string, body: object | FormData, headers = {}): Promise<Body> {
  const { status, text } = await send(key, 'POST', at, body instanceof FormData ? body : JSON.stringify(body), headers);
  if (status !== 200) throw new Error(`${at}: ${status} ${text}`);
  return JSON.parse(text);
}

beforeAll(async () => {
  [gateway, files, native, reasoner] = await Promise.all([
    startTestGateway(),
    startOperationsUpstream(),
    startResponsesVendor('one'),
    startReasoner([anthropicReasoner]),
  ]);
  const key = { value: 'k' };
  const published = await ask(gateway, 'PUT', '/config', {
    providers: {
      up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, dialects: ['openai-chat'], key },
      files: { like: 'openai', baseUrl: `${files.origin}/v1`, key },
      native: { like: 'openai', baseUrl: `${native.origin}/v1`, dialects: ['openai-responses'], key },
      thinks: { like: 'anthropic', baseUrl: reasoner.origin, key },
    },
  });
  if (published.status !== 200) throw new Error(JSON.stringify(published.body));
  const acme = await makeFamily(gateway, 'acme');
  const other = await makeFamily(gateway, 'other');
  const neighbour = await make(gateway, 'apps', { team: acme.team, name: 'neighbour' });
  places = { app: acme.app, neighbour: neighbour.id };
  const keyOf = async (app: string, name: string) => ({ name, key: (await makeKey(gateway, { app, name })).key, conversation: '' });
  mine = await keyOf(acme.app, 'mine');
  others = [await keyOf(other.app, 'stranger'), await keyOf(neighbour.id, 'neighbour'), { name: 'dev', key: KEY, conversation: '' }];
  for (const asker of [mine, ...others]) asker.conversation = (await made(asker.key, '/v1/conversations', { items: [message('own')] })).id;
  ids = await makeAll(mine.key);
});

async function makeAll(key: string): Promise<Ids> {
  const response = await made(key, '/v1/responses', { ...chat, input: 'secret of mine' });
  const nativeResponse = await made(key, '/v1/responses', { model: 'native/m', input: 'secret of mine' });
  const conversation = await made(key, '/v1/conversations', { items: [message('secret of mine')] });
  const items = JSON.parse((await send(key, 'GET', `/v1/conversations/${conversation.id}/items`)).text);
  const form = new FormData();
  form.set('purpose', 'batch');
  const line = '{"custom_id":"mine","method":"POST","url":"/v1/chat/completions","body":{"model":"files/m","messages":[]}}\n';
  form.set('file', new File([line], 'secret of mine.jsonl'));
  const file = await made(key, '/v1/files', form, { 'x-weir-provider': 'files' });
  const batch = await made(key, '/v1/batches', { input_file_id: file.id, endpoint: '/v1/chat/completions', completion_window: '24h' });
  const answered = await send(
    key,
    'POST',
    '/v1/chat/completions',
    JSON.stringify({ model: chat.model, messages: [{ role: 'user', content: 'secret of mine' }] }),
  );
  const request = answered.headers['x-weir-request-id'] ?? '';
  // The log is written behind the answers.
  await gateway.row(request);
  const own = files.asked.find(({ method, path }) => method === 'POST' && path === '/v1/batches')?.json.input_file_id;
  return {
    response: response.id,
    'native response': nativeResponse.id,
    conversation: conversation.id,
    item: items.data[0].id,
    'item of a response': response.output[0].id,
    file: file.id,
    'own file': String(own),
    'output file': batch.output_file_id,
    batch: batch.id,
    'own batch': 'batch_1',
    request,
  };
}

/** An id of the same form that nobody was ever given. */
const neverMade = (id: string) => id.slice(0, -4) + [...id.slice(-4)].map((letter) => (/[a-z]/i.test(letter) ? '0' : 'a')).join('');

/** An answer without what is of this request alone. */
function plain({ status, headers, text }: Answer, id: string) {
  const { date: _, 'x-weir-request-id': __, 'x-request-id': ___, 'request-id': ____, 'content-length': _____, ...rest } = headers;
  const body = text.replaceAll(/req_[0-9a-f]{32}/g, 'req').replaceAll(id, 'id');
  return { status, headers: rest, body };
}

const filled = (at: string, id: string, { conversation }: Asker) =>
  at.replace('{id}', encodeURIComponent(id)).replace('{conversation}', conversation);

async function inParallel<T>(work: readonly T[], each: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...work];
  const worker = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await each(next);
  };
  await Promise.all(Array.from({ length: 32 }, worker));
}

/** All that is to be seen of what the app keeps, by its own key. */
async function seen(): Promise<readonly string[]> {
  const ats = [
    ...BOTH.map((kind) => `/v1/responses/${ids[kind]}`),
    `/v1/responses/${ids.response}/input_items`,
    ...['', '/items', `/items/${ids.item}`].map((at) => `/v1/conversations/${ids.conversation}${at}`),
    ...['', '/content'].flatMap((at) => [`/v1/files/${ids.file}${at}`, `/v1/files/${ids['output file']}${at}`]),
    `/v1/batches/${ids.batch}`,
    '/v1/files',
    '/v1/batches',
  ];
  const answers = await Promise.all(
    ats.map(async (at) => ({ at, ...(await send(mine.key, 'GET', at, undefined, { 'x-weir-provider': 'files' })) })),
  );
  for (const { at, status } of answers) expect(status, at).toBe(200);
  return answers.map(({ at, text }) => `${at} ${text}`);
}

const asked = () => [gateway.upstream.journal.all, files.asked, native.calls, native.others].map(({ length }) => length);

it('an id of another app is an id that never was, on every path, and is none to them', async () => {
  const rows = routes().flatMap(({ method, prefix, rule }) =>
    (MATRIX[rule] ?? []).flatMap((each) =>
      // Whoever asks is the same on every prefix: one of them asks on those that are left.
      (prefix === '/v1' ? others : others.slice(0, 1)).map((asker) => ({ method, prefix, asker, ...each })),
    ),
  );
  expect(rows.length).toBeGreaterThan(250);
  const before = await seen();
  const askedBefore = asked();
  const wrong: string[] = [];
  await inParallel(rows, async ({ method, prefix, asker, of, at, body }) => {
    const answerTo = async (id: string) => {
      const sent = body === undefined ? undefined : JSON.stringify(body(id));
      return plain(await send(asker.key, method, prefix + filled(at, id, asker), sent, { 'x-weir-provider': 'files' }), id);
    };
    const [given, none] = await Promise.all([answerTo(ids[of]), answerTo(neverMade(ids[of]))]);
    const row = `${method} ${prefix}${at} of a ${of} by ${asker.name}`;
    const isError =
      /^\{"error":\{"message":"[^"]+/.test(given.body) && given.headers['content-type']?.startsWith('application/json') === true;
    if (given.status !== 404 || !isError || given.body.includes('secret of mine')) wrong.push(`${row}: ${given.status} ${given.body}`);
    if (JSON.stringify(given) !== JSON.stringify(none)) wrong.push(`${row}: ${JSON.stringify(given)} is not ${JSON.stringify(none)}`);
  });
  expect(wrong).toEqual([]);
  // No provider heard of it: what it keeps for one tenant it would show to all that come with its one credential.
  expect(asked()).toEqual(askedBefore);
  expect(await seen()).toEqual(before);
  for (const { key, name } of others) {
    for (const at of ['/v1/files?limit=100', '/v1/batches?limit=100']) {
      const { text } = await send(key, 'GET', at, undefined, { 'x-weir-provider': 'files' });
      for (const kind of [...FILES, ...BATCHES]) expect(text, `${at} of ${name}`).not.toContain(ids[kind]);
    }
  }
}, 120_000);

it('an item is in its own conversation alone', async () => {
  for (const method of ['GET', 'DELETE'] as const) {
    const { status } = await send(mine.key, method, `/v1/conversations/${mine.conversation}/items/${ids.item}`);
    expect(status).toBe(404);
  }
  expect((await send(mine.key, 'GET', `/v1/conversations/${ids.conversation}/items/${ids.item}`)).status).toBe(200);
});

it('a compaction is read by the app that it was made for, and is nothing to others', async () => {
  const compacted = await made(mine.key, '/v1/responses/compact', { ...chat, input: [message('secret of mine')] });
  const item = compacted.output.find(({ type }: Body) => type === 'compaction');
  const continued = (key: string, encrypted: string) =>
    send(key, 'POST', '/v1/responses', JSON.stringify({ ...chat, input: [{ ...item, encrypted_content: encrypted }, message('on')] }));
  expect((await continued(mine.key, item.encrypted_content)).status).toBe(200);
  for (const { key } of others) {
    const theirs = await continued(key, item.encrypted_content);
    expect(theirs.status).toBe(400);
    const spoilt = `${item.encrypted_content.slice(0, -8)}AAAAAAAA`;
    expect(plain(theirs, item.encrypted_content)).toEqual(plain(await continued(key, spoilt), spoilt));
  }
});

it('signatures that are kept for an app are given back to it alone', async () => {
  const tools = [{ type: 'function', function: { name: 'step', parameters: { type: 'object' } } }];
  const messages: Body[] = [{ role: 'user', content: 'Take five steps.' }];
  const call = { model: 'thinks/mark-owned', tools, reasoning_effort: 'medium', max_completion_tokens: 4096 };
  const first = await made(mine.key, '/v1/chat/completions', { ...call, messages });
  const { content, tool_calls } = first.choices[0].message;
  const documented = tool_calls.map(({ id, type, function: { name, arguments: args } }: Body) => ({
    id,
    type,
    function: { name, arguments: args },
  }));
  messages.push({ role: 'assistant', content, tool_calls: documented }, { role: 'tool', tool_call_id: documented[0].id, content: 'done' });
  const continued = (key: string) => send(key, 'POST', '/v1/chat/completions', JSON.stringify({ ...call, messages }));
  const signature = Buffer.from('signature of owned, turn 0').toString('base64').slice(0, 24);
  for (const { key } of others) {
    expect((await continued(key)).status).toBe(400);
    expect(JSON.stringify(reasoner.calls.at(-1))).not.toContain(signature);
  }
  expect((await continued(mine.key)).status).toBe(200);
  expect(JSON.stringify(reasoner.calls.at(-1))).toContain(signature);
});

it('a run is of its app: what is spent in it, and that it was stopped, is nobody else’s', async () => {
  const inRun = (key: string, run: string) =>
    send(key, 'POST', '/v1/chat/completions', JSON.stringify({ model: 'up/ok/text', messages: [{ role: 'user', content: 'x' }] }), {
      'x-weir-run': run,
    });
  const statuses = (key: string, run: string) => inRun(key, run).then(({ status }) => status);
  const limits = [{ unit: 'requests', limit: 1, per: 'run' }];
  for (const app of [places.app, places.neighbour]) expect((await ask(gateway, 'PATCH', `/apps/${app}`, { limits })).status).toBe(200);
  for (const { key } of [mine, ...others.slice(1, 2)])
    expect([await statuses(key, 'shared'), await statuses(key, 'shared')]).toEqual([200, 400]);
  for (const app of [places.app, places.neighbour]) expect((await ask(gateway, 'PATCH', `/apps/${app}`, { limits: [] })).status).toBe(200);
  expect((await ask(gateway, 'POST', '/runs/halted/stop', { app: places.app })).status).toBe(200);
  // An isolate that has just asked the ledger asks again within the second.
  await until(async () => (await statuses(mine.key, 'halted')) === 400, 15_000, 'the run is stopped');
  for (const { key, name } of others) expect(await statuses(key, 'halted'), name).toBe(200);
});

it('whose they are may do all of it', async () => {
  for (const of of FILES.filter((kind) => kind !== 'own file')) {
    expect((await send(mine.key, 'DELETE', `/v1/files/${ids[of]}`)).status).toBe(200);
  }
  for (const of of BOTH) expect((await send(mine.key, 'DELETE', `/v1/responses/${ids[of]}`)).status).toBe(200);
  expect((await send(mine.key, 'DELETE', `/v1/conversations/${ids.conversation}`)).status).toBe(200);
});
