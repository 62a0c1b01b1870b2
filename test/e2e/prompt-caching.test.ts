import Anthropic from '@anthropic-ai/sdk';
import { BedrockRuntimeClient, ConverseCommand } from '@aws-sdk/client-bedrock-runtime';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADMIN_TOKEN, KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { parseScrape, total } from '../prometheus.ts';
import { ACCESS_KEY, type BedrockUpstream, REGION, startBedrock } from '../upstream/bedrock.ts';
import { type CachingVendor, startCachingVendor } from '../upstream/caching-vendor.ts';

// What vendors are sent where a model asks for help with their prompt caches, and what that saves.

const LONG = 'The terms of the service say that the customer may ask for a refund within thirty days. '.repeat(120);
const CLAUDE = 'claude-sonnet-4-5';
const BEDROCK = 'eu.anthropic.claude-text-v1:0';
// A million tokens: 3 dollars, 0.30 from the cache, 3.75 into it.
const PRICES = { '*': { input: 3, output: 15, cacheRead: 0.3, cacheWrite5m: 3.75 } };

let gateway: TestGateway;
let vendor: CachingVendor;
let aws: BedrockUpstream;

beforeAll(async () => {
  [gateway, vendor, aws] = await Promise.all([startTestGateway(), startCachingVendor(), startBedrock()]);
  const account = (like: string, name: string) => [
    name,
    { like, baseUrl: like === 'openai' ? `${vendor.origin}/v1` : vendor.origin, key: { value: name }, prices: PRICES },
  ];
  const published = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        ...Object.fromEntries(['ant', 'ant-two'].map((name) => account('anthropic', name))),
        ...Object.fromEntries(['oai', 'oai-two'].map((name) => account('openai', name))),
        aws: {
          like: 'bedrock',
          baseUrl: aws.origin,
          settings: { region: REGION },
          key: { value: `${ACCESS_KEY.accessKeyId}:${ACCESS_KEY.secretAccessKey}` },
        },
      },
      models: {
        claude: { targets: [`ant/${CLAUDE}`], promptCache: true },
        hour: { targets: [`ant/${CLAUDE}`], promptCache: { ttl: '1h' } },
        plain: { targets: [`ant/${CLAUDE}`] },
        'plain-gpt': { targets: ['oai/gpt-5'] },
        gpt: { targets: ['oai/gpt-5'], promptCache: true, retry: { attempts: 1 } },
        nova: { targets: [`aws/${BEDROCK}`], promptCache: true },
        outer: { targets: ['plain', 'inner'], promptCache: true },
        inner: { targets: [`ant-two/${CLAUDE}`], promptCache: false },
        several: { strategy: 'weighted', targets: [`ant/${CLAUDE}`, `ant-two/${CLAUDE}`], promptCache: true },
        unbound: { strategy: 'weighted', targets: ['oai/gpt-5', 'oai-two/gpt-5'], promptCache: true, affinity: false },
      },
    }),
  });
  expect(published.status, await published.clone().text()).toBe(200);
}, 60_000);
afterAll(() => Promise.all([gateway?.stop(), vendor?.close(), aws?.close()]));

const anthropic = () => new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
const openai = (apiKey = KEY) => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey, maxRetries: 0 });
const lastBody = () => JSON.parse(vendor.asked.at(-1)?.text ?? '{}');
/** Paths at which something is marked, in the order of the body. */
function marksIn(value: unknown, path = ''): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, part]) =>
    name === 'cache_control' || name === 'cachePoint' ? [path] : marksIn(part, `${path}/${name}`),
  );
}

async function factsOf(id: string | null) {
  const row = await gateway.row(id);
  const answer = await gateway.admin(`/requests/${row.id}`);
  return ((await answer.json()) as { facts?: { promptCache?: { saved: string; surcharge: string } } }).facts?.promptCache;
}

