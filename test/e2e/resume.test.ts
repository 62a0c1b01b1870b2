import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { endings, openCall, post, streamed } from '../client.ts';
import { KEY, startTestGateway, type TestGateway, until } from '../gateway.ts';
import { storedLedger, storedUsage } from '../ledger/stored.ts';

const WORDS = Array.from({ length: 10 }, (_, at) => `w${at}`).join(' ');
/** Four words are said before it breaks off: a frame for the role comes first. */
const REST = 'ok/text?words=10&from=4';
const price = { input: 1000, output: 1000 };
const ASKS = { 'x-weir-resume': '1' };

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const openai = { like: 'openai', baseUrl: `${origin}/v1`, key: { value: 'k' }, prices: { '*': price } };
  const anthropic = { like: 'anthropic', baseUrl: origin, key: { value: 'k' }, prices: { '*': price } };
  const from = (fault: string, mark: string, ...rest: readonly string[]) => ({
    targets: [`${fault}&id=${mark}`, ...rest.map((target) => `${target}&id=${mark}`)],
    retry: { attempts: 1 },
    timeout: { firstToken: 30_000, idle: 4_000, total: 60_000 },
  });
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: {
        up: openai,
        ant: anthropic,
        // They go on with what another has begun, each in its own way.
        last: { ...anthropic, quirks: { prefill: { by: 'last' } } },
        flag: { ...openai, quirks: { prefill: { by: 'continue' } } },
        echo: { ...openai, quirks: { prefill: { by: 'prefix', echoes: true } } },
        some: { ...openai, quirks: { prefill: { by: 'last', models: ['other-*'] } } },
      },
      models: {
        'to-anthropic': from('up/fault/reset?n=5&words=10', 'ra1', `last/${REST}`),
        'to-openai': from('ant/fault/reset?n=7&words=10', 'ro1', `flag/${REST}`),
        'same-dialect': from('up/fault/reset?n=5&words=10', 'rs1', `flag/${REST}`),
        echoing: from('up/fault/reset?n=5&words=10', 're1', 'echo/ok/text?words=10'),
        spaced: from('up/fault/reset?n=5&content=spaced', 'rw1', `last/${REST}`),
        truncated: from('up/fault/fin?n=5&words=10', 'rf1', `last/${REST}`),
        stalled: from('up/fault/stall?n=5&words=10', 'rt1', `last/${REST}`),
        'error-inside': from('up/fault/error-mid?n=5&words=10', 'rm1', `last/${REST}`),
        twice: from('up/fault/reset?n=5&words=10', 'rd1', 'last/fault/reset?n=5&words=10&from=4', 'flag/ok/text?words=10&from=6'),
        'all-die': from('up/fault/reset?n=5&words=10', 'rx1', 'last/fault/status?code=500'),
        'in-a-tool-call': from('up/fault/reset?n=5&content=tools', 'rc1', `last/${REST}`),
        'signed-thinking': from('ant/fault/reset?n=8&content=thinking', 'rn1', `last/${REST}`),
        nobody: from('up/fault/reset?n=5&words=10', 'rz1', `up/${REST}`, `some/${REST}`),
        limited: from('up/fault/reset?n=5&words=10', 'rl1', `last/${REST}`),
        tight: from('up/fault/reset?n=5&words=10', 'rg1', `last/${REST}`),
        good: from('up/ok/text?words=10', 'rk1', `last/${REST}`),
        slowly: from('up/fault/reset?n=5&words=10', 'rp1', 'last/fault/held-back?words=10&from=4'),
        leaving: from('up/fault/reset?n=5&words=10', 'rv1', 'last/fault/hang?n=1'),
      },
      limits: { ping: 400 },
    }),
  });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const seen = (mark: string) => gateway.upstream.journal.of(`id=${mark}`);
