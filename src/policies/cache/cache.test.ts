import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AskedDigests } from '../../core/cache/digests.ts';
import { Flights } from '../../core/cache/flight.ts';
import type { AnswerCache } from '../../core/cache/port.ts';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import { LlmCall } from '../../core/call.ts';
import type { ChatChunk } from '../../core/chat.ts';
import type { Dialect } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Exchange } from '../../core/exchange.ts';
import { fakeExchange, fakePorts } from '../../core/fakes.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Outcome, PolicyRun } from '../../core/policy.ts';
import { anthropic } from '../../dialects/anthropic/index.ts';
import { gemini } from '../../dialects/gemini/index.ts';
import { openaiChat } from '../../dialects/openai-chat/index.ts';
import { openaiResponses } from '../../dialects/openai-responses/index.ts';
import { cache } from './index.ts';

/** A cache of one test, and what was asked of it. */
class FakeCache implements AnswerCache {
  readonly flights = new Flights(() => 0);
  readonly digests = new AskedDigests();
  readonly asked: string[] = [];
  readonly kept = new Map<string, StoredAnswer>();
  get(key: string) {
    this.asked.push(key);
    return this.kept.get(key);
  }
  put(key: string, answer: StoredAnswer) {
    this.kept.set(key, answer);
  }
}

const SERVED = 'up/m';
function opened(answers: AnswerCache, parts: Partial<Exchange> = {}, settings: JsonObject = {}): PolicyRun {
  const exchange = fakeExchange({
    destination: async (call) => ({ model: SERVED, provider: 'up', under: { revision: 1, beta: call.headers.get('anthropic-beta') } }),
    ...parts,
    ports: { ...fakePorts(), answers },
  });
  return cache.open(cache.config.parse({ ttl: 60, ...settings }), exchange);
}

const callOf = (body: JsonObject, dialect: Dialect = openaiChat, headers: { readonly [name: string]: string } = {}) =>
  LlmCall.read(dialect, JSON.stringify(body), new Headers(headers));

/** What a call is kept by; `undefined` where it is not. */
async function keyOf(call: LlmCall, parts: Partial<Exchange> = {}, settings: JsonObject = {}): Promise<string | undefined> {
  const answers = new FakeCache();
  const run = opened(answers, parts, settings);
  await run.request?.(call);
  await run.end?.({ status: 'aborted', httpStatus: 499 });
  return answers.asked[0];
}

const who = { keyId: 'key_1', org: 'org_1', team: 'team_1', app: 'app_1', principal: 'app_1' };
const BASE = {
  model: 'm',
  messages: [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: 'Hello' },
  ],
};
const tool = (name: string, parameters: JsonObject = {}) => ({ type: 'function', function: { name, parameters } });
const schema = (name: string) => ({
  type: 'json_schema',
  json_schema: { name, schema: { type: 'object', properties: { [name]: { type: 'string' } } } },
});
const word = fc.string({ minLength: 1, maxLength: 8 });

/** One thing that may be said in a call, in two ways that differ. */
const twoWays: fc.Arbitrary<readonly [JsonObject, JsonObject]> = fc
  .tuple(
    fc.uniqueArray(word, { minLength: 2, maxLength: 2 }),
    fc.uniqueArray(fc.integer({ min: 1, max: 1_000_000 }), { minLength: 2, maxLength: 2 }),
    fc.nat(15),
  )
  .map(([[one = '', other = ''], [low = 0, high = 0], which]) => {
    const of = (text: string, number: number): JsonObject => {
      const user = { role: 'user', content: text };
      const changes: readonly JsonObject[] = [
        { model: text },
        { messages: [{ role: 'system', content: text }, ...BASE.messages] },
        { messages: [...BASE.messages, { role: 'assistant', content: text }, { role: 'user', content: 'And?' }] },
        { messages: [user] },
        { messages: [{ role: 'user', content: 'Hello', name: text }] },
        { tools: [tool(text)] },
        { tools: [tool('f', { type: 'object', description: text })] },
        { tools: [tool('f'), tool('g')], tool_choice: { type: 'function', function: { name: text } } },
        { response_format: schema(text) },
        { temperature: number / 1_000_000 },
        { top_p: number / 1_000_000 },
        { seed: number },
        { max_completion_tokens: number },
        { stop: [text] },
        { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: `https://x.test/${number}` } }] }] },
        { vendor_field: text },
      ];
      return { ...BASE, ...changes[which] };
    };
    return [of(one, low), of(other, high)] as const;
  });

