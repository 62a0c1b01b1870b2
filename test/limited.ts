import type { OperationsGateway } from './operations.ts';
import { ask, make, makeKey } from './tenants.ts';

/** Prices of the scripted vendor's models, so large that sums can be read: a token a thousandth of a dollar. */
export const PRICES = {
  'tokens*': { input: 1000, output: 1000 },
  'whisper-tokens*': { input: 1000, output: 1000 },
  'picture*': { perImage: 1 },
  'letters*': { perCharacter: 0.01 },
  'whisper*': { perSecond: 0.1 },
  'searches*': { perSearch: 0.5 },
  'voice*': { input: 1000, output: 1000, context: 1_000, maxOutput: 100 },
  'nothing*': { input: 0, output: 0 },
  'half*': { input: 1000, output: 1000, maxOutput: 100, factors: { batch: 0.5 } },
};

/** The vendors with these prices. */
export const priced = ({ gateway, upstream }: OperationsGateway) => ({
  providers: {
    up: { like: 'openai', baseUrl: `${upstream.origin}/v1`, key: { value: 'k' }, prices: PRICES },
    co: { like: 'cohere', baseUrl: upstream.origin, key: { value: 'k' }, prices: PRICES },
    chat: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { value: 'k' }, prices: { '*': { input: 1000, output: 1000 } } },
  },
});

export interface LimitedKey {
  readonly key: string;
  /** Other limits for the same key: what was used of a meter stays used. */
  relimit(limits: readonly object[]): Promise<void>;
}

/** A key of an app of its own, with these limits. */
export async function keyWith({ gateway }: OperationsGateway, limits: readonly object[]): Promise<LimitedKey> {
  const name = `app-${crypto.randomUUID()}`;
  await make(gateway, 'apps', { team: 'dev', name });
  const { id, key } = await makeKey(gateway, { app: name, name: 'limited', limits });
  return {
    key,
    relimit: async (other) => {
      const { status } = await ask(gateway, 'PATCH', `/keys/${id}`, { limits: other });
      if (status !== 200) throw new Error(`the limits were refused: ${status}`);
    },
  };
}

/** What is left of a limit by the answer's own account; money in nano-dollars. */
export function left(response: Response, unit = 'usd'): number {
  const [, remaining] = new RegExp(`"\\w+-${unit}-[\\w-]+";r=(\\d+)`).exec(response.headers.get('ratelimit') ?? '') ?? [];
  if (remaining === undefined) throw new Error(`no ${unit} in ${response.headers.get('ratelimit')}`);
  return Number(remaining);
}

const NANO = 1_000_000_000;
/** More than any test comes to, in nano-dollars. */
export const PLENTY = 1_000 * NANO;
export const budget = (nano: number) => [{ unit: 'usd', limit: nano / NANO }];

/** What a key with a budget has come to in all, in nano-dollars. From then on it has plenty. */
export async function usedBy(at: OperationsGateway, key: LimitedKey): Promise<number> {
  await key.relimit(budget(PLENTY));
  const response = await fetch(`${at.baseURL}/embeddings`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key.key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'up/nothing', input: 'a' }),
  });
  await response.arrayBuffer();
  return PLENTY - left(response);
}

/** Seconds of 16 kHz, one channel of 16 bits. */
export function wav(seconds: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(seconds * 32_000);
  const view = new DataView(bytes.buffer);
  for (const [at, letters] of [
    [0, 'RIFF'],
    [8, 'WAVEfmt '],
    [36, 'data'],
  ] as const) {
    for (let each = 0; each < letters.length; each++) bytes[at + each] = letters.charCodeAt(each);
  }
  view.setUint32(16, 16, true);
  view.setUint16(20, 1, true);
  view.setUint16(22, 1, true);
  view.setUint32(24, 16_000, true);
  view.setUint16(34, 16, true);
  return bytes;
}

/** A call as a client of each operation makes it. */
export interface OperationCase {
  readonly path: (model: string) => string;
  readonly headers?: (model: string) => Record<string, string>;
  readonly body: (model: string) => string | FormData;
}

const json = (path: string, body: object): OperationCase => ({
  path: () => path,
  headers: () => ({ 'content-type': 'application/json' }),
  body: (model) => JSON.stringify({ model, ...body }),
});

const form = (
  path: string,
  fields: Record<string, string>,
  file: [name: string, filename: string, bytes: Uint8Array<ArrayBuffer>],
): OperationCase => ({
  path: () => path,
  body: (model) => {
    const made = new FormData();
    // What says how much it costs stands behind the file, which need not be read to know the model.
    made.set('model', model);
    made.set(file[0], new File([file[2]], file[1]));
    for (const [name, value] of Object.entries(fields)) made.set(name, value);
    return made;
  },
});

const LONG = 'a weir holds back what must not pass and measures what does';

/** Every operation that asks a model, the kind of model it asks here, and what the scripted vendor bills for it, in nano-dollars. */
export const OPERATIONS: readonly (readonly [name: string, model: string, billed: number, call: OperationCase])[] = [
  ['embeddings', 'up/tokens-e', 7_000_000, json('/v1/embeddings', { input: [LONG, LONG] })],
  [
    "Gemini's embeddings",
    'up/tokens-g',
    7_000_000,
    {
      path: (model) => `/v1beta/models/${encodeURIComponent(model)}:embedContent`,
      headers: () => ({ 'content-type': 'application/json' }),
      body: () => JSON.stringify({ content: { parts: [{ text: LONG }] } }),
    },
  ],
  [
    "the AI SDK's embeddings",
    'up/tokens-a',
    7_000_000,
    {
      path: () => '/v4/ai/embedding-model',
      headers: (model) => ({ 'content-type': 'application/json', 'ai-model-id': model }),
      body: () => JSON.stringify({ values: [LONG] }),
    },
  ],
  [
    'embeddings of a deployment',
    'up/tokens-d',
    7_000_000,
    { ...json('/', { input: LONG }), path: (model) => `/openai/deployments/${encodeURIComponent(model)}/embeddings?api-version=1` },
  ],
  ['rerank by tokens', 'up/tokens-r', 26_000_000, json('/v1/rerank', { query: LONG, documents: [LONG, LONG, LONG] })],
  ['rerank by searches', 'co/searches-r', 500_000_000, json('/v2/rerank', { query: 'weir', documents: ['a weir', 'a dam'] })],
  ['pictures', 'up/picture-g', 2_000_000_000, json('/v1/images/generations', { prompt: 'a weir', n: 2 })],
  [
    'pictures by tokens',
    'up/tokens-p',
    284_000_000,
    json('/v1/images/generations', { prompt: 'a weir', n: 1, quality: 'low', size: '1024x1024' }),
  ],
  ['edited pictures', 'up/picture-e', 3_000_000_000, form('/v1/images/edits', { prompt: 'night', n: '3' }, ['image', 'a.png', wav(10)])],
  ['variations', 'up/picture-v', 2_000_000_000, form('/v1/images/variations', { n: '2' }, ['image', 'a.png', wav(10)])],
  ['speech', 'up/letters-s', 50_000_000, json('/v1/audio/speech', { input: 'Hello', voice: 'ash' })],
  ['transcription by seconds', 'up/whisper-s', 400_000_000, form('/v1/audio/transcriptions', {}, ['file', 'a.wav', wav(10)])],
  ['transcription by tokens', 'up/tokens-t', 29_000_000, form('/v1/audio/transcriptions', {}, ['file', 'a.wav', wav(10)])],
  ['translation', 'up/whisper-l', 400_000_000, form('/v1/audio/translations', {}, ['file', 'a.wav', wav(10)])],
];
