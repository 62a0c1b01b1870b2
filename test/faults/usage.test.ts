import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, endings, parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { INPUT_TOKENS } from '../upstream/answer.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const WORDS = 20;
const EXACT = { input: INPUT_TOKENS, output: WORDS };

interface Case {
  readonly dialect: Dialect;
  readonly provider: string;
  readonly extra: object;
}
const ways: readonly (Case & { readonly way: string })[] = [
  { way: 'OpenAI untouched', dialect: 'openai', provider: 'up', extra: { stream_options: { include_usage: true } } },
  { way: 'OpenAI with usage hidden', dialect: 'openai', provider: 'up', extra: {} },
  { way: 'Anthropic untouched', dialect: 'anthropic', provider: 'ant', extra: {} },
  { way: 'OpenAI to Anthropic', dialect: 'anthropic', provider: 'up', extra: {} },
  { way: 'Anthropic to OpenAI', dialect: 'openai', provider: 'ant', extra: {} },
];

const rowOf = async ({ dialect, provider, extra }: Case, usage: string) => {
  const answer = await streamed(gateway.url, dialect, `${provider}/ok/text?words=${WORDS}&usage=${usage}`, { extra });
  expect(endings(answer.bytes)).toMatchObject({ done: 1, errors: [] });
  return gateway.row(answer.headers.get('x-weir-request-id'));
};

const isEstimate = (usage: { readonly input: number; readonly output: number; readonly estimated?: boolean } | undefined) => {
  expect(usage?.estimated).toBe(true);
  expect(usage?.output).toBeGreaterThanOrEqual(WORDS);
  expect(usage?.output).toBeLessThan(WORDS * 5);
  expect(usage?.input).toBeGreaterThan(0);
};

describe.concurrent.each(ways)('$way', (way) => {
  it('what the vendor reports is what is logged', async () => {
    expect((await rowOf(way, 'last')).usage).toEqual(expect.objectContaining(EXACT));
  });

  it('reported again and again, the last one counts and nothing is summed', async () => {
    expect((await rowOf(way, 'twice')).usage).toEqual(expect.objectContaining(EXACT));
  });

  it('reported only at the beginning, it counts', async () => {
    expect((await rowOf(way, 'first')).usage).toEqual(expect.objectContaining(EXACT));
  });

  it('not reported, it is estimated and marked so, never zero', async () => {
    isEstimate((await rowOf(way, 'absent')).usage);
  });

  it('absurd, it is refused and estimated', async () => {
    isEstimate((await rowOf(way, 'absurd')).usage);
  });

  it('reported after the end, it is either taken or estimated', async () => {
    if (way.provider === 'ant') return;
    const { usage } = await rowOf(way, 'after-end');
    if (usage?.estimated === true) isEstimate(usage);
    else expect(usage).toEqual(expect.objectContaining(EXACT));
  });

  it('of an answer that is not streamed is the same', async () => {
    const ask = async (usage: string) => {
      const response = await post(gateway.url, way.dialect, `${way.provider}/ok/text?words=${WORDS}&usage=${usage}`);
      expect(response.status).toBe(200);
      return (await gateway.row(response.headers.get('x-weir-request-id'))).usage;
    };
    expect(await ask('last')).toEqual(expect.objectContaining(EXACT));
    isEstimate(await ask('absent'));
    isEstimate(await ask('absurd'));
  });
});

describe('the chunk with usage that only the gateway asked for', () => {
  it.each(['last', 'twice'])('is hidden from a caller who did not ask: %s', async (usage) => {
    const { bytes } = await streamed(gateway.url, 'openai', `up/ok/text?usage=${usage}`);
    const chunks = parseEvents(bytes).events.flatMap(({ data }) =>
      data?.startsWith('{') ? [JSON.parse(data) as { choices: object[] }] : [],
    );
    expect(chunks.every(({ choices }) => choices.length > 0)).toBe(true);
  });

  it('is shown to one who asked', async () => {
    const { bytes } = await streamed(gateway.url, 'openai', 'up/ok/text', { extra: { stream_options: { include_usage: true } } });
    const last = parseEvents(bytes).events.at(-2)?.data ?? '';
    expect(JSON.parse(last)).toMatchObject({ choices: [], usage: { prompt_tokens: INPUT_TOKENS, completion_tokens: WORDS } });
  });

  it('is hidden where the caller said no in so many words, and kept out of nothing else he said', async () => {
    const extra = { stream_options: { include_usage: false, include_obfuscation: false } };
    const { text } = await streamed(gateway.url, 'openai', 'up/ok/text?id=said-no', { extra });
    expect(text).not.toContain('"usage"');
    const sent = JSON.parse(gateway.upstream.journal.one('id=said-no').body.toString());
    expect(sent.stream_options).toEqual({ include_usage: true, include_obfuscation: false });
  });
});