describe('a conversation with Anthropic, by its own SDK', () => {
  const turns = ['How long do I have?', 'And for books?', 'And for food?'];

  async function conversation(model: string, system: string) {
    const messages: Anthropic.MessageParam[] = [];
    const usages: Anthropic.Usage[] = [];
    const ids: (string | null)[] = [];
    for (const turn of turns) {
      messages.push({ role: 'user', content: turn });
      const { data, response } = await anthropic().messages.create({ model, max_tokens: 50, system, messages }).withResponse();
      usages.push(data.usage);
      ids.push(response.headers.get('x-weir-request-id'));
      messages.push({ role: 'assistant', content: data.content });
    }
    return { usages, ids };
  }

  it('has its beginning kept, read again, and the money that saves told', async () => {
    const { usages, ids } = await conversation('claude', LONG);
    expect(usages.map(({ cache_read_input_tokens: read }) => (read ?? 0) > 2_000)).toEqual([false, true, true]);
    // What is written with each turn is what has come since, and no more.
    expect(usages.map(({ cache_creation_input_tokens: write }) => (write ?? 0) > 2_000)).toEqual([true, false, false]);
    expect(usages[2]?.cache_read_input_tokens ?? 0).toBeGreaterThan(usages[1]?.cache_read_input_tokens ?? 0);
    const facts = await Promise.all(ids.map(factsOf));
    const [first, second] = usages;
    const dollars = (tokens: number, rate: number) => Number(((tokens * rate) / 1e6).toFixed(9));
    expect(Number(facts[0]?.saved)).toBe(0);
    expect(Number(facts[0]?.surcharge)).toBeCloseTo(dollars(first?.cache_creation_input_tokens ?? 0, 0.75), 9);
    expect(Number(facts[1]?.saved)).toBeCloseTo(dollars(second?.cache_read_input_tokens ?? 0, 2.7), 9);
    expect(marksIn(lastBody())).toEqual(['/system/0', '/messages/3/content/0']);
  });

  it('streams likewise', async () => {
    const stream = anthropic().messages.stream({
      model: 'claude',
      max_tokens: 50,
      system: LONG,
      messages: [{ role: 'user', content: 'One more question' }],
    });
    const { usage } = await stream.finalMessage();
    expect(usage.cache_read_input_tokens ?? 0).toBeGreaterThan(2_000);
    const facts = await factsOf((await stream.withResponse()).response.headers.get('x-weir-request-id'));
    expect(Number(facts?.saved)).toBeGreaterThan(0.005);
  });

  it('is not kept where nobody asks for it: the body leaves as it came, byte by byte, but for the name of the model', async () => {
    const text = `{ "model" : "plain",  "max_tokens":50, "x":1.0, "system" : ${JSON.stringify(LONG)} ,\n "messages":[{"role":"user","content":"Hi"}] }`;
    const answer = await fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'x-api-key': KEY, 'content-type': 'application/json' },
      body: text,
    });
    expect(answer.status).toBe(200);
    expect(vendor.asked.at(-1)?.text).toBe(text.replace('"plain"', `"${CLAUDE}"`));
    const { usages } = await conversation('plain', `${LONG} Plain.`);
    for (const usage of usages) expect([usage.cache_read_input_tokens, usage.cache_creation_input_tokens]).toEqual([0, 0]);
  });

  it('keeps everything else of the body as the caller wrote it', async () => {
    const messages = '[{"role":"user","content":"Hi"}]';
    const text = `{"model":"claude","system":${JSON.stringify(LONG)},"max_tokens":50, "temperature" : 1.0,"messages":${messages}}`;
    await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': KEY }, body: text });
    const sent = vendor.asked.at(-1)?.text ?? '';
    expect(sent).toContain(`"max_tokens":50, "temperature" : 1.0,"messages":${messages}`);
    expect(marksIn(JSON.parse(sent))).toEqual(['/system/0']);
  });

  it('is left alone where a number would change by being read', async () => {
    const tools = `[{"name":"a","description":${JSON.stringify(LONG)},"input_schema":{"type":"object","maximum":12345678901234567890}}]`;
    const text = `{"model":"claude","max_tokens":50,"tools":${tools},"messages":[{"role":"user","content":"Hi"}]}`;
    await fetch(`${gateway.url}/v1/messages`, { method: 'POST', headers: { 'x-api-key': KEY }, body: text });
    expect(vendor.asked.at(-1)?.text).toBe(text.replace('"claude"', `"${CLAUDE}"`));
  });

  it('is left to a caller who has marked it himself', async () => {
    const own = { type: 'text' as const, text: LONG, cache_control: { type: 'ephemeral' as const, ttl: '1h' as const } };
    await anthropic().messages.create({
      model: 'claude',
      max_tokens: 50,
      system: [own, { type: 'text', text: 'Be brief.' }],
      messages: [{ role: 'user', content: 'Hi' }],
    });
    expect(lastBody().system).toEqual([own, { type: 'text', text: 'Be brief.' }]);
    expect(marksIn(lastBody())).toEqual(['/system/0']);
  });

  it('is kept for an hour where the model says so, and by the innermost model that names the target', async () => {
    const ask = (model: string) =>
      anthropic().messages.create({ model, max_tokens: 50, system: LONG, messages: [{ role: 'user', content: 'Hi' }] });
    await ask('hour');
    expect(lastBody().system[0].cache_control).toEqual({ type: 'ephemeral', ttl: '1h' });
    // The model within says nothing of it, and so the one that was asked for holds.
    await ask('outer');
    expect(marksIn(lastBody())).toEqual(['/system/0']);
    await ask('inner');
    expect(marksIn(lastBody())).toEqual([]);
  });
});

