import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { ask as askAdmin, make, makeFamily, makeKey } from '../tenants.ts';
import { type AnsweringUpstream, startAnswering } from '../upstream/answering.ts';

let gateway: TestGateway;
let upstream: AnsweringUpstream;

beforeAll(async () => {
  [gateway, upstream] = await Promise.all([startTestGateway(), startAnswering()]);
  await configure({ mode: 'on' });
});
afterAll(() => Promise.all([gateway?.stop(), upstream?.close()]));

/** Each configuration begins anew: nothing of what was kept before is found. */
async function configure(semantic: object, cache: object = {}): Promise<void> {
  const up = { like: 'openai', baseUrl: `${upstream.origin}/v1`, key: { value: 'k' }, dialects: ['openai-chat'] };
  const document = {
    providers: { up: { ...up, prices: { '*': { input: 1000, output: 1000 } } }, vec: up },
    // The deadline is for a machine that does nothing else.
    policies: [{ use: 'cache', ttl: 300, ...cache, semantic: { timeout: 5_000, ...semantic } }],
  };
  const { status, body } = await askAdmin(gateway, 'PUT', '/config', document);
  if (status !== 200) throw new Error(JSON.stringify(body));
  expect((await askAdmin(gateway, 'POST', '/cache/reset', {})).status).toBe(200);
}

interface Say {
  readonly key?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: object;
}

/** By a limit: clients are told to stop where it is long. */
const REFUSED = [400, 429];

const system = { role: 'system', content: 'You help customers.' };

