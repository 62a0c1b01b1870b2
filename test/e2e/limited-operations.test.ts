import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../gateway.ts';
import { budget, keyWith, type LimitedKey, left, OPERATIONS, type OperationCase, PLENTY, priced } from '../limited.ts';
import { type OperationsGateway, startOperationsGateway } from '../operations.ts';
import { startResponsesVendor } from '../upstream/responses-vendor.ts';

let at: OperationsGateway;
beforeAll(async () => {
  at = await startOperationsGateway();
  await at.publish(priced(at));
});
afterAll(() => at?.stop());

const ask = ({ key }: LimitedKey, model: string, call: OperationCase) =>
  fetch(at.gateway.url + call.path(model), {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, ...call.headers?.(model) },
    body: call.body(model),
  });

/** Read to its end, after which it is settled soon. */
async function asked(key: LimitedKey, model: string, call: OperationCase): Promise<Response> {
  const response = await ask(key, model, call);
  await response.arrayBuffer();
  return response;
}

/** What one call takes before it is sent: what is missing of a budget nobody else uses. */
const foreseenFor = async (model: string, call: OperationCase) =>
  PLENTY - left(await asked(await keyWith(at, budget(PLENTY)), model, call));

/** Whether a key whose budget is plenty now has come to this; each look is a call, and adds what it is billed. */
async function comesTo(key: LimitedKey, total: number, model: string, call: OperationCase, billed: number, foreseen: number, unit = 'usd') {
  let looks = 0;
  const seen: number[] = [];
  const isSo = async () => {
    const used = PLENTY - left(await asked(key, model, call), unit) - foreseen;
    seen.push(used - looks++ * billed);
    return seen.at(-1) === total;
  };
  await until(isSo, 15_000, `${total} to be settled`).catch((error: unknown) => {
    throw new Error(`${String(error)}: ${seen.join(' ')}`);
  });
}

describe.each(OPERATIONS)('%s', (_name, model, billed, call) => {
  it('fills a budget to the last call that fits, however many come, and is charged what its vendor bills', async () => {
    const foreseen = await foreseenFor(model, call);
    expect(foreseen).toBeGreaterThanOrEqual(billed);
    const key = await keyWith(at, budget(4 * foreseen + Math.floor(foreseen / 2)));
    const mark = `${model.slice(model.indexOf('/') + 1)}-many`;
    const release = at.upstream.holdBack(mark);
    const refused: number[] = [];
    const calls = Array.from({ length: 50 }, async () => {
      const { status } = await asked(key, `${model}-many`, call);
      if (status !== 200) refused.push(status);
    });
    await until(() => at.upstream.of(mark).length + refused.length >= 50, 20_000, '50 calls to be judged');
    expect(at.upstream.of(mark)).toHaveLength(4);
    release();
    await Promise.all(calls);
    expect(refused).toEqual(Array.from({ length: 46 }, () => 400));
    await key.relimit(budget(PLENTY));
    await comesTo(key, 4 * billed, model, call, billed, foreseen);
  });

  it('costs nothing where its vendor fails', async () => {
    const foreseen = await foreseenFor(model, call);
    const key = await keyWith(at, budget(PLENTY));
    for (let each = 0; each < 3; each++) expect((await asked(key, `${model}-status-500`, call)).status).toBe(502);
    await comesTo(key, 0, model, call, billed, foreseen);
  });
});

describe('units beside money', () => {
  it('pictures are counted as they are asked for, and given back where fewer came', async () => {
    const key = await keyWith(at, [{ unit: 'images', limit: 5, window: 'day' }]);
    const pictures = (n: number) => asked(key, 'up/picture-u', operation('pictures', { prompt: 'a', n }));
    expect(left(await pictures(4), 'images')).toBe(1);
    expect((await pictures(2)).status).toBe(400);
    expect((await pictures(1)).status).toBe(200);
    // Those who have used up their pictures may still speak.
    expect((await asked(key, 'up/letters-u', operation('speech', { input: 'Hello', voice: 'ash' }))).status).toBe(200);
  });

  it('seconds of recordings are held by their length, and counted as the vendor does', async () => {
    const key = await keyWith(at, [{ unit: 'seconds', limit: 25, window: 'day' }]);
    const [, , , call] = OPERATIONS.find(([name]) => name === 'transcription by seconds') ?? [];
    if (call === undefined) throw new Error('no transcription');
    const mark = 'whisper-held';
    const release = at.upstream.holdBack(mark);
    const answers = Array.from({ length: 6 }, () => asked(key, `up/${mark}`, call));
    await until(() => at.upstream.of(mark).length === 2, 15_000, 'two of ten seconds each');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(at.upstream.of(mark)).toHaveLength(2);
    release();
    expect((await Promise.all(answers)).map(({ status }) => status).toSorted()).toEqual([200, 200, 400, 400, 400, 400]);
    await key.relimit([{ unit: 'seconds', limit: PLENTY, window: 'day' }]);
    await comesTo(key, 8, 'up/whisper-after', call, 4, 10, 'seconds');
  });

  it('tool calls are those whose results a call brings, for each run', async () => {
    const key = await keyWith(at, [{ unit: 'tool-calls', limit: 3, per: 'run' }]);
    const turn = (run: string, results: number) => {
      const ids = Array.from({ length: results }, (_, each) => `call_${each}`);
      const messages = [
        { role: 'user', content: 'Weather?' },
        ...(results === 0
          ? []
          : [
              {
                role: 'assistant',
                content: null,
                tool_calls: ids.map((id) => ({ id, type: 'function', function: { name: 'w', arguments: '{}' } })),
              },
              ...ids.map((tool_call_id) => ({ role: 'tool', tool_call_id, content: 'sun' })),
            ]),
      ];
      return fetch(`${at.gateway.url}/v1/chat/completions`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json', 'x-weir-run': run },
        body: JSON.stringify({ model: 'chat/gpt-4o', max_tokens: 5, messages }),
      });
    };
    const statuses: number[] = [];
    for (const [run, results] of [
      ['a', 0],
      ['a', 2],
      ['a', 2],
      ['a', 1],
      ['a', 1],
      ['a', 0],
      ['b', 3],
    ] as const) {
      const response = await turn(run, results);
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 200, 400, 200, 400, 200, 200]);
  });
});

