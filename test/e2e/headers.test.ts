import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseEvents, post, streamed } from '../client.ts';
import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({
    models: { second: { targets: ['up/fault/status?code=500', 'up/ok/text'], retry: { attempts: 1 } } },
  });
});
afterAll(() => gateway?.stop());

describe('every answer says what became of the call', () => {
  it('in its headers, in both forms of a request id', async () => {
    for (const response of [
      await post(gateway.url, 'openai', 'up/ok/text'),
      await post(gateway.url, 'openai', 'up/ok/text', { extra: { stream: true } }),
      await post(gateway.url, 'anthropic', 'ant/ok/text'),
      await post(gateway.url, 'anthropic', 'up/ok/text', { extra: { stream: true } }),
    ]) {
      const { headers } = response;
      const id = headers.get('x-weir-request-id');
      expect(id).toMatch(/^[\w-]{8,}$/);
      expect(headers.get('x-request-id')).toBe(id);
      expect(headers.get('request-id')).toBe(id);
      expect(headers.get('x-weir-model')).toMatch(/^(up|ant)\/ok\/text$/);
      expect(headers.get('x-weir-attempts')).toBe('1');
      expect(headers.get('x-weir-cache')).toBe('off');
      await response.arrayBuffer();
    }
  });

  it('with a new id each time', async () => {
    const ids = await Promise.all(
      Array.from({ length: 20 }, async () => (await post(gateway.url, 'openai', 'up/ok/text')).headers.get('x-weir-request-id')),
    );
    expect(new Set(ids).size).toBe(20);
  });

  it('on errors too', async () => {
    const response = await post(gateway.url, 'openai', 'nobody/nothing');
    expect(response.status).toBe(404);
    const id = response.headers.get('x-weir-request-id');
    expect(id).toMatch(/^[\w-]{8,}$/);
    expect(await response.json()).toMatchObject({ request_id: id });
  });

  it('names the target that served and how many calls it took', async () => {
    const { headers, text } = await streamed(gateway.url, 'openai', 'second');
    expect(text).toContain('w19');
    expect(headers.get('x-weir-model')).toBe('up/ok/text');
    expect(headers.get('x-weir-attempts')).toBe('2');
    expect(await gateway.row(headers.get('x-weir-request-id'))).toMatchObject({
      askedModel: 'second',
      servedModel: 'up/ok/text',
      attempts: 2,
      status: 'complete',
      httpStatus: 200,
      stream: true,
      usage: { input: 11, output: 20 },
    });
  });
});

describe('what a translation cannot carry', () => {
  it('is named, and only then', async () => {
    const lossy = await post(gateway.url, 'openai', 'ant/ok/text', { extra: { logit_bias: { '50256': -100 }, seed: 7 } });
    expect(lossy.status).toBe(200);
    expect(lossy.headers.get('x-weir-loss')).toMatch(/logit_bias/);
    expect(lossy.headers.get('x-weir-loss')).toMatch(/seed/);
    const stream = await post(gateway.url, 'openai', 'ant/ok/text', { extra: { seed: 7, stream: true } });
    expect(stream.headers.get('x-weir-loss')).toMatch(/seed/);
    expect((await post(gateway.url, 'openai', 'ant/ok/text')).headers.get('x-weir-loss')).toBeNull();
    expect((await post(gateway.url, 'openai', 'up/ok/text', { extra: { seed: 7 } })).headers.get('x-weir-loss')).toBeNull();
  });
});

describe('a stream that is asked to explain itself', () => {
  it.each([
    { dialect: 'openai' as const, provider: 'up' },
    { dialect: 'anthropic' as const, provider: 'ant' },
    { dialect: 'openai' as const, provider: 'ant' },
    { dialect: 'anthropic' as const, provider: 'up' },
  ])('ends in a comment with usage that no client minds: $dialect from $provider', async ({ dialect, provider }) => {
    const explained = await streamed(gateway.url, dialect, `${provider}/ok/text?words=4`, { headers: { 'x-weir-explain': '1' } });
    const { events, rest } = parseEvents(explained.bytes);
    expect(rest).toBe('');
    const last = events.at(-1);
    expect(last?.data).toBeUndefined();
    expect(last?.comment).toMatch(/^weir \{/);
    expect(JSON.parse((last?.comment ?? '').slice('weir '.length))).toMatchObject({
      status: 'complete',
      model: `${provider}/ok/text?words=4`,
      usage: { input: 11, output: 4 },
    });
    const plain = await streamed(gateway.url, dialect, `${provider}/ok/text?words=4`);
    expect(plain.text).not.toContain(': weir');
  });
});

describe('what the caller says of the call', () => {
  it('is in its row: run and metadata, under every name a run has', async () => {
    for (const name of ['x-weir-run', 'x-session-id', 'Helicone-Session-Id', 'cf-aig-session-id', 'x-litellm-trace-id']) {
      const run = `run-of-${name.toLowerCase()}`;
      await post(gateway.url, 'openai', 'up/ok/text', { headers: { [name]: run, 'x-weir-metadata': '{"team":"red","n":1}' } });
      const [row] = await gateway.rows({ run });
      expect(row).toMatchObject({ run, metadata: { team: 'red', n: 1 } });
    }
  });

  it('never holds a key', async () => {
    await post(gateway.url, 'openai', 'up/ok/text');
    const everything = await (await gateway.admin('/requests?limit=100')).text();
    expect(everything).not.toContain(KEY);
  });

  it('shortens the wait for the first token', async () => {
    const response = await post(gateway.url, 'openai', 'up/fault/silence', {
      extra: { stream: true },
      headers: { 'x-weir-timeout': '150' },
    });
    expect(response.status).toBe(504);
    expect((await post(gateway.url, 'openai', 'up/ok/text', { headers: { 'x-weir-timeout': 'soon' } })).status).toBe(400);
  });
});