describe('the key of an answer', () => {
  it('is never the same for two calls that ask for different things', async () => {
    const keys = new Map<string, string>();
    await fc.assert(
      fc.asyncProperty(twoWays, async ([one, other]) => {
        const [first, second] = [await keyOf(callOf(one)), await keyOf(callOf(other))];
        expect(first).toBeDefined();
        expect(second).not.toBe(first);
        // And not for any two of all the pairs either.
        for (const [key, call] of [
          [first, JSON.stringify(one)],
          [second, JSON.stringify(other)],
        ] as const) {
          expect(keys.get(key ?? '') ?? call).toBe(call);
          keys.set(key ?? '', call);
        }
      }),
      { numRuns: 6_000 },
    );
    expect(keys.size).toBeGreaterThan(5_000);
  }, 120_000);

  it.each<[string, Partial<Exchange>]>([
    ['organisation', { who: { ...who, org: 'org_2' } }],
    ['app', { who: { ...who, app: 'app_2' } }],
    ['route', { who, route: { name: 'other', kind: 'llm' } }],
    ['target', { who, destination: async () => ({ model: 'up/n', provider: 'up', under: { revision: 1, beta: null } }) }],
    ['configuration', { who, destination: async () => ({ model: SERVED, provider: 'up', under: { revision: 2, beta: null } }) }],
  ])('is another one for another %s', async (_what, parts) => {
    expect(await keyOf(callOf(BASE), parts)).not.toBe(await keyOf(callOf(BASE), { who }));
  });

  it.each<[string, JsonObject, { readonly [name: string]: string }]>([
    ['a stream', { stream: true, stream_options: { include_usage: true } }, {}],
    ['whose it is', { user: 'ada', metadata: { team: 'a' }, safety_identifier: 'x', prompt_cache_key: 'y' }, {}],
    ['a header that nobody is handed', {}, { 'x-stainless-retry-count': '1' }],
  ])('does not go by %s', async (_what, extra, headers) => {
    expect(await keyOf(callOf({ ...BASE, ...extra }, openaiChat, headers))).toBe(await keyOf(callOf(BASE)));
  });

  it('goes by a header that the provider is handed', async () => {
    expect(await keyOf(callOf(BASE, openaiChat, { 'anthropic-beta': 'a' }))).not.toBe(await keyOf(callOf(BASE)));
  });

  it('is the same in every dialect', async () => {
    const said = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }] };
    const key = await keyOf(callOf(said));
    expect(await keyOf(callOf(said, anthropic))).toBe(key);
    expect(await keyOf(callOf({ model: 'm', max_output_tokens: 9, input: 'Hello', store: false }, openaiResponses))).toBe(key);
    const list = [{ type: 'text', text: 'Hello' }];
    expect(await keyOf(callOf({ model: 'm', max_completion_tokens: 9, messages: [{ role: 'user', content: list }] }))).toBe(key);
    const items = [{ role: 'user', content: [{ type: 'input_text', text: 'Hello' }] }];
    expect(await keyOf(callOf({ model: 'm', max_output_tokens: 9, input: items, store: false }, openaiResponses))).toBe(key);
    const contents = [{ parts: [{ text: 'Hello' }] }];
    const body = JSON.stringify({ contents, generationConfig: { maxOutputTokens: 9 } });
    expect(await keyOf(LlmCall.read(gemini, body, new Headers(), 'chat', { model: 'm', stream: true }))).toBe(key);
  });

  it('goes by what its dialect cannot read, and its provider is handed', async () => {
    const part = (more: JsonObject) =>
      callOf({ ...BASE, messages: [{ role: 'user', content: [{ type: 'text', text: 'Hello', ...more }] }] });
    expect(new Set([await keyOf(part({})), await keyOf(part({ min_pixels: 1 })), await keyOf(part({ min_pixels: 2 }))]).size).toBe(3);
    const reasoning = { model: 'm', input: 'Hello', store: false };
    const wanted = { ...reasoning, include: ['reasoning.encrypted_content'] };
    expect(await keyOf(callOf(wanted, openaiResponses))).not.toBe(await keyOf(callOf(reasoning, openaiResponses)));
  });

  it('is shared as far as is said', async () => {
    const other = { ...who, app: 'app_2' };
    expect(await keyOf(callOf(BASE), { who: other }, { share: 'org' })).toBe(await keyOf(callOf(BASE), { who }, { share: 'org' }));
    const [ada, bob] = ['ada', 'bob'].map((user) => ({ who: { ...who, user } }));
    expect(await keyOf(callOf(BASE), ada, { share: 'user' })).not.toBe(await keyOf(callOf(BASE), bob, { share: 'user' }));
    expect(await keyOf(callOf(BASE), { who }, { share: 'user' })).toBeUndefined();
  });

  it.each<[string, LlmCall, JsonObject]>([
    ['x-weir-cache: off', callOf(BASE, openaiChat, { 'x-weir-cache': 'off' }), {}],
    ['no-store', callOf(BASE, openaiChat, { 'cache-control': 'max-age=3, No-Store' }), {}],
    ['an answer that may be gone on with', callOf(BASE, openaiChat, { 'x-weir-resume': '1' }), {}],
    ['logprobs', callOf({ ...BASE, logprobs: true }), {}],
    ['speech', callOf({ ...BASE, modalities: ['text', 'audio'], audio: { voice: 'a' } }), {}],
    ['a response that is kept', callOf({ model: 'm', input: 'Hello' }, openaiResponses), {}],
    ['a response that goes on', callOf({ model: 'm', input: 'Hello', store: false, previous_response_id: 'r' }, openaiResponses), {}],
    ['a higher temperature than is kept', callOf({ ...BASE, temperature: 0.3 }), { temperature: 0.2 }],
    ['no temperature where one is wanted', callOf(BASE), { temperature: 0.2 }],
    [
      'a member that stands twice',
      LlmCall.read(openaiChat, '{"model":"m","messages":[{"role":"user","content":"a","content":"b"}]}', new Headers()),
      {},
    ],
  ])('is not there with %s', async (_what, call, settings) => {
    expect(await keyOf(call, {}, settings)).toBeUndefined();
  });
});