describe('what costs nothing', () => {
  it('counts as a request where it reaches a provider, and takes no money', async () => {
    const vendor = await startResponsesVendor('kept');
    const kept = {
      like: 'openai',
      baseUrl: `${vendor.origin}/v1`,
      dialects: ['openai-responses'],
      key: { value: 'k' },
      prices: { '*': { input: 0, output: 0 } },
    };
    const ant = { like: 'anthropic', baseUrl: at.gateway.upstream.origin, key: { value: 'k' } };
    await at.publish({ providers: { ...priced(at).providers, kept, ant } });
    const limits = [
      { unit: 'requests', limit: 100, window: 'hour' },
      { unit: 'concurrent', limit: 100 },
      { unit: 'usd', limit: 0.000_000_001 },
    ];
    const { key } = await keyWith(at, limits);
    const headers = { authorization: `Bearer ${key}`, 'x-weir-provider': 'up' };
    const call = async (method: string, path: string, body?: string | FormData) => {
      const type = typeof body === 'string' ? { 'content-type': 'application/json' } : {};
      const response = await fetch(at.gateway.url + path, {
        method,
        headers: { ...headers, ...type },
        ...(body === undefined ? {} : { body }),
      });
      const text = await response.text();
      expect(response.status, `${method} ${path}: ${text}`).toBe(200);
      return {
        // Counts of tokens are Anthropic's.
        left: response.headers.get(
          path.startsWith('/v1/messages') ? 'anthropic-ratelimit-requests-remaining' : 'x-ratelimit-remaining-requests',
        ),
        id: text.startsWith('{') ? String((JSON.parse(text) as { id?: string }).id) : '',
      };
    };
    const upload = new FormData();
    upload.set('purpose', 'batch');
    upload.set('file', new File(['{"url":"/v1/embeddings","body":{"model":"up/nothing","input":"a"}}\n'], 'in.jsonl'));
    const { id: file } = await call('POST', '/v1/files', upload);
    const { id: batch } = await call(
      'POST',
      '/v1/batches',
      JSON.stringify({ input_file_id: file, endpoint: '/v1/embeddings', completion_window: '24h' }),
    );
    const { id: response, left: before } = await call('POST', '/v1/responses', JSON.stringify({ model: 'kept/m', input: 'Hello' }));
    expect(before).toBe('97');
    const count = JSON.stringify({ model: 'ant/ok/text', messages: [{ role: 'user', content: 'Hello' }] });
    const asked: readonly (readonly [method: string, path: string, body?: string])[] = [
      ['GET', '/v1/files'],
      ['GET', `/v1/files/${file}`],
      ['GET', `/v1/files/${file}/content`],
      ['GET', '/v1/batches'],
      ['GET', `/v1/batches/${batch}`],
      ['POST', `/v1/batches/${batch}/cancel`],
      ['GET', `/v1/responses/${response}`],
      ['GET', `/v1/responses/${response}/input_items`],
      ['DELETE', `/v1/responses/${response}`],
      ['POST', '/v1/messages/count_tokens', count],
      ['DELETE', `/v1/files/${file}`],
    ];
    const remaining = [];
    for (const each of asked) {
      // Slowly enough that no block is borrowed, which would be deducted beforehand.
      await new Promise((resolve) => setTimeout(resolve, 200));
      remaining.push((await call(...each)).left);
    }
    expect(remaining).toEqual(asked.map((_, each) => String(96 - each)));
    // Nobody is asked for these.
    for (const path of ['/v1/models', '/v1/models/up%2Fnothing', '/v1beta/models']) {
      const answer = await fetch(at.gateway.url + path, { headers });
      expect(answer.headers.get('x-ratelimit-remaining-requests')).toBeNull();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect((await call('GET', '/v1/files')).left).toBe('85');
    await at.publish(priced(at));
    await vendor.close();
  });

  it('is what its vendor does not charge for', async () => {
    const key = await keyWith(at, [
      { unit: 'usd', limit: 0.000_000_001 },
      { unit: 'tokens', limit: 5, window: 'day' },
    ]);
    const moderate = (input: string) => asked(key, 'up/omni-moderation-latest', operation('moderations', { input }));
    expect((await moderate('hm')).status).toBe(200);
    expect((await moderate('many words '.repeat(20))).status).toBe(400);
  });
});

const operation = (name: 'pictures' | 'speech' | 'moderations', body: object): OperationCase => ({
  path: () => ({ pictures: '/v1/images/generations', speech: '/v1/audio/speech', moderations: '/v1/moderations' })[name],
  headers: () => ({ 'content-type': 'application/json' }),
  body: (model) => JSON.stringify({ model, ...body }),
});
