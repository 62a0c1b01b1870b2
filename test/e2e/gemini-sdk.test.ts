import { type Content, GoogleGenAI as Current, type Part } from '@google/genai';
import { GoogleGenAI as Earlier } from 'google-genai-1';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ANT_KEY, KEY, startTestGateway, type TestGateway, UP_KEY } from '../gateway.ts';
import { PERSON } from '../upstream/answer.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  const { origin } = gateway.upstream;
  const document = {
    providers: {
      gem: { like: 'google', baseUrl: `${origin}/v1beta`, key: { value: 'gem-credential-canary' } },
      up: { like: 'openai', baseUrl: `${origin}/v1`, key: { secret: 'UP_KEY' } },
      ant: { like: 'anthropic', baseUrl: origin, key: { value: ANT_KEY } },
    },
    models: { 'one-try': { targets: ['gem/fault/status?code=429&retry-after=7'], strategy: 'failover', retry: { attempts: 1 } } },
    limits: { ping: 200 },
  };
  const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
  if (!response.ok) throw new Error(await response.text());
});
afterAll(() => gateway?.stop());

const WEATHER = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: {
    type: 'OBJECT' as const,
    properties: { city: { type: 'STRING' as const }, days: { type: 'INTEGER' as const, nullable: true } },
    required: ['city', 'days'],
  },
};
const SCHEMA = { type: 'object', properties: { name: { type: 'string' }, age: { type: 'integer' } }, required: ['name', 'age'] };
const CREDENTIALS: { readonly [provider: string]: string } = { gem: 'gem-credential-canary', up: UP_KEY, ant: ANT_KEY };

/** As a client writes a model whose name holds more than letters. */
const named = (model: string) => encodeURIComponent(model);
const partsOf = (answer: { readonly candidates?: readonly { readonly content?: { readonly parts?: readonly object[] } }[] }) =>
  (answer.candidates?.[0]?.content?.parts ?? []) as readonly Part[];

