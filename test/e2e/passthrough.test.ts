import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Dialect, parseEvents, post, streamed } from '../client.ts';
import { startTestGateway, type TestGateway } from '../gateway.ts';
import { anthropicWire } from '../upstream/anthropic-wire.ts';
import { openaiWire } from '../upstream/openai-wire.ts';
import { expected } from '../upstream/server.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway?.stop());

const ASKS_USAGE = { stream_options: { include_usage: true } };
const scripts = ['ok/text', 'ok/multibyte', 'ok/tools?calls=3', 'ok/thinking', 'ok/json', 'ok/length'];

describe('a stream that stays in its dialect', () => {
  it.each(scripts)('reaches an OpenAI client byte for byte when it asked for usage: %s', async (script) => {
    const { status, bytes, headers } = await streamed(gateway.url, 'openai', `up/${script}`, { extra: ASKS_USAGE });
    expect(status).toBe(200);
    expect(headers.get('content-type')).toMatch(/^text\/event-stream/);
    expect(Buffer.from(bytes).toString()).toBe(expected(script, openaiWire).bytes.toString());
  });

  it.each(scripts)('reaches an OpenAI client byte for byte save the usage chunk it did not ask for: %s', async (script) => {
    const { bytes } = await streamed(gateway.url, 'openai', `up/${script}`);
    expect(Buffer.from(bytes).toString()).toBe(expected(script, openaiWire, false).bytes.toString());
  });

  it.each(scripts)('reaches an Anthropic client byte for byte: %s', async (script) => {
    const { status, bytes } = await streamed(gateway.url, 'anthropic', `ant/${script}`);
    expect(status).toBe(200);
    expect(Buffer.from(bytes).toString()).toBe(expected(script, anthropicWire).bytes.toString());
  });

  it.each([1, 2, 3, 7, 61])('is the same however the upstream splits its bytes: %i at a time', async (size) => {
    const script = `fault/split?size=${size}&content=${size < 7 ? 'short' : 'multibyte'}`;
    const [openai, hidden, anthropic] = await Promise.all([
      streamed(gateway.url, 'openai', `up/${script}`, { extra: ASKS_USAGE }),
      streamed(gateway.url, 'openai', `up/${script}`),
      streamed(gateway.url, 'anthropic', `ant/${script}`),
    ]);
    expect(openai.text).toBe(expected(script, openaiWire).bytes.toString());
    expect(hidden.text).toBe(expected(script, openaiWire, false).bytes.toString());
    expect(anthropic.text).toBe(expected(script, anthropicWire).bytes.toString());
  });

  it('asks the upstream for usage even where the caller did not, and changes nothing else of the body', async () => {
    await streamed(gateway.url, 'openai', 'up/ok/text?id=asks-usage');
    const seen = gateway.upstream.journal.one('id=asks-usage');
    expect(JSON.parse(seen.body.toString())).toEqual({
      model: 'ok/text?id=asks-usage',
      messages: [{ role: 'user', content: 'Hello' }],
      stream: true,
      stream_options: { include_usage: true },
    });
  });
});

describe('a stream that is translated', () => {
  const translations: readonly { readonly to: Dialect; readonly provider: string }[] = [
    { to: 'anthropic', provider: 'up' },
    { to: 'openai', provider: 'ant' },
  ];
  it.each(translations)('is the same however the upstream splits its bytes: $provider to $to', async ({ to, provider }) => {
    const texts = await Promise.all(
      [1, 5, 17, 100_000].map(async (size) => {
        const { text } = await streamed(gateway.url, to, `${provider}/fault/split?size=${size}&content=short`);
        // Ids and times that the gateway makes up differ from call to call.
        return parseEvents(Buffer.from(text)).events.map(({ data }) =>
          (data ?? '').replace(/"(id|created)":("[^"]*"|\d+),?/g, '').replace(/size=\d+/g, ''),
        );
      }),
    );
    const [first, ...rest] = texts;
    expect(first?.length).toBeGreaterThan(3);
    for (const each of rest) expect(each).toEqual(first);
  });
});

describe('a JSON answer that stays in its dialect', () => {
  it.each(scripts)("is the upstream's own: %s", async (script) => {
    const openai = await (await post(gateway.url, 'openai', `up/${script}`)).json();
    expect(openai).toEqual(expected(script, openaiWire).whole);
    const anthropic = await (await post(gateway.url, 'anthropic', `ant/${script}`)).json();
    expect(anthropic).toEqual(expected(script, anthropicWire).whole);
  });

  it('carries fields that no codec knows, in both directions', async () => {
    const extra = { some_new_field: { deep: [1, 2.5, 'x'] }, metadata: { a: '1' } };
    await post(gateway.url, 'openai', 'up/ok/text?id=unknown-field', { extra });
    const sent = JSON.parse(gateway.upstream.journal.one('id=unknown-field').body.toString());
    expect(sent).toMatchObject(extra);
  });
});