const answer = (reason: 'stop' | 'length' | 'content-filter' | 'tool-calls' = 'stop'): ChatChunk[] => [
  { type: 'start' },
  { type: 'text', part: 0, choice: 0, text: 'Hi' },
  { type: 'finish', choice: 0, reason },
  { type: 'end' },
];
const COMPLETE: Outcome = { status: 'complete', httpStatus: 200, servedModel: SERVED };

async function keptAfter(chunks: readonly ChatChunk[], outcome: Outcome, settings: JsonObject = {}): Promise<number> {
  const answers = new FakeCache();
  const run = opened(answers, {}, settings);
  await run.request?.(callOf(BASE));
  for (const chunk of chunks) await run.chunk?.(chunk);
  await run.end?.(outcome);
  return answers.kept.size;
}

describe('an answer is kept', () => {
  it.each([answer(), answer('tool-calls')])('where it is whole', async (...chunks) => {
    expect(await keptAfter(chunks, COMPLETE)).toBe(1);
  });

  const [start, text, finish, end] = answer() as [ChatChunk, ChatChunk, ChatChunk, ChatChunk];
  it.each<[string, readonly ChatChunk[], Outcome]>([
    ['reached its limit', answer('length'), COMPLETE],
    ['was filtered', answer('content-filter'), COMPLETE],
    ['has no end', [start, text, finish], COMPLETE],
    ['has no finish', [start, text, end], COMPLETE],
    ['lacks the finish of one alternative', [start, text, { type: 'text', part: 1, choice: 1, text: 'Ho' }, finish, end], COMPLETE],
    ['refuses', [start, { type: 'refusal', part: 0, choice: 0, text: 'No' }, finish, end], COMPLETE],
    ['fails', [start, text, { type: 'error', error: new GatewayError('upstream_error', 'x') }, finish, end], COMPLETE],
    ['is two in one', [...answer(), ...answer()], COMPLETE],
    ['goes on after its finish', [start, text, finish, text, end], COMPLETE],
    ['broke off', answer(), { ...COMPLETE, status: 'partial' }],
    ['had no hearer', answer(), { ...COMPLETE, status: 'aborted' }],
    ['came from elsewhere', answer(), { ...COMPLETE, servedModel: 'up/n' }],
    ['came from nowhere', answer(), { status: 'complete', httpStatus: 200 }],
  ])('not where it %s', async (_what, chunks, outcome) => {
    expect(await keptAfter(chunks, outcome)).toBe(0);
  });

  it('not where it is too large', async () => {
    const large: ChatChunk[] = answer().map((chunk) => (chunk.type === 'text' ? { ...chunk, text: 'x'.repeat(2_000) } : chunk));
    expect(await keptAfter(large, COMPLETE)).toBe(1);
    expect(await keptAfter(large, COMPLETE, { maxBytes: 2_048 })).toBe(0);
  });

  it('and given to the next who asks, in the dialects that can say it', async () => {
    const answers = new FakeCache();
    const ask = async (call: LlmCall, chunks: readonly ChatChunk[]) => {
      const run = opened(answers);
      const verdict = await run.request?.(call);
      for (const chunk of chunks) await run.chunk?.(chunk);
      await run.end?.(COMPLETE);
      return verdict !== undefined && 'answer' in verdict ? verdict.answer : undefined;
    };
    const said = { model: 'm', max_tokens: 9, messages: [{ role: 'user', content: 'Hello' }] };
    expect(await ask(callOf(said), answer())).toBeUndefined();
    expect(await ask(callOf(said, anthropic), [])).toEqual(answer());
    const signed: ChatChunk[] = [{ type: 'signature', part: 0, choice: 0, signature: 's', issuer: 'anthropic' }];
    const own = [...answer().slice(0, 2), ...signed, ...answer().slice(2)];
    const other = { ...said, max_tokens: 10 };
    expect(await ask(callOf(other, anthropic), own)).toBeUndefined();
    expect(await ask(callOf(other), [])).toBeUndefined();
    expect(await ask(callOf(other, anthropic), [])).toEqual(own);
  });
});