// 3.x calls `/v1/models/…`, 1.x `/v1beta/models/…`.
describe.each([
  { name: '3.x', Sdk: Current as unknown as typeof Earlier },
  { name: '1.x', Sdk: Earlier },
])('the $name SDK', ({ name, Sdk }) => {
  let client: Earlier;
  beforeAll(() => {
    client = new Sdk({ apiKey: KEY, httpOptions: { baseUrl: gateway.url } });
  });

  const ask = (model: string, config: object = {}, contents: unknown = 'Hello there') =>
    client.models.generateContent({ model: named(model), contents: contents as string, config });
  const stream = async (model: string, config: object = {}) => {
    const events = [];
    for await (const event of await client.models.generateContentStream({ model: named(model), contents: 'Hello there', config }))
      events.push(event);
    return { events, parts: events.flatMap(partsOf), last: events.at(-1) };
  };
  const textOf = (parts: readonly Part[]) => parts.map(({ text, thought }) => (thought === true ? '' : (text ?? ''))).join('');

  it('is answered and streamed to by the sandbox', async () => {
    expect((await ask('sandbox/echo')).text).toContain('Hello there');
    expect(textOf((await stream('sandbox/echo')).parts)).toContain('Hello there');
  });

  it('names a model with its slash as it is', async () => {
    expect((await client.models.generateContent({ model: 'sandbox/echo', contents: 'As it is' })).text).toContain('As it is');
  });

  it('is refused with its own class, which holds the status', async () => {
    const wrong = new Sdk({ apiKey: 'weir_dev_wrong', httpOptions: { baseUrl: gateway.url } });
    const refused = wrong.models.generateContent({ model: 'sandbox/echo', contents: 'x' });
    await expect(refused).rejects.toMatchObject({ name: 'ApiError', status: 401, message: expect.stringContaining('UNAUTHENTICATED') });
    await expect(ask('nobody/nothing')).rejects.toMatchObject({ status: 404, message: expect.stringContaining('NOT_FOUND') });
    await expect(ask('one-try')).rejects.toMatchObject({ status: 429, message: expect.stringMatching(/"retryDelay":"[1-7]s"/) });
    await expect(ask('sandbox/echo', {}, [{ role: 'nobody', parts: [{ text: 'x' }] }])).rejects.toMatchObject({ status: 400 });
  });

  it('counts tokens, by estimate where the vendor has no such call', async () => {
    const counted = await client.models.countTokens({ model: 'up/ok/text', contents: 'One two three four five six.' });
    expect(counted.totalTokens).toBeGreaterThan(4);
  });

  describe.each(['gem', 'up', 'ant'])('with the upstream %s', (provider) => {
    it('answers at once', async () => {
      const mark = `once-${name}-${provider}`;
      const answer = await ask(`${provider}/ok/text?words=5&id=${mark}`);
      expect(answer.text).toBe('w0 w1 w2 w3 w4');
      expect(answer.candidates?.[0]).toMatchObject({ finishReason: 'STOP', content: { role: 'model' } });
      expect(answer.usageMetadata).toMatchObject({ promptTokenCount: 11, candidatesTokenCount: 5, totalTokenCount: 16 });
      const { headers } = gateway.upstream.journal.one(`id=${mark}`);
      expect(JSON.stringify(headers)).toContain(CREDENTIALS[provider]);
      expect(JSON.stringify(headers)).not.toContain(KEY);
    });

    it('streams text', async () => {
      const { parts, last } = await stream(`${provider}/ok/multibyte`);
      expect(textOf(parts)).toBe('Zürich 日本語 👩‍🚀 a\r\nb \u2028\u2029 done');
      expect(last?.candidates?.[0]?.finishReason).toBe('STOP');
      expect(last?.usageMetadata).toMatchObject({ candidatesTokenCount: 6 });
    });

    it('calls several functions, and takes their answers', async () => {
      const mark = `loop-${name}-${provider}`;
      const config = { tools: [{ functionDeclarations: [WEATHER] }] };
      const expected = [
        { city: 'Zürich', days: 1 },
        { city: 'Oslo', days: 2 },
        { city: 'Lima', days: 3 },
      ];
      const streamed = await stream(`${provider}/ok/tools?calls=3`, config);
      expect(streamed.parts.flatMap(({ functionCall }) => functionCall ?? []).map(({ args }) => args)).toEqual(expected);
      const answer = await ask(`${provider}/ok/tools?calls=3`, config);
      const calls = answer.functionCalls ?? [];
      expect(calls.map((call) => ({ name: call.name, args: call.args }))).toEqual(expected.map((args) => ({ name: 'get_weather', args })));
      expect(textOf(partsOf(answer))).toBe('Let me look.');
      const history = [
        { role: 'user', parts: [{ text: 'Weather?' }] },
        answer.candidates?.[0]?.content,
        // As many clients do, without the ids of the calls.
        {
          role: 'user',
          parts: calls.map((call) => ({ functionResponse: { name: call.name, response: { output: `sunny in ${call.args?.city}` } } })),
        },
      ];
      await ask(`${provider}/ok/text?id=${mark}`, config, history);
      const sent = JSON.parse(gateway.upstream.journal.one(`id=${mark}`).body.toString());
      expect(answersOf(provider, sent)).toEqual(['sunny in Zürich', 'sunny in Oslo', 'sunny in Lima']);
      expect(schemaOf(provider, sent).properties).toMatchObject(
        provider === 'gem' ? WEATHER.parameters.properties : { city: { type: 'string' }, days: { type: ['integer', 'null'] } },
      );
    });

    it('thinks before it answers', async () => {
      const { parts } = await stream(`${provider}/ok/thinking`, { thinkingConfig: { includeThoughts: true, thinkingBudget: 2048 } });
      expect(parts.map(({ text, thought }) => (thought === true ? text : '')).join('')).toBe('First this, then that.');
      expect(textOf(parts)).toBe('The answer.');
      if (provider === 'gem') expect(parts.flatMap(({ thoughtSignature }) => thoughtSignature ?? [])).toEqual(['c2lnbmVk']);
    });

    it('gives a structured answer', async () => {
      const mark = `schema-${name}-${provider}`;
      const config = { responseMimeType: 'application/json', responseJsonSchema: SCHEMA };
      expect(JSON.parse((await ask(`${provider}/ok/json?id=${mark}`, config)).text ?? '')).toEqual(PERSON);
      const sent = JSON.parse(gateway.upstream.journal.one(`id=${mark}`).body.toString());
      const schemas = {
        gem: sent.generationConfig?.responseJsonSchema,
        up: sent.response_format?.json_schema?.schema,
        ant: sent.output_config?.format?.schema,
      };
      expect(schemas[provider as keyof typeof schemas]).toEqual(SCHEMA);
    });

    it('says that the limit cut the answer', async () => {
      expect((await stream(`${provider}/ok/length`)).last?.candidates?.[0]?.finishReason).toBe('MAX_TOKENS');
    });

    it("fails with the vendor's own words", async () => {
      await expect(ask(`${provider}/fault/status?code=400&message=too+long`)).rejects.toMatchObject({
        status: 400,
        message: expect.stringContaining('too long'),
      });
      await expect(ask(`${provider}/fault/status?code=500`)).rejects.toMatchObject({ name: 'ApiError' });
    });

    it('throws where the stream breaks off, after the text that came', async () => {
      let text = '';
      const broken = async () => {
        const events = await client.models.generateContentStream({ model: named(`${provider}/fault/reset?n=7`), contents: 'x' });
        for await (const event of events) text += event.text ?? '';
      };
      await expect(broken()).rejects.toThrow();
      expect(text).toMatch(/^w0 w1 w2/);
    });
  });
});