describe('a caller who speaks another dialect', () => {
  const tools: OpenAI.ChatCompletionTool[] = [
    { type: 'function', function: { name: 'look_up', description: LONG, parameters: { type: 'object', properties: {} } } },
  ];
  const messages: OpenAI.ChatCompletionMessageParam[] = [
    { role: 'system', content: LONG },
    { role: 'user', content: 'How long do I have?' },
    { role: 'assistant', content: null, tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'look_up', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'call_1', content: 'Thirty days.' },
  ];

  it('has the beginning marked for Anthropic, in a loop of tools behind the results too', async () => {
    const { data, response } = await openai().chat.completions.create({ model: 'claude', messages, tools }).withResponse();
    expect(data.choices[0]?.message.content).toBe('Yes.');
    expect(response.headers.get('x-weir-loss')).toBeNull();
    expect(marksIn(lastBody()).toSorted()).toEqual(['/messages/1/content/0', '/messages/2/content/0', '/system/0', '/tools/0']);
    const again = await openai().chat.completions.create({ model: 'claude', messages, tools });
    expect(again.usage?.prompt_tokens_details?.cached_tokens ?? 0).toBeGreaterThan(2_000);
  });

  it('has it marked for Bedrock', async () => {
    await openai().chat.completions.create({ model: 'nova', messages, tools });
    const { body } = aws.seen.at(-1) ?? { body: {} };
    expect(marksIn(body).toSorted()).toEqual(['/messages/1/content/1', '/messages/2/content/1', '/system/1', '/toolConfig/tools/1']);
  });

  it("as has a caller who speaks Bedrock's own, by AWS's SDK", async () => {
    const client = new BedrockRuntimeClient({
      region: REGION,
      endpoint: gateway.url,
      token: { token: KEY },
      authSchemePreference: ['httpBearerAuth'],
      requestHandler: new NodeHttpHandler(),
      maxAttempts: 1,
    });
    const call = { system: [{ text: LONG }], messages: [{ role: 'user' as const, content: [{ text: 'Hi' }] }] };
    await client.send(new ConverseCommand({ modelId: 'nova', ...call }));
    expect(aws.seen.at(-1)?.body).toMatchObject({ system: [{ text: LONG }, { cachePoint: { type: 'default' } }] });
    await client.send(new ConverseCommand({ modelId: `aws/${BEDROCK}`, ...call }));
    expect(marksIn(aws.seen.at(-1)?.body)).toEqual([]);
    client.destroy();
  });
});

