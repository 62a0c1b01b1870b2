import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyWith, type LimitedKey, left, priced } from '../limited.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';

// Calls that are small to send and dear to answer: what is held grows with what they ask for, or they are refused.

let at: OperationsGateway;
let poor: LimitedKey;
let rich: LimitedKey;
beforeAll(async () => {
  at = await startOperationsGateway();
  await at.publish(priced(at));
  // A token is a thousandth of a dollar, so that a call of ordinary size costs less than one.
  poor = await keyWith(at, [{ unit: 'usd', limit: 20 }]);
  rich = await keyWith(at, [{ unit: 'usd', limit: 9_000_000 }]);
});
afterAll(() => at?.stop());

const RICH = 9_000_000_000_000_000;
const post = (key: LimitedKey, path: string, body: object) =>
  fetch(at.gateway.url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

const CHAT = '/v1/chat/completions';
const hello = [{ role: 'user', content: 'Hello' }];
const chat = (more: object) => ({ model: 'chat/gpt-4o', max_tokens: 100, messages: hello, ...more });
const pictures = (number: number) =>
  chat({
    messages: [
      { role: 'user', content: Array.from({ length: number }, () => ({ type: 'image_url', image_url: { url: 'https://e.com/a.png' } })) },
    ],
  });
const tools = (number: number) =>
  chat({
    tools: Array.from({ length: number }, (_, each) => ({
      type: 'function',
      function: {
        name: `tool_${each}`,
        description: 'does something or other',
        parameters: { type: 'object', properties: { a: { type: 'string' } } },
      },
    })),
  });

const calls: readonly (readonly [name: string, path: string, small: object, huge: object, times: number])[] = [
  ['128 answers at once', CHAT, chat({ n: 1 }), chat({ n: 128 }), 50],
  [
    'an answer of a thousand million tokens',
    CHAT,
    chat({ model: 'chat/nobody-knows' }),
    chat({ model: 'chat/nobody-knows', max_tokens: 1e9 }),
    1e6,
  ],
  ['a thousand pictures to look at', CHAT, pictures(1), pictures(1_000), 500],
  ['ten thousand tools', CHAT, tools(1), tools(10_000), 500],
  ['128 answers in another dialect', '/v1beta/models/chat%2Fgpt-4o:generateContent', ...gemini(1, 128), 50],
  ['twenty completions of which one is shown', '/v1/completions', legacy({}), legacy({ best_of: 20 }), 10],
  ['a thousand pictures to make', '/v1/images/generations', images(1), images(1_000), 999],
  ['a picture as large as there is', '/v1/images/generations', sized('low', '1024x1024'), sized('max', '2880x2880'), 50],
  ['a thousand texts to embed', '/v1/embeddings', embed(1), embed(1_000), 999],
  ['a book to be spoken', '/v1/audio/speech', speak(10), speak(100_000), 9_000],
  ['a thousand documents to rank', '/v1/rerank', rank(1), rank(1_000), 500],
];

function gemini(small: number, huge: number): [object, object] {
  const body = (candidateCount: number) => ({
    contents: [{ role: 'user', parts: [{ text: 'Hello' }] }],
    generationConfig: { candidateCount, maxOutputTokens: 100 },
  });
  return [body(small), body(huge)];
}
function legacy(more: object) {
  return { model: 'chat/gpt-4o', prompt: 'Hello', max_tokens: 100, ...more };
}
function images(n: number) {
  return { model: 'up/picture-w', prompt: 'a', n };
}
function sized(quality: string, size: string) {
  return { model: 'up/tokens-w', prompt: 'a', quality, size };
}
function embed(number: number) {
  return { model: 'up/tokens-w', input: Array.from({ length: number }, () => 'some words to embed, and some more of them') };
}
function speak(number: number) {
  return { model: 'up/letters-w', input: 'word '.repeat(number), voice: 'ash' };
}
function rank(number: number) {
  return { model: 'up/tokens-w', query: 'some words', documents: Array.from({ length: number }, () => 'some other words') };
}

describe.each(calls)('%s', (_name, path, small, huge, times) => {
  it('is held for as much more as it may cost, and not sent where that is too much', async () => {
    const foreseen = async (body: object) => {
      const key = await keyWith(at, [{ unit: 'usd', limit: RICH / 1e9 }]);
      const response = await post(key, path, body);
      await response.arrayBuffer();
      return RICH - left(response);
    };
    const [little, much] = [await foreseen(small), await foreseen(huge)];
    expect(little).toBeGreaterThan(0);
    expect(much).toBeGreaterThan(times * little);
    const seen = () => [at.upstream.asked.length, at.gateway.upstream.journal.all.length];
    const before = seen();
    const response = await post(poor, path, huge);
    const answer = await response.text();
    if (response.status === 200) {
      // Or its vendor is told to keep to what is held.
      expect(mostOf(at.gateway.upstream.journal.all.at(-1)?.body.toString() ?? '')).toBeLessThanOrEqual(20_000);
      return;
    }
    expect(response.status, answer).toBe(400);
    expect(answer).toMatch(/this key, 20 US dollars/);
    expect(seen()).toEqual(before);
  });
});

/** Output tokens that a vendor may make of a call, by the limits that it was told. */
function mostOf(sent: string): number {
  const { max_tokens, max_completion_tokens, n = 1, best_of = 1 } = JSON.parse(sent) as { [name: string]: number | undefined };
  return (max_completion_tokens ?? max_tokens ?? Number.POSITIVE_INFINITY) * Math.max(n, best_of);
}

it('an absurd number is refused, not a failure', async () => {
  for (const key of [poor, rich]) expect((await post(key, '/v1/images/generations', images(1e15))).status).toBe(400);
  const response = await post(rich, CHAT, chat({ model: 'chat/nobody-knows', max_tokens: 9e15, n: 128 }));
  expect([200, 400]).toContain(response.status);
});
