import { describe, expect, it } from 'vitest';
import { compile } from '../../../config/compile.ts';
import { rolls } from '../../../config/rolls.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { fakeExchange, fakePorts } from '../../../core/fakes.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { similarity } from '../../../core/meaning/embedder.ts';
import type { EgressRequest, PlatformModels } from '../../../core/ports.ts';
import { embedderOf, MOST_TEXTS } from './embedder.ts';

const document = {
  providers: {
    up: { like: 'openai', baseUrl: 'https://up.example/v1', key: { value: 'secret-of-up' }, region: 'eu-west-1' },
    gem: { like: 'google', baseUrl: 'https://gem.example/v1beta', key: { value: 'g' } },
    claude: { like: 'anthropic', baseUrl: 'https://claude.example', key: { value: 'c' } },
  },
  models: { both: { strategy: 'failover', targets: ['up/a', 'up/b'] }, one: { strategy: 'failover', targets: ['up/a'] } },
};
const planOf = (parts: object = {}) => compile({ ...document, ...parts }, { revision: 1, local: true, rolls });
const plan = planOf();

const signal = new AbortController().signal;
const bodyOf = ({ body }: EgressRequest): JsonObject => {
  const parsed = parseJson(typeof body === 'string' ? body : '');
  return isObject(parsed) ? parsed : {};
};
const inputsOf = (request: EgressRequest): readonly string[] => {
  const { input } = bodyOf(request);
  return Array.isArray(input) ? input.map(String) : [];
};

/** Points by how long a text is, and answers in an order of its own. */
const answers = (request: EgressRequest, extra: JsonObject = {}): Response => {
  const data = inputsOf(request).map((text, index) => ({ object: 'embedding', index, embedding: [text.length, 1, -2] }));
  return Response.json({ object: 'list', data: data.toReversed(), model: 'a', usage: { prompt_tokens: 7, total_tokens: 7 }, ...extra });
};

function setUp(respond: (request: EgressRequest) => Response | Promise<Response>, parts: Partial<Exchange> = {}) {
  const ports = fakePorts({ respond });
  const exchange = fakeExchange({ ports, ...parts });
  return { ports, exchange, of: (model: string) => embedderOf(model, new Headers(), exchange, plan) };
}

describe('an embedder elsewhere', () => {
  it('is asked for all texts at once, at the provider’s address and with its credential', async () => {
    const { ports, exchange, of } = setUp((request) => answers(request));
    const embedder = of('up/a');
    expect(embedder.id).toBe('up/a');
    const [one, two, again] = await embedder.embed(['a', 'abcd', 'a'], signal);
    expect(ports.sent).toMatchObject([
      { url: 'https://up.example/v1/embeddings', method: 'POST', headers: { authorization: 'Bearer secret-of-up' } },
    ]);
    expect(ports.sent.map(bodyOf)).toEqual([{ model: 'a', input: ['a', 'abcd'], encoding_format: 'float' }]);
    expect(embedder.dimensions).toBe(3);
    expect(one).toEqual(Int8Array.of(64, 64, -127));
    expect(two).toEqual(Int8Array.of(127, 32, -63));
    expect(again).toEqual(one);
    expect(exchange.notes.embedding).toEqual({ model: 'up/a', calls: 1, texts: 2, tokens: 7, cost: 0 });
  });

  it('is asked for a text once, and not at all for one that says nothing', async () => {
    const { ports, of } = setUp((request) => answers(request));
    const embedder = of('up/a');
    const [first, other] = await Promise.all([embedder.embed(['a'], signal), embedder.embed(['a', ' '], signal)]);
    expect(other[0]).toEqual(first[0]);
    expect(other[1]?.some((each) => each !== 0)).toBe(false);
    expect(await embedder.embed(['', ' \n'], signal)).toEqual([new Int8Array(3), new Int8Array(3)]);
    expect(ports.sent).toHaveLength(1);
  });

  it('takes as many texts as there are, some a call', async () => {
    const { ports, of } = setUp((request) => answers(request));
    const texts = Array.from({ length: MOST_TEXTS + 3 }, (_, at) => 'x'.repeat(at + 1));
    const vectors = await of('up/a').embed(texts, signal);
    expect(ports.sent.map((request) => inputsOf(request).length)).toEqual([MOST_TEXTS, 3]);
    expect(vectors.at(-1)?.[0]).toBe(127);
    expect(vectors).toHaveLength(texts.length);
  });

  it('is asked in a vendor’s own form where it has one', async () => {
    const { ports, of } = setUp(() => Response.json({ embeddings: [{ values: [1, 0] }, { values: [0, 1] }] }));
    const [one, two] = await of('gem/text-embedding-004').embed(['a', 'b'], signal);
    expect(ports.sent[0]?.url).toBe('https://gem.example/v1beta/models/text-embedding-004:batchEmbedContents');
    expect([one, two]).toEqual([Int8Array.of(127, 0), Int8Array.of(0, 127)]);
  });

  it('may answer in base64 although numbers were asked for', async () => {
    const { of } = setUp(() => Response.json({ data: [{ index: 0, embedding: 'AACAPwAAAL8=' }] }));
    expect(await of('up/a').embed(['x'], signal)).toEqual([Int8Array.of(127, -63)]);
  });

  it('of Workers AI is asked through the binding', async () => {
    const asked: { model: string; inputs: JsonObject }[] = [];
    const models: PlatformModels = {
      run: async (model, inputs) => {
        asked.push({ model, inputs });
        return Response.json({
          shape: [2, 2],
          data: [
            [1, 0],
            [0, 1],
          ],
          pooling: 'cls',
        });
      },
    };
    const { exchange, ports } = setUp(() => new Response(null, { status: 500 }));
    const bound = fakeExchange({ ports: { ...ports, models } });
    const embedder = embedderOf('workers-ai/@cf/baai/bge-small-en-v1.5', new Headers(), bound, plan);
    expect(await embedder.embed(['a', 'b'], signal)).toEqual([Int8Array.of(127, 0), Int8Array.of(0, 127)]);
    expect(asked).toEqual([{ model: '@cf/baai/bge-small-en-v1.5', inputs: { text: ['a', 'b'] } }]);
    expect(ports.sent).toEqual([]);
    expect(bound.notes.embedding).toMatchObject({ model: 'workers-ai/@cf/baai/bge-small-en-v1.5', texts: 2 });
    // Without the binding there is neither an account nor a token to ask with.
    const unbound = embedderOf('workers-ai/@cf/baai/bge-small-en-v1.5', new Headers(), exchange, plan);
    await expect(unbound.embed(['a'], signal)).rejects.toThrow(/not set up/);
  });
});