const gatewayPost = (body: object, key: string, headers: Say['headers'] = {}) =>
  fetch(`${gateway.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });

async function say(text: string, { key = KEY, headers = {}, body = {} }: Say = {}) {
  const asked = { model: 'up/m', messages: [system, { role: 'user', content: text }], max_completion_tokens: 64, ...body };
  const response = await gatewayPost(asked, key, headers);
  const answer = (await response.json()) as OpenAI.ChatCompletion;
  expect(response.status, JSON.stringify(answer)).toBe(200);
  const id = response.headers.get('x-weir-request-id') ?? '';
  return { how: response.headers.get('x-weir-cache'), text: answer.choices[0]?.message.content, headers: response.headers, id };
}
const how = async (text: string, said: Say = {}) => (await say(text, said)).how;

/** What was asked a moment ago is found when it has come to the index. */
async function taught(text: string, said: Say = {}): Promise<string> {
  const { how: came, id } = await say(text, said);
  expect(came).toBe('miss');
  // Its row is written behind the answer, as it is.
  await gateway.row(id);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  return id;
}

const factOf = async (id: string) => ((await gateway.row(id)) as { facts?: { cache?: Record<string, unknown> } }).facts?.cache;
const asked = (text: string) => upstream.asked.filter((each) => each === text).length;

interface Route {
  readonly [field: string]: unknown;
  readonly serves: boolean;
  readonly checked: number;
}
async function route(): Promise<Route | undefined> {
  const { body } = await askAdmin(gateway, 'GET', '/cache');
  return (body.items as Route[]).find((each) => each.route === 'llm');
}
/** Once what was counted is written. */
const counted = (wanted: object) =>
  until(
    async () => {
      const seen = await route();
      return Object.entries(wanted).every(([field, value]) => seen?.[field] === value);
    },
    15_000,
    JSON.stringify(wanted),
  );

const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });

describe('a question in other words', () => {
  const KEPT = 'How do I change the language of the dashboard?';
  const SAME = 'How can I change the language of the dashboard?';

  it('is given the answer of the first, by the official SDK, as a stream, and in another dialect', async () => {
    const of = await taught(KEPT);
    const { data, response } = await openai()
      .chat.completions.create({
        model: 'up/m',
        messages: [
          { role: 'system', content: system.content },
          { role: 'user', content: SAME },
        ],
        max_completion_tokens: 64,
      })
      .withResponse();
    expect(response.headers.get('x-weir-cache')).toBe('semantic');
    const text = `This is what is known of it: ${KEPT}`;
    expect(data.choices[0]?.message.content).toBe(text);
    expect(response.headers.get('x-weir-cost')).toBe('0');
    expect(response.headers.get('x-weir-attempts')).toBe('0');
    const stream = openai().chat.completions.stream({
      ...{ model: 'up/m', max_completion_tokens: 64 },
      messages: [
        { role: 'system', content: system.content },
        { role: 'user', content: SAME },
      ],
    });
    expect((await stream.finalChatCompletion()).choices[0]?.message.content).toBe(text);
    const message = await anthropic().messages.create({
      ...{ model: 'up/m', max_tokens: 64, system: system.content },
      messages: [{ role: 'user', content: SAME }],
    });
    expect(message.content).toMatchObject([{ type: 'text', text }]);
    const answered = await openai().responses.create({
      ...{ model: 'up/m', max_output_tokens: 64, store: false },
      instructions: system.content,
      input: SAME,
    });
    expect(answered.output_text).toBe(text);
    expect([asked(KEPT), asked(SAME)]).toEqual([1, 0]);
    const id = response.headers.get('x-weir-request-id') ?? '';
    expect(await factOf(id)).toMatchObject({
      hit: true,
      semantic: true,
      of,
      saved: '0.015',
      similarity: expect.any(Number),
      certainty: expect.any(Number),
    });
    expect(await gateway.row(id)).toMatchObject({ status: 'complete', attempts: 0, usage: { input: 0, output: 0 } });
    const explained = await say(SAME, { headers: { 'x-weir-explain': '1' } });
    expect(explained.headers.get('x-weir-semantic')).toMatch(new RegExp(`^hit; similarity=[\\d.]+; certainty=[\\d.]+; of=${of}$`));
    await counted({ hits: 5, checked: 0, serves: true, mode: 'on' });
    const scrape = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
    expect(await scrape.text()).toMatch(/^weir_semantic_hits\{org="org_dev",route="llm"\} 5$/m);
  });

  it.each([
    'How do I change the colour of the dashboard?',
    'How do I change the language of the invoice?',
    'How do I not change the language of the dashboard?',
    'Why do I change the language of the dashboard?',
    'How do I change the language of the dashboard in 2 steps?',
    'How do I change the language of the dashboard in France?',
    'How do I change the language of this dashboard?',
    'How do I change the language of the latest dashboard?',
  ])('is not the same with a word changed: %s', async (text) => {
    expect(await how(text)).toBe('miss');
    expect(asked(text)).toBe(1);
  });

  it('is never given to another tenant, under another prompt, by another model, or with a tool', async () => {
    const other = await makeFamily(gateway, 'other');
    const mine = await makeFamily(gateway, 'mine');
    const neighbour = await make(gateway, 'apps', { team: mine.team, name: 'neighbour' });
    const keyOf = async (app: string) => (await makeKey(gateway, { app, name: app })).key;
    const key = await keyOf(mine.app);
    await taught('How do I export the list of members?', { key });
    const same = 'How can I export the list of members?';
    expect(await how(same, { key })).toBe('semantic');
    for (const app of [other.app, neighbour.id]) expect(await how(same, { key: await keyOf(app) })).toBe('miss');
    const tool = { type: 'function', function: { name: 'look', parameters: { type: 'object' } } };
    const user = { role: 'user', content: same };
    for (const body of [
      { model: 'up/n' },
      { model: 'vec/m' },
      { messages: [user] },
      { messages: [{ ...system, content: 'You help pirates.' }, user] },
      { messages: [system, { role: 'user', content: 'Hello' }, { role: 'assistant', content: 'Hi' }, user] },
      { tools: [tool] },
      { response_format: { type: 'json_object' } },
      { temperature: 0.9 },
      { max_completion_tokens: 65 },
    ]) {
      expect(await how(same, { key, body }), JSON.stringify(body)).not.toBe('semantic');
    }
    expect(await how(same, { key, headers: { 'x-weir-cache': 'off' } })).toBe('off');
    expect(await how(same, { key, headers: { 'cache-control': 'no-cache' } })).toBe('miss');
  });

  it('is one request of its caller, and no money', async () => {
    const { app } = await makeFamily(gateway, 'limited');
    const limits = [
      { unit: 'usd', limit: 1, window: 'month' },
      { unit: 'tokens', limit: 1_000, window: 'month' },
      { unit: 'requests', limit: 4, window: '1d' },
    ];
    const { id, key } = await makeKey(gateway, { app, name: 'limited', limits });
    const used = async () => {
      const { body } = await askAdmin(gateway, 'GET', `/keys/${id}/limits`);
      return (body.items as { used: number; held: number }[]).map((each) => each.used + each.held);
    };
    const SAME = 'Where do I download the annual report?';
    await taught('Where can I download the annual report?', { key });
    await until(async () => (await used())[0] === 0.015, 15_000, 'it is settled');
    for (let call = 0; call < 3; call++) expect(await how(SAME, { key })).toBe('semantic');
    const refused = await gatewayPost(
      { model: 'up/m', messages: [system, { role: 'user', content: SAME }], max_completion_tokens: 64 },
      key,
    );
    expect(REFUSED).toContain(refused.status);
    expect(await used()).toEqual([0.015, 15, 4]);
  });

  it('is asked where the answer was thrown away', async () => {
    await taught('How do I invite a colleague to the workspace?');
    const same = 'How can I invite a colleague to the workspace?';
    expect(await how(same)).toBe('semantic');
    expect((await askAdmin(gateway, 'DELETE', '/cache', { model: 'up/m' })).status).toBe(200);
    await until(async () => (await how(same, { headers: { 'x-weir-cache': '' } })) !== 'semantic', 15_000, 'it is thrown away');
  });
});

describe('the modes', () => {
  const PAIRS = ['archive a project', 'rename a project', 'export a project', 'share a project', 'print a project'].map(
    (what) => [`How do I ${what} on the server?`, `How can I ${what} on the server?`] as const,
  );

  it('in shadow nothing is given, and what would have been is compared', async () => {
    await configure({ mode: 'shadow' });
    const [kept, same] = PAIRS[0] ?? ['', ''];
    upstream.says.set(kept, 'Choose Archive in the menu of the project.').set(same, 'Choose "Archive" in the menu of the project');
    await taught(kept);
    const { how: came, id, text } = await say(same);
    expect([came, text]).toEqual(['miss', upstream.says.get(same)]);
    expect(await factOf(id)).toMatchObject({ hit: false, semantic: false, why: 'shadow', result: 'same' });
    await counted({ mode: 'shadow', serves: false, why: 'shadow', hits: 0, checked: 1, wrong: 0 });
  });

  it('in verify it is given and asked again, stops where too many were wrong, and goes on when it is reset', async () => {
    await configure({ mode: 'verify' });
    for (const [kept, same] of PAIRS) {
      upstream.says.set(kept, 'It takes 3 steps.').set(same, 'It takes 9 steps.');
      await taught(kept);
    }
    for (const [at, [, same]] of PAIRS.slice(0, 3).entries()) {
      expect(await say(same)).toMatchObject({ how: 'semantic', text: 'It takes 3 steps.' });
      await counted({ hits: at + 1, checked: at + 1, wrong: at + 1, asked: at + 1 });
      expect(asked(same)).toBeGreaterThanOrEqual(1);
    }
    await counted({ serves: false, why: 'wrong' });
    const [, fourth] = PAIRS[3] ?? ['', ''];
    // Isolates read it again within a second.
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    const stopped = await say(fourth);
    expect(stopped).toMatchObject({ how: 'miss', text: 'It takes 9 steps.' });
    expect(await factOf(stopped.id)).toMatchObject({ hit: false, why: 'wrong', result: 'different' });
    const { status, body } = await askAdmin(gateway, 'POST', '/cache/reset', { route: 'llm', org: 'dev' });
    expect([status, body]).toEqual([200, { reset: true, route: 'llm', org: 'org_dev' }]);
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    expect(await how(PAIRS[4]?.[1] ?? '')).toBe('semantic');
    await counted({ hits: 1, asked: 1, checked: 1, wrong: 1, serves: true });
  });
});

describe('what its caller says of an answer', () => {
  const tell = async (body: object, key = KEY) => {
    const response = await fetch(`${gateway.url}/v1/feedback`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  };

  it('takes a bad one by meaning away at once, and counts, once', async () => {
    await configure({ mode: 'on' });
    await taught('How do I pause the delivery of reports?');
    const same = 'How can I pause the delivery of reports?';
    const { how: came, id } = await say(same);
    expect(came).toBe('semantic');
    const told = await tell({ request_id: id, score: -1, comment: 'That is something else.' });
    expect(told).toEqual({ status: 200, body: { request_id: id, score: -1, comment: 'That is something else.', at: expect.any(Number) } });
    expect(await tell({ request_id: id, score: 1 })).toEqual(told);
    await counted({ checked: 1, wrong: 1 });
    expect(await how(same)).toBe('miss');
    // The answer is still right for its own question.
    expect(await how('How do I pause the delivery of reports?')).toBe('hit');
  });

  it('counts a good one as right, and leaves it', async () => {
    await configure({ mode: 'on' });
    await taught('How do I merge the accounts of a team?');
    const same = 'How can I merge the accounts of a team?';
    const { id } = await say(same);
    expect((await tell({ request_id: id, score: 'good' })).body).toMatchObject({ score: 1, comment: null });
    await counted({ checked: 1, wrong: 0 });
    expect(await how(same)).toBe('semantic');
  });

  it('throws a bad one of its own question away', async () => {
    const text = 'How do I remove the watermark of a page?';
    await taught(text);
    const { how: came, id } = await say(text);
    expect(came).toBe('hit');
    expect((await tell({ request_id: id, score: 'bad' })).status).toBe(200);
    await until(async () => (await how(text)) === 'miss', 15_000, 'it is thrown away');
  });

  it('is taken of the app that made the call, and of nobody else', async () => {
    const { id } = await say('Which formats does the export know?');
    const { app } = await makeFamily(gateway, 'stranger');
    const { key } = await makeKey(gateway, { app, name: 'stranger' });
    const foreign = await tell({ request_id: id, score: -1 }, key);
    const none = await tell({ request_id: `req_${'0'.repeat(32)}`, score: -1 }, key);
    expect([foreign.status, none.status]).toEqual([404, 404]);
    expect(JSON.stringify(foreign.body).replaceAll(/req_\w{32}/g, '')).toBe(JSON.stringify(none.body).replaceAll(/req_\w{32}/g, ''));
    expect((await tell({ request_id: id, score: 1 })).status).toBe(200);
  });

  it.each([
    [{ score: 1 }, 'request_id'],
    [{ request_id: 'req_1' }, 'score'],
    [{ request_id: 'req_1', score: 2 }, 'score'],
    [{ request_id: 'req_1', score: 1, comment: 7 }, 'comment'],
  ])('is refused where it says nothing: %j', async (body, param) => {
    const { status, body: answer } = await tell(body);
    expect(status).toBe(400);
    expect(answer).toMatchObject({ error: { param } });
  });

  it('is refused where it says too much', async () => {
    expect(await tell({ request_id: 'req_1', score: 1, comment: 'x'.repeat(2_001) })).toMatchObject({
      status: 400,
      body: { error: { param: 'comment' } },
    });
  });

  it('is one request of its caller', async () => {
    const { app } = await makeFamily(gateway, 'talker');
    const { key } = await makeKey(gateway, { app, name: 'talker', limits: [{ unit: 'requests', limit: 2, window: '1d' }] });
    const { id } = await say('How do I sort the columns of a table?', { key });
    expect((await tell({ request_id: id, score: 1 }, key)).status).toBe(200);
    expect(REFUSED).toContain((await tell({ request_id: id, score: 1 }, key)).status);
  });

  it('needs a key', async () => {
    expect((await tell({ request_id: 'req_1', score: 1 }, 'nobody')).status).toBe(401);
  });
});

describe('an embedder elsewhere', () => {
  it('is asked, and where it is late or fails the call is a miss and no error', async () => {
    await configure({ mode: 'on', embedding: 'vec/embed', timeout: 5_000 });
    upstream.embeddings = 'answered';
    await taught('How do I hide the header of a page?');
    expect(await how('How can I hide the header of a page?')).toBe('semantic');
    for (const how of ['silent', 'refused'] as const) {
      upstream.embeddings = how;
      const { how: came, id } = await say(`How can I hide the footer of a ${how} page?`);
      expect(came).toBe('miss');
      expect(await factOf(id)).toMatchObject({ hit: false, why: how === 'silent' ? 'late' : expect.stringMatching(/failed|late/) });
    }
  });
});
