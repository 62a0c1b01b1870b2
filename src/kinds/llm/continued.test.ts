import { describe, expect, it } from 'vitest';
import { compile } from '../../config/compile.ts';
import { rolls } from '../../config/rolls.ts';
import { LlmCall } from '../../core/call.ts';
import type { ChatChunk } from '../../core/chat.ts';
import type { Dialect } from '../../core/dialect.ts';
import { fakeExchange, fakePorts } from '../../core/fakes.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import type { Target } from '../../core/strategy.ts';
import { anthropic } from '../../dialects/anthropic/index.ts';
import { openaiChat } from '../../dialects/openai-chat/index.ts';
import { openaiResponses } from '../../dialects/openai-responses/index.ts';
import { continueCall } from './continued.ts';
import { type MemoryContinuity, memoryContinuity } from './continuity/fakes.ts';
import { settle } from './continuity/keeper.ts';

const providers = {
  native: { like: 'openai', baseUrl: 'https://native.example/v1', dialects: ['openai-responses'], key: { value: 'k' } },
  chat: { like: 'openai', baseUrl: 'https://chat.example/v1', dialects: ['openai-chat'], key: { value: 'k' } },
  ant: { like: 'anthropic', baseUrl: 'https://ant.example', key: { value: 'k' } },
};
const planWith = (state: object = {}) => compile({ providers, state }, { revision: 1, local: true, rolls });
const plan = planWith();

const target = (provider: string): Target => ({ provider, model: 'm' });

function exchangeOf(continuity: MemoryContinuity | undefined, principal = 'app_a') {
  const ports = { ...fakePorts(), ...(continuity === undefined ? {} : { continuity }) };
  return fakeExchange({ ports, who: { keyId: 'key_a', org: 'o', team: 't', app: 'a', principal } });
}

const callOf = (dialect: Dialect, body: JsonObject) => LlmCall.read(dialect, JSON.stringify({ model: 'm', ...body }), new Headers());
const respond = (body: JsonObject) => callOf(openaiResponses, body);

/** One turn answered by the provider that keeps nothing; the answer as the caller got it. */
async function answered(body: JsonObject, continuity: MemoryContinuity | undefined, principal?: string): Promise<JsonObject> {
  const continued = await continueCall(respond(body), [target('chat')], exchangeOf(continuity, principal), plan);
  const message = { id: 'msg_1', type: 'message', role: 'assistant', content: [{ type: 'output_text', text: 'yes', annotations: [] }] };
  const id = `resp_${Math.random().toString(36).slice(2)}`;
  const answer = JSON.stringify({ id, object: 'response', status: 'completed', output: [message] });
  const [keeper] = continued.keepers;
  const written = parseJson((await keeper?.whole?.(answer, target('chat'), true)) ?? '');
  if (!isObject(written)) throw new Error('no answer');
  return written;
}