describe('an answer that is none', () => {
  const vectors = (...list: Json[]) => Response.json({ data: list.map((embedding, index) => ({ index, embedding })) });
  it.each([
    ['too few vectors', () => vectors([1, 2])],
    ['too many', () => vectors([1], [2], [3])],
    ['vectors of several lengths', () => vectors([1, 2], [1])],
    ['empty vectors', () => vectors([], [])],
    ['numbers that are none', () => vectors([1, null], [1, 2])],
    [
      'one index twice',
      () =>
        Response.json({
          data: [
            { index: 0, embedding: [1] },
            { index: 0, embedding: [2] },
          ],
        }),
    ],
    ['no list', () => Response.json({ ok: true })],
    ['no JSON', () => new Response('hello', { headers: { 'content-type': 'text/plain' } })],
    ['bytes', () => new Response('hello', { headers: { 'content-type': 'application/octet-stream' } })],
  ])('rejects: %s', async (_, respond) => {
    const { of, exchange } = setUp(respond);
    await expect(of('up/a').embed(['a', 'b'], signal)).rejects.toMatchObject({ code: 'upstream_invalid' });
    expect(exchange.notes.embedding).toMatchObject({ calls: 1, texts: 2 });
  });

  it('rejects a refusal as what it is, and asks again the next time', async () => {
    let times = 0;
    const { of } = setUp((request) => {
      times += 1;
      return times === 1 ? Response.json({ error: { message: 'slow down' } }, { status: 429 }) : answers(request);
    });
    const embedder = of('up/a');
    await expect(embedder.embed(['a'], signal)).rejects.toMatchObject({ code: 'upstream_rate_limited' });
    expect(await embedder.embed(['a'], signal)).toHaveLength(1);
  });

  it('rejects vectors of another length than before', async () => {
    const { of } = setUp((request) => vectors(inputsOf(request)[0] === 'a' ? [1, 2] : [1, 2, 3]));
    const embedder = of('up/a');
    await embedder.embed(['a'], signal);
    await expect(embedder.embed(['b'], signal)).rejects.toMatchObject({ code: 'upstream_invalid' });
  });

  it('is not waited for once nobody waits', async () => {
    const { of } = setUp(({ signal: end }) => new Promise((_, reject) => end.addEventListener('abort', () => reject(end.reason))));
    const controller = new AbortController();
    const waiting = of('up/a').embed(['a'], controller.signal);
    const reason = new Error('enough');
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(of('up/a').embed(['a'], controller.signal)).rejects.toBe(reason);
  });
});

describe('a model', () => {
  const codeOf = (attempt: () => unknown) => {
    try {
      attempt();
    } catch (thrown) {
      return thrown instanceof GatewayError ? thrown.code : thrown;
    }
    return undefined;
  };
  const { of } = setUp((request) => answers(request));

  it('must be one that is configured, and one alone', () => {
    expect(codeOf(() => of('nobody/a'))).toBe('model_not_found');
    expect(codeOf(() => of('a'))).toBe('model_not_found');
    expect(codeOf(() => of('both'))).toBe('not_supported');
    expect(codeOf(() => of('claude/opus'))).toBe('not_supported');
    expect(of('one').id).toBe('up/a');
  });

  it('is not asked where the route’s texts may not go', () => {
    const { exchange } = setUp((request) => answers(request));
    const within = (region: string) => planOf({ routes: [{ name: 'llm', kind: 'llm', require: { regions: [region] } }] });
    expect(codeOf(() => embedderOf('up/a', new Headers(), exchange, within('ch')))).toBe('model_not_allowed');
    expect(embedderOf('up/a', new Headers(), exchange, within('eu')).id).toBe('up/a');
  });

  it('gives directions: what is said alike points alike', async () => {
    const [one, two] = await of('up/a').embed(['abc', 'abd'], signal);
    expect(similarity(one ?? new Int8Array(3), two ?? new Int8Array(3))).toBe(1);
  });
});