// biome-ignore lint/suspicious/noExplicitAny: what a vendor was sent is looked into as it came.
type Sent = any;

function answersOf(provider: string, sent: Sent): readonly string[] {
  if (provider === 'gem') return sent.contents[2].parts.map((part: Sent) => part.functionResponse.response.output);
  if (provider === 'up') return sent.messages.filter(({ role }: Sent) => role === 'tool').map(({ content }: Sent) => content);
  return sent.messages[2].content.map(({ content }: Sent) => content);
}

const schemaOf = (provider: string, sent: Sent): Sent =>
  ({
    gem: sent.tools[0].functionDeclarations?.[0]?.parameters,
    up: sent.tools[0].function?.parameters,
    ant: sent.tools[0].input_schema,
  })[provider];

/** A call without a library, as scripts make it. */
const post = (path: string, contents: unknown = [{ parts: [{ text: 'Hi' }] }]) =>
  fetch(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'x-goog-api-key': KEY, 'content-type': 'application/json' },
    body: JSON.stringify({ contents }),
  });

describe('a stream that is not asked for as events', () => {
  it.each(['gem', 'up', 'ant'])('is one JSON array, whatever the upstream: %s', async (provider) => {
    const response = await post(`/v1beta/models/${provider}/ok%2Ftext%3Fwords=4:streamGenerateContent`);
    expect(response.headers.get('content-type')).toMatch(/^application\/json/);
    const events = (await response.json()) as readonly {
      readonly candidates: readonly { readonly content: Content; readonly finishReason?: string }[];
    }[];
    expect(events.map(({ candidates }) => candidates[0]?.content.parts?.[0]?.text).join('')).toBe('w0 w1 w2 w3');
    expect(events.at(-1)?.candidates[0]?.finishReason).toBe('STOP');
  });

  it.each(['gem', 'up', 'ant'])('ends in its error, and is whole all the same: %s', async (provider) => {
    const response = await post(`/v1beta/models/${provider}/fault%2Freset%3Fn=5:streamGenerateContent`);
    const events = (await response.json()) as readonly { readonly error?: { readonly code: number; readonly status: string } }[];
    expect(events.length).toBeGreaterThan(1);
    expect(events.at(-1)?.error).toMatchObject({ code: 502, status: 'UNAVAILABLE' });
  });

  it('keeps the connection alive with nothing but space', async () => {
    const response = await post('/v1beta/models/gem/fault%2Fpause%3Fn=0&ms=900:streamGenerateContent');
    const text = await response.text();
    expect(text).toMatch(/^\s+\[/);
    expect(JSON.parse(text)).not.toHaveLength(0);
  });
});

describe('a stream of events', () => {
  it('keeps the connection alive without comments, which some of its clients take for JSON', async () => {
    for (const provider of ['gem', 'up']) {
      const text = await (await post(`/v1beta/models/${provider}/fault%2Fpause%3Fn=0&ms=900:streamGenerateContent?alt=sse`)).text();
      expect(text).toMatch(/^\n+data: /);
      expect(text).not.toMatch(/^:/m);
    }
  });
});

describe('paths', () => {
  it.each([
    '/v1beta/models/sandbox/echo:generateContent',
    '/v1/models/sandbox/echo:generateContent',
    '/v1beta/v1beta/models/sandbox/echo:generateContent',
    '/v1/v1beta/models/sandbox/echo:generateContent',
    '/v1beta/models/sandbox%2Fecho:generateContent?key=ignored',
  ])('%s', async (path) => {
    expect((await post(path)).status).toBe(200);
  });

  it('answers in the form of its clients where there is nothing', async () => {
    const unknown = await post('/v1beta/models/sandbox/echo:embedNothing');
    expect(await unknown.json()).toMatchObject({ error: { status: expect.stringMatching(/^(?:NOT_FOUND|UNIMPLEMENTED)$/) } });
  });
});