describe('a call to OpenAI', () => {
  const ask = async (model: string, system: string, first: string, parts: object = {}, key = KEY) => {
    const messages = [
      { role: 'system' as const, content: system },
      { role: 'user' as const, content: first },
    ];
    await openai(key).chat.completions.create({ model, messages, ...parts });
    return lastBody().prompt_cache_key as string | undefined;
  };

  it('names what it begins with: the same for the same instructions, another for others', async () => {
    const key = await ask('gpt', LONG, 'One');
    expect(key).toMatch(/^weir-[0-9a-f]{16}$/);
    expect(await ask('gpt', LONG, 'Two')).toBe(key);
    expect(await ask('gpt', `${LONG}!`, 'One')).not.toBe(key);
    await openai()
      .responses.create({ model: 'gpt', instructions: LONG, input: 'One', store: false })
      .catch(() => undefined);
    expect(lastBody().prompt_cache_key).toMatch(/^weir-/);
  });

  it('names it otherwise for another app, so that tenants do not share', async () => {
    const created = await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team: 'dev', name: 'second' }) });
    expect(created.status).toBe(201);
    const issued = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: 'second', name: 'k' }) });
    const { key } = (await issued.json()) as { key: string };
    expect(await ask('gpt', LONG, 'One', {}, key)).not.toBe(await ask('gpt', LONG, 'One'));
  });

  it("keeps the caller's own name, and has none where nobody asks for it", async () => {
    expect(await ask('gpt', LONG, 'One', { prompt_cache_key: 'mine' })).toBe('mine');
    expect(await ask('plain-gpt', LONG, 'One')).toBeUndefined();
    expect(vendor.asked.at(-1)?.text).not.toContain('prompt_cache_key');
  });
});

describe('a conversation over several accounts', () => {
  async function accounts(model: string, first: string, turns: number) {
    const before = vendor.asked.length;
    const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: first }];
    for (let turn = 0; turn < turns; turn++) {
      const answer = await openai().chat.completions.create({ model, messages });
      messages.push({ role: 'assistant', content: answer.choices[0]?.message.content ?? '' }, { role: 'user', content: `and ${turn}` });
    }
    return new Set(vendor.asked.slice(before).map(({ account }) => account)).size;
  }

  it('stays with the one that has kept its beginning, unless the model says otherwise', async () => {
    for (let at = 0; at < 6; at++) expect(await accounts('several', `Conversation ${at}`, 5)).toBe(1);
    // By chance alone 24 turns would all go to one account once in eight million times.
    expect(await accounts('unbound', 'Unbound', 24)).toBe(2);
  });
});

it('the metrics add up what was saved, and what writing cost', async () => {
  const calls = vendor.asked.length + aws.seen.length;
  const rows = await gateway.rows({}, calls);
  const facts = await Promise.all(rows.map(({ id }) => factsOf(id)));
  const sumOf = (part: 'saved' | 'surcharge') => facts.reduce((sum, fact) => sum + Number(fact?.[part] ?? 0), 0);
  expect(sumOf('saved')).toBeGreaterThan(0.01);
  const answer = await fetch(`${gateway.url}/metrics`, { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } });
  const scrape = parseScrape(await answer.text());
  expect(total(scrape, 'weir_prompt_cache_saved_usd_total')).toBeCloseTo(sumOf('saved'), 7);
  expect(total(scrape, 'weir_prompt_cache_surcharge_usd_total')).toBeCloseTo(sumOf('surcharge'), 7);
});
