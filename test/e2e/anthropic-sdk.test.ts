import Current from '@anthropic-ai/sdk';
import Earlier from 'anthropic-sdk-0';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    models: { 'one-try': { targets: ['ant/fault/status?code=429&retry-after=7'], retry: { attempts: 1 } } },
  });
});
afterAll(() => gateway?.stop());

const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city',
  input_schema: {
    type: 'object' as const,
    properties: { city: { type: 'string' }, days: { type: 'integer' } },
    required: ['city', 'days'],
  },
};
const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer' } },
  required: ['name', 'age'],
  additionalProperties: false,
};

// The 1.x SDK sends a bearer and `anthropic-version: 2026-10-21`; the 0.x SDKs send `x-api-key` and `2023-06-01`.
describe.each([
  { name: '1.x', Sdk: Current as unknown as typeof Earlier, version: '2026-10-21', header: 'authorization' },
  { name: '0.x', Sdk: Earlier, version: '2023-06-01', header: 'x-api-key' },
])('the $name SDK', ({ Sdk, version }) => {
  let client: Earlier;
  beforeAll(() => {
    client = new Sdk({ baseURL: gateway.url, apiKey: KEY, maxRetries: 0 });
  });

  const ask = (model: string, extra: object = {}) =>
    client.messages.create({ model, max_tokens: 1024, messages: [{ role: 'user', content: 'Hello there' }], ...extra });

  const stream = (model: string, extra: object = {}) =>
    client.messages.stream({ model, max_tokens: 1024, messages: [{ role: 'user', content: 'Hello there' }], ...extra });

  it('hands its API version to the vendor as it came', async () => {
    await ask(`ant/ok/text?id=version-${version}`);
    expect(gateway.upstream.journal.one(`id=version-${version}`).headers['anthropic-version']).toBe(version);
  });

  it('is answered and streamed to by the sandbox', async () => {
    const answer = await ask('sandbox/echo');
    expect(answer.content.map((block) => (block.type === 'text' ? block.text : '')).join('')).toContain('Hello there');
    expect(answer.stop_reason).toBe('end_turn');
    expect(await stream('sandbox/echo').finalText()).toContain('Hello there');
  });

  it('lists models', async () => {
    const ids: string[] = [];
    for await (const model of client.models.list()) ids.push(model.id);
    expect(ids).toContain('one-try');
    expect(await client.models.retrieve('one-try')).toMatchObject({ id: 'one-try', type: 'model' });
  });

  it('is refused with its own classes', async () => {
    const wrong = new Sdk({ baseURL: gateway.url, apiKey: 'weir_dev_wrong', maxRetries: 0 });
    const refused = wrong.messages.create({ model: 'sandbox/echo', max_tokens: 8, messages: [{ role: 'user', content: 'x' }] });
    await expect(refused).rejects.toThrow(Sdk.AuthenticationError);
    await expect(refused).rejects.toMatchObject({ status: 401, requestID: expect.stringMatching(/.+/) });
    await expect(ask('nobody/nothing')).rejects.toThrow(Sdk.NotFoundError);
    await expect(ask('one-try')).rejects.toThrow(Sdk.RateLimitError);
    await expect(ask('sandbox/echo', { messages: 'none' })).rejects.toThrow(Sdk.BadRequestError);
    const limited = await ask('one-try').catch((thrown: unknown) => thrown);
    // What is left of the seven seconds for which the vendor asked.
    expect(limited instanceof Sdk.APIError && limited.headers?.get('retry-after')).toMatch(/^[1-7]$/);
  });

  describe.each([
    { provider: 'ant', of: 'its own dialect' },
    { provider: 'up', of: "the other vendor's dialect" },
  ])('with an upstream of $of', ({ provider }) => {
    it('answers at once', async () => {
      const answer = await ask(`${provider}/ok/text?words=5`);
      expect(answer).toMatchObject({ type: 'message', role: 'assistant', stop_reason: 'end_turn' });
      expect(answer.content).toEqual([expect.objectContaining({ type: 'text', text: 'w0 w1 w2 w3 w4' })]);
      expect(answer.usage).toMatchObject({ input_tokens: 11, output_tokens: 5 });
    });

    it('streams text', async () => {
      const message = await stream(`${provider}/ok/multibyte`).finalMessage();
      expect(message.content).toEqual([expect.objectContaining({ type: 'text', text: 'Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done' })]);
      expect(message.stop_reason).toBe('end_turn');
      expect(message.usage).toMatchObject({ output_tokens: 6 });
    });

    it('calls several tools', async () => {
      const expected = [
        { id: 'call_1', name: 'get_weather', input: { city: 'Zürich', days: 1 } },
        { id: 'call_2', name: 'get_weather', input: { city: 'Oslo', days: 2 } },
        { id: 'call_3', name: 'get_weather', input: { city: 'Lima', days: 3 } },
      ];
      for (const message of [
        await ask(`${provider}/ok/tools?calls=3`, { tools: [WEATHER] }),
        await stream(`${provider}/ok/tools?calls=3`, { tools: [WEATHER] }).finalMessage(),
      ]) {
        expect(message.stop_reason).toBe('tool_use');
        expect(message.content[0]).toMatchObject({ type: 'text', text: 'Let me look.' });
        expect(message.content.filter((block) => block.type === 'tool_use')).toEqual(expected.map((call) => expect.objectContaining(call)));
      }
    });

    it('streams arguments in fragments, block after block', async () => {
      const opened: number[] = [];
      const closed: number[] = [];
      let fragments = 0;
      for await (const event of stream(`${provider}/ok/tools?calls=2`, { tools: [WEATHER] })) {
        if (event.type === 'content_block_start') opened.push(event.index);
        if (event.type === 'content_block_stop') closed.push(event.index);
        if (event.type === 'content_block_delta' && event.delta.type === 'input_json_delta') fragments++;
      }
      expect(opened).toEqual([0, 1, 2]);
      expect(closed).toEqual(opened);
      expect(fragments).toBeGreaterThan(4);
    });

    it('thinks before it answers', async () => {
      const message = await stream(`${provider}/ok/thinking`).finalMessage();
      expect(message.content.map((block) => block.type)).toEqual(['thinking', 'text']);
      expect(message.content[0]).toMatchObject({ thinking: 'First this, then that.' });
      expect(message.content[1]).toMatchObject({ text: 'The answer.' });
      if (provider === 'ant') expect(message.content[0]).toMatchObject({ signature: 'c2lnbmVk' });
    });

    it('gives a structured answer', async () => {
      const answer = await ask(`${provider}/ok/json?id=schema-${version}-${provider}`, {
        output_config: { format: { type: 'json_schema', schema: SCHEMA } },
      });
      expect(JSON.parse(answer.content.map((block) => (block.type === 'text' ? block.text : '')).join(''))).toEqual(PERSON);
      const sent = JSON.parse(gateway.upstream.journal.one(`id=schema-${version}-${provider}`).body.toString());
      const format = provider === 'ant' ? sent.output_config.format.schema : sent.response_format.json_schema.schema;
      expect(format).toEqual(SCHEMA);
    });

    it('says that the limit cut the answer', async () => {
      expect((await stream(`${provider}/ok/length`).finalMessage()).stop_reason).toBe('max_tokens');
    });

    it("fails with the SDK's own classes", async () => {
      await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toThrow(Sdk.BadRequestError);
      await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toThrow('too long');
      await expect(ask(`${provider}/fault/status?code=500`)).rejects.toThrow(Sdk.InternalServerError);
    });

    it('breaks off with an error that the SDK throws, after the text that came', async () => {
      const broken = stream(`${provider}/fault/reset?n=7`);
      let text = '';
      broken.on('text', (piece) => {
        text += piece;
      });
      await expect(broken.finalMessage()).rejects.toThrow(Sdk.APIError);
      expect(text).toMatch(/^w0 w1 w2/);
    });
  });
});