const sent = (mark: string, at = 1) => JSON.parse(seen(mark)[at]?.body.toString() ?? '{}') as Record<string, unknown>;
const openai = () => new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: KEY, maxRetries: 0 });
const messages = [{ role: 'user' as const, content: 'Count' }];

interface ChatChunk {
  readonly id?: string;
  readonly choices?: readonly { readonly delta?: { readonly content?: string }; readonly finish_reason?: string | null }[];
  readonly usage?: { readonly prompt_tokens: number; readonly completion_tokens: number };
}

/** The chunks of a stream of OpenAI's dialect. */
const chunksOf = (text: string): readonly ChatChunk[] =>
  text
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice('data: '.length)) as ChatChunk);

const saidIn = (text: string) =>
  chunksOf(text)
    .flatMap(({ choices = [] }) => choices.map(({ delta }) => delta?.content ?? ''))
    .join('');

describe('a stream that breaks off, of a caller who asked that another goes on with it', () => {
  it("is one answer to OpenAI's SDK, in another dialect behind the seam", async () => {
    const stream = await openai().chat.completions.create(
      { model: 'to-anthropic', messages, stream: true, stream_options: { include_usage: true }, max_tokens: 100 },
      { headers: ASKS },
    );
    let text = '';
    const ids = new Set<string>();
    let usage: OpenAI.CompletionUsage | undefined | null;
    let finish: string | null = null;
    for await (const chunk of stream) {
      ids.add(chunk.id);
      text += chunk.choices[0]?.delta.content ?? '';
      finish = chunk.choices[0]?.finish_reason ?? finish;
      usage = chunk.usage ?? usage;
    }
    expect(text).toBe(WORDS);
    expect(ids.size).toBe(1);
    expect(finish).toBe('stop');
    expect(sent('ra1')).toMatchObject({ max_tokens: expect.any(Number), messages: [{ role: 'user' }, { role: 'assistant' }] });
    expect(JSON.stringify(sent('ra1').messages)).toContain('w0 w1 w2 w3"');
    expect(Number(sent('ra1').max_tokens)).toBeLessThan(100);
    // The second part by its vendor's word (11 in, 6 out), the first by estimate.
    expect(usage?.prompt_tokens).toBeGreaterThan(11);
    expect(usage?.completion_tokens).toBeGreaterThan(9);
  });

  it("is one message to Anthropic's SDK", async () => {
    const client = new Anthropic({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
    const stream = client.messages.stream({ model: 'to-openai', max_tokens: 100, messages }, { headers: ASKS });
    const blocks = new Set<number>();
    stream.on('streamEvent', (event) => {
      if (event.type === 'content_block_start' || event.type === 'content_block_delta') blocks.add(event.index);
    });
    const message = await stream.finalMessage();
    expect(message.content).toEqual([expect.objectContaining({ type: 'text', text: WORDS })]);
    expect([...blocks]).toEqual([0]);
    expect(message.stop_reason).toBe('end_turn');
    expect(sent('ro1')).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
  });

  it.each([
    ['same-dialect', 'rs1'],
    ['echoing', 're1'],
    ['truncated', 'rf1'],
    ['stalled', 'rt1'],
    ['error-inside', 'rm1'],
  ])('%s', async (model, mark) => {
    const answer = await streamed(gateway.url, 'openai', model, { headers: ASKS });
    expect(saidIn(answer.text)).toBe(WORDS);
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [], rest: '' });
    expect(seen(mark)).toHaveLength(2);
    expect(sent(mark)).toMatchObject({ messages: [{}, { role: 'assistant' }] });
    expect(answer.text).toContain(': weir {"resumed":{"model":"');
  });

  it('is told to go on as each vendor wants it', async () => {
    expect(sent('rs1')).toMatchObject({ continue_final_message: true, add_generation_prompt: false });
    expect(sent('re1').messages).toMatchObject([{}, { role: 'assistant', content: 'w0 w1 w2 w3', prefix: true }]);
    expect(sent('rf1')).not.toHaveProperty('continue_final_message');
  });

  it('has white space at the seam once: vendors refuse a beginning that ends in it', async () => {
    const answer = await streamed(gateway.url, 'openai', 'spaced', { headers: ASKS });
    expect(saidIn(answer.text)).toBe(WORDS);
    expect(JSON.stringify(sent('rw1').messages)).toContain('w0 w1 w2 w3"');
  });

  it('goes on a second time, and tells each seam', async () => {
    const answer = await streamed(gateway.url, 'openai', 'twice', { headers: { ...ASKS, 'x-weir-explain': '1' } });
    expect(saidIn(answer.text)).toMatch(/^w0 w1 w2 w3/);
    expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
    expect(seen('rd1')).toHaveLength(3);
    const [, first, second] = [0, 1, 2].map((at) => JSON.stringify(sent('rd1', at).messages));
    expect(second?.length).toBeGreaterThan(first?.length ?? 0);
    const row = await gateway.row(answer.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({
      status: 'complete',
      attempts: 3,
      facts: { resumed: [{ model: expect.stringContaining('last/'), after: 11 }, { model: expect.stringContaining('flag/') }] },
    });
    expect(row.servedModel).toMatch(/^up\/fault/);
    const told = [...answer.text.matchAll(/: weir (\{"status.*\})/g)][0]?.[1] ?? '{}';
    expect((JSON.parse(told) as { decision: { attempts: readonly { as?: string }[] } }).decision.attempts.map(({ as }) => as)).toEqual([
      undefined,
      'resume',
      'resume',
    ]);
  });

  it('has pings while the next one is asked', async () => {
    const call = await openCall(gateway.url, 'openai', 'slowly', { headers: ASKS });
    await until(() => endings(call.received()).pings >= 2, 15_000, 'two pings');
    gateway.upstream.journal.goOn('id=rp1');
    await until(() => call.response.complete, 15_000, 'the end');
    const text = call.received().toString();
    expect(saidIn(text)).toBe(WORDS);
    expect(endings(call.received()).done).toBe(1);
    expect(text.indexOf('w3')).toBeLessThan(text.indexOf(': ping'));
    expect(text.lastIndexOf(': ping')).toBeLessThan(text.indexOf('resumed'));
  });

  it('is over for all where the caller leaves meanwhile', async () => {
    const call = await openCall(gateway.url, 'openai', 'leaving', { headers: ASKS });
    await until(() => seen('rv1').length === 2, 15_000, 'the next one is asked');
    call.leave();
    await until(() => seen('rv1')[1]?.closedByPeerAt !== undefined, 15_000, 'its connection is closed');
    expect(await gateway.row(String(call.headers['x-weir-request-id']))).toMatchObject({ status: 'aborted', attempts: 2 });
  });

  it('is not touched where nothing breaks', async () => {
    const answer = await streamed(gateway.url, 'openai', 'good', { headers: ASKS });
    expect(saidIn(answer.text)).toBe(WORDS);
    expect(answer.text).not.toContain('resumed');
    expect(seen('rk1')).toHaveLength(1);
  });
});

describe('nobody goes on, and the typed error comes as it does without', () => {
  it.each([
    ['all-die', 'rx1', 2],
    ['in-a-tool-call', 'rc1', 1],
    ['nobody', 'rz1', 1],
  ])('%s', async (model, mark, calls) => {
    const answer = await streamed(gateway.url, 'openai', model, { headers: ASKS });
    expect(answer.text).not.toContain('resumed');
    const { done, errors } = endings(answer.bytes);
    expect(done).toBe(0);
    expect(errors).toHaveLength(1);
    expect(seen(mark)).toHaveLength(calls);
    expect(await gateway.row(answer.headers.get('x-weir-request-id'))).toMatchObject({ status: 'partial', attempts: calls });
  });

  it('of reasoning that its vendor signed', async () => {
    const answer = await streamed(gateway.url, 'anthropic', 'signed-thinking', { headers: ASKS });
    expect(endings(answer.bytes).errors).toHaveLength(1);
    expect(seen('rn1')).toHaveLength(1);
  });

  it.each([
    ['who has not asked', {}, {}],
    ['who wants a certain form', ASKS, { response_format: { type: 'json_object' } }],
    ['who wants two answers', ASKS, { n: 2 }],
    ['whose answer is kept by its vendor', ASKS, { store: true }],
  ])('of a caller %s', async (_who, headers, extra) => {
    const before = seen('ra1').length;
    const answer = await streamed(gateway.url, 'openai', 'to-anthropic', { headers, extra });
    expect(saidIn(answer.text)).toBe('w0 w1 w2 w3');
    expect(endings(answer.bytes)).toMatchObject({ done: 0 });
    expect(endings(answer.bytes).errors).toHaveLength(1);
    expect(seen('ra1')).toHaveLength(before + 1);
  });

  it('of an answer that is not streamed', async () => {
    const response = await post(gateway.url, 'openai', 'good', { headers: ASKS });
    expect(response.status).toBe(200);
  });
});

describe('the account of an answer in parts', () => {
  async function keyWith(limits: readonly object[]): Promise<string> {
    const name = `app-${crypto.randomUUID()}`;
    expect((await gateway.admin('/apps', { method: 'POST', body: JSON.stringify({ team: 'dev', name }) })).status).toBe(201);
    const made = await gateway.admin('/keys', { method: 'POST', body: JSON.stringify({ app: name, name: 'limited', limits }) });
    return ((await made.json()) as { key: string }).key;
  }

  it('has a row for each by who served it, and the call is one request; nothing stays held', async () => {
    const key = await keyWith([
      { unit: 'usd', limit: 10, window: 'month' },
      { unit: 'requests', limit: 1, window: 'month' },
      { unit: 'concurrent', limit: 1 },
    ]);
    const answer = await streamed(gateway.url, 'openai', 'limited', {
      headers: { ...ASKS, authorization: `Bearer ${key}` },
      extra: { max_tokens: 100 },
    });
    expect(saidIn(answer.text)).toBe(WORDS);
    const id = answer.headers.get('x-weir-request-id');
    const rowsOf = () => storedUsage(gateway.stateDir).filter(({ request_id }) => request_id === id);
    await until(() => rowsOf().length === 2, 15_000, 'two rows of account');
    const row = (await gateway.row(id)) as unknown as { cost?: string; usage: { input: number; output: number } };
    const [first, second] = [...rowsOf()].sort((left, right) => left.id.length - right.id.length);
    expect(first).toMatchObject({ id, status: 'partial', estimated: 1 });
    // 11 tokens in and 6 out by the second vendor's word.
    expect(second).toMatchObject({ status: 'complete', cost: 17_000_000, output_tokens: 6 });
    expect((first?.output_tokens ?? 0) + 6).toBe(row.usage.output);
    const { meters, holds } = storedLedger(gateway.stateDir);
    expect(holds).toEqual([]);
    expect(meters.every(({ reserved }) => reserved === 0)).toBe(true);
    const spent = meters.filter(({ key: meter }) => meter.includes('key:usd')).reduce((sum, each) => sum + each.spent, 0);
    expect(spent).toBe((first?.cost ?? 0) + 17_000_000);
  });

  it('ends where a limit leaves no room for the next part', async () => {
    const key = await keyWith([
      { unit: 'requests', limit: 1, window: 'month' },
      { unit: 'usd', limit: 0.13, window: 'month' },
    ]);
    const answer = await streamed(gateway.url, 'openai', 'tight', {
      headers: { ...ASKS, authorization: `Bearer ${key}` },
      extra: { max_tokens: 110 },
    });
    expect(saidIn(answer.text)).toMatch(/^w0 w1 w2 w3/);
    await until(() => storedLedger(gateway.stateDir).holds.length === 0, 15_000, 'nothing is held any more');
  });
});