describe('a Responses call', () => {
  it('to a provider that keeps responses itself passes as it came, without a look into storage', async () => {
    const continuity = memoryContinuity();
    const call = respond({ input: 'One' });
    const continued = continueCall(call, [target('native')], exchangeOf(continuity), plan);
    expect(continued).not.toBeInstanceOf(Promise);
    expect((await continued).call).toBe(call);
    expect(continuity.asked).toEqual([]);
    expect((await continueCall(respond({ input: 'One', store: false }), [target('native')], exchangeOf(continuity), plan)).keepers).toEqual(
      [],
    );
  });

  it("continues its own key's responses, and nobody else's", async () => {
    const continuity = memoryContinuity();
    const first = await answered({ input: 'One' }, continuity);
    const id = asString(first.id) ?? '';
    const mine = await continueCall(respond({ input: 'Two', previous_response_id: id }), [target('chat')], exchangeOf(continuity), plan);
    expect(mine.call.chat().messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
    const theirs = continueCall(
      respond({ input: 'Two', previous_response_id: id }),
      [target('chat')],
      exchangeOf(continuity, 'key_b'),
      plan,
    );
    await expect(theirs).rejects.toMatchObject({ code: 'previous_response_not_found', status: 404 });
  });

  it("continues its own key's conversations, and nobody else's", async () => {
    const continuity = memoryContinuity();
    await continuity.put('key_b', [{ kind: 'conversation', id: 'conv_1', value: { id: 'conv_1' }, expiresAt: 9e15 }], plan.state);
    const asking = continueCall(respond({ input: 'Two', conversation: 'conv_1' }), [target('chat')], exchangeOf(continuity), plan);
    await expect(asking).rejects.toMatchObject({ code: 'previous_response_not_found', details: { param: 'conversation' } });
  });

  it('whose response is kept by a provider goes to that provider, for the key that made it', async () => {
    const continuity = memoryContinuity();
    const exchange = exchangeOf(continuity);
    const { keepers } = await continueCall(respond({ input: 'One' }), [target('native')], exchange, plan);
    keepers[0]?.begun?.('resp_native', target('native'));
    const targets = [target('chat'), target('native')];
    const call = respond({ input: 'Two', previous_response_id: 'resp_native' });
    const continued = await continueCall(call, targets, exchange, plan);
    expect(continued.targets).toEqual([target('native')]);
    expect(continued.call).toBe(call);
    await expect(continueCall(call, targets, exchangeOf(continuity, 'key_b'), plan)).rejects.toMatchObject({ status: 404 });
    await expect(continueCall(call, [target('chat')], exchange, plan)).rejects.toMatchObject({ code: 'invalid_request' });
  });

  it('says that its answer is stored only when it is', async () => {
    const continuity = memoryContinuity();
    expect(await answered({ input: 'One' }, continuity)).toMatchObject({ store: true });
    expect(await answered({ input: 'One', store: false }, continuity)).toMatchObject({ store: false });
    expect(await answered({ input: 'One' }, undefined)).toMatchObject({ store: false });
    continuity.break();
    expect(await answered({ input: 'One' }, continuity)).toMatchObject({ store: false });
  });

  it('keeps nothing where the configuration says so', async () => {
    const continuity = memoryContinuity();
    const none = planWith({ responseDays: 0 });
    const continued = await continueCall(respond({ input: 'One' }), [target('chat')], exchangeOf(continuity), none);
    expect(continued.loss).toEqual(['store']);
    const asking = continueCall(respond({ input: 'Two', previous_response_id: 'resp_1' }), [target('chat')], exchangeOf(continuity), none);
    await expect(asking).rejects.toMatchObject({ code: 'state_off', status: 501 });
  });

  it('does not continue a response and a conversation at once', async () => {
    const both = respond({ input: 'One', previous_response_id: 'resp_1', conversation: { id: 'conv_1' } });
    expect(() => continueCall(both, [target('chat')], exchangeOf(memoryContinuity()), plan)).toThrow('cannot both be given');
  });
});

const TOOL_CALL = { id: 'call_1', type: 'function', function: { name: 'look', arguments: '{}' } };
const HISTORY = [
  { role: 'user', content: 'Look.' },
  { role: 'assistant', content: null, tool_calls: [TOOL_CALL] },
  { role: 'tool', tool_call_id: 'call_1', content: 'seen' },
];
const SIGNED: readonly ChatChunk[] = [
  { type: 'thinking', part: 0, choice: 0, text: 'Hm.' },
  { type: 'signature', part: 0, choice: 0, signature: 'c2ln', issuer: 'anthropic' },
  { type: 'tool-call', part: 1, choice: 0, id: 'call_1', name: 'look' },
  { type: 'end' },
];

/** An answer heard to its end by those who keep something of it. */
async function heard(chunks: readonly ChatChunk[], continuity: MemoryContinuity, signatureHours?: number): Promise<void> {
  const call = callOf(openaiChat, { messages: [{ role: 'user', content: 'Look.' }] });
  const of = signatureHours === undefined ? plan : planWith({ signatureHours });
  const { keepers } = await continueCall(call, [target('ant')], exchangeOf(continuity), of);
  for (const chunk of chunks) for (const keeper of keepers) keeper.hear?.(chunk);
  await settle(keepers);
}

describe('signatures of a vendor', () => {
  it('come back to the call that needs them, for the key that was answered', async () => {
    const continuity = memoryContinuity();
    await heard(SIGNED, continuity);
    const call = callOf(openaiChat, { messages: HISTORY });
    const mine = await continueCall(call, [target('ant')], exchangeOf(continuity), plan);
    const { body } = anthropic.writeCall(mine.call.chat(), {});
    expect(JSON.stringify(body)).toContain('{"type":"thinking","thinking":"Hm.","signature":"c2ln"}');
    const theirs = await continueCall(call, [target('ant')], exchangeOf(continuity, 'key_b'), plan);
    expect(theirs.call).toBe(call);
  });

  it('cost no look into storage without tool calls in the history, nor a write without signatures', async () => {
    const continuity = memoryContinuity();
    await continueCall(callOf(openaiChat, { messages: [{ role: 'user', content: 'Hi' }] }), [target('ant')], exchangeOf(continuity), plan);
    await heard([{ type: 'thinking', part: 0, choice: 0, text: 'Hm.' }, ...SIGNED.slice(2)], continuity);
    await heard(SIGNED, continuity, 0);
    expect(continuity.asked).toEqual([]);
  });

  it('are nobody’s business where the dialects are the same, or the caller keeps them itself', async () => {
    const continuity = memoryContinuity();
    const chat = callOf(openaiChat, { messages: HISTORY });
    expect(await continueCall(chat, [target('chat')], exchangeOf(continuity), plan)).toMatchObject({ call: chat, keepers: [] });
    const messages = callOf(anthropic, { max_tokens: 5, messages: [{ role: 'user', content: 'Hi' }] });
    expect(await continueCall(messages, [target('chat')], exchangeOf(continuity), plan)).toMatchObject({ call: messages, keepers: [] });
    expect(continuity.asked).toEqual([]);
  });

  it('are missed, not fatal, where storage fails', async () => {
    const continuity = memoryContinuity();
    continuity.break();
    await expect(heard(SIGNED, continuity)).resolves.toBeUndefined();
  });
});
