import { afterAll, beforeAll, expect, it } from 'vitest';
import { endings, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway();
  const document = {
    providers: { up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'k' } } },
    policies: [{ use: 'cache', ttl: 300, pace: 2 }],
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  expect(response.status, await response.clone().text()).toBeLessThan(300);
});
afterAll(() => gateway?.stop());

const textIn = (events: string) => [...events.matchAll(/"(?:content|text)":"([^"]*)"/g)].map(([, piece]) => piece).join('');

it.each(['openai', 'anthropic'] as const)(
  'streams a kept answer piece by piece, in %s',
  async (dialect) => {
    const model = `up/ok/text?words=3&id=paced-${dialect}`;
    const extra = { stream: true, max_tokens: 256 };
    const first = await streamed(gateway.url, 'openai', model, { extra });
    expect(endings(first.bytes).done).toBe(1);
    const response = await post(gateway.url, dialect, model, { extra });
    expect(response.headers.get('x-weir-cache')).toBe('hit');
    const pieces: Uint8Array[] = [];
    const reader = response.body?.getReader();
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read()) pieces.push(read.value);
    const [begun = new Uint8Array()] = pieces;
    expect(endings(begun).done, 'the end does not come with the beginning').toBe(0);
    expect(endings(Buffer.concat(pieces))).toMatchObject({ done: 1, errors: [], rest: '' });
    expect(textIn(Buffer.concat(pieces).toString())).toBe(textIn(first.text));
    expect(gateway.upstream.journal.of(`id=paced-${dialect}`)).toHaveLength(1);
  },
  20_000,
);
