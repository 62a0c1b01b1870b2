import { describe, expect, it } from 'vitest';
import { compile } from '../../../config/compile.ts';
import { rolls } from '../../../config/rolls.ts';
import { fakeExchange, fakePorts } from '../../../core/fakes.ts';
import type { JsonObject } from '../../../core/json.ts';
import { type CarriedForm, OperationCall, type OperationName } from '../../../core/operation.ts';
import { Wire } from '../../../core/wire.ts';
import { operationNamed } from '../operations/index.ts';
import { foresee } from './foresee.ts';
import { unsaidUsage } from './foresee-operation.ts';

const plan = compile(
  {
    providers: {
      openai: { key: { value: 'k' } },
      priced: {
        like: 'openai',
        baseUrl: 'http://127.0.0.1:1/v1',
        key: { value: 'k' },
        prices: {
          picture: { perImage: 0.04 },
          letter: { perCharacter: 0.001 },
          second: { perSecond: 0.01 },
          search: { perSearch: 0.002 },
          token: { input: 1000, output: 1000 },
        },
      },
    },
  },
  { revision: 1, local: true, rolls },
);

function call(operation: OperationName, body: JsonObject, form?: Partial<CarriedForm>): OperationCall {
  const own = operationNamed(operation);
  const wire = Wire.of(body);
  return new OperationCall(operation, wire, own.head(body), new Headers(), own.shape, own, form as CarriedForm | undefined);
}

// The tokenizer of these tests counts words.
const foreseen = (operation: OperationName, model: string, body: JsonObject, form?: Partial<CarriedForm>) => {
  const [provider = '', name = ''] = model.split('/');
  const asked = call(operation, { model: name, ...body }, form);
  return foresee(asked, { provider, model: name }, plan, fakeExchange({ ports: fakePorts() }));
};

const wav = (seconds: number) => {
  const head = new Uint8Array(44);
  head.set([...'RIFF\0\0\0\0WAVEfmt '].map((letter) => letter.charCodeAt(0)));
  head.set([1, 0, 1, 0, 0x80, 0x3e, 0, 0, 0, 0, 0, 0, 2, 0, 16, 0], 20);
  return { field: 'file', filename: 'a.wav', bytes: seconds * 32_000, head };
};

describe('pictures', () => {
  it('are foreseen by their number and the price of one', async () => {
    expect(await foreseen('image-generation', 'priced/picture', { prompt: 'a weir', n: 3 })).toMatchObject({
      usage: { images: 3 },
      cost: 120_000_000,
    });
    // Forms hold numbers as text, and those behind a file are known to the form alone.
    const form = { fields: { n: '4' }, files: [] };
    expect(await foreseen('image-edit', 'priced/picture', { prompt: 'a weir' }, form)).toMatchObject({ usage: { images: 4 } });
  });

  it('cost what their size and quality do where models charge by tokens', async () => {
    const cost = async (body: JsonObject) => (await foreseen('image-generation', 'openai/gpt-image-2', { prompt: 'a', ...body })).cost ?? 0;
    const low = await cost({ quality: 'low', size: '1024x1024' });
    const high = await cost({ quality: 'high', size: '1024x1024' });
    // 7,024 tokens of 30 dollars a million, and some of the prompt.
    expect(high).toBeGreaterThanOrEqual(210_720_000);
    expect(high).toBeLessThan(211_000_000);
    expect(low).toBeLessThan(high / 10);
    expect(await cost({})).toBe(high);
    expect(await cost({ quality: 'of course', size: 'huge' })).toBeGreaterThan(3 * high);
    expect(await cost({ quality: 'high', size: '1024x1024', n: 10 })).toBeCloseTo(10 * high, -3);
  });

  it('that are edited are read for each one that is made', async () => {
    const files = [{ ...wav(0), field: 'image' }];
    const one = await foreseen('image-edit', 'openai/gpt-image-2', { prompt: 'a', n: '1' }, { fields: {}, files });
    const two = await foreseen('image-edit', 'openai/gpt-image-2', { prompt: 'a', n: '2' }, { fields: {}, files });
    expect(two.usage.imageInput).toBe(2 * (one.usage.imageInput ?? 0));
    expect(one.usage.imageInput).toBeGreaterThan(6_000);
  });

  it.each([1e300, 1e15, '99999999999999999999', 1e9])('of an absurd number (%s) stay numbers that can be held', async (n) => {
    const { usage, cost = 0 } = await foreseen('image-generation', 'openai/gpt-image-2', { prompt: 'a', n });
    expect(Number.isSafeInteger(usage.input + usage.output)).toBe(true);
    expect(cost).toBeGreaterThan(n === 1e300 || typeof n === 'string' ? 0 : 1e15);
  });
});

describe('speech', () => {
  it('is foreseen by its characters, and by its seconds, which take longer spoken slowly', async () => {
    expect(await foreseen('speech', 'priced/letter', { input: 'Hello 👩‍🚀', voice: 'ash' })).toMatchObject({
      usage: { characters: 9 },
      cost: 9_000_000,
    });
    const input = 'word '.repeat(100);
    const usual = (await foreseen('speech', 'openai/gpt-4o-mini-tts', { input })).usage;
    const slow = (await foreseen('speech', 'openai/gpt-4o-mini-tts', { input, speed: 0.25 })).usage;
    expect(slow.seconds).toBeCloseTo(4 * (usual.seconds ?? 0), -1);
    expect(usual.output).toBeGreaterThan(100 * 5);
    // What nobody says it came to is less than what was held for it, and not nothing.
    const unsaid = unsaidUsage(call('speech', { model: 'gpt-4o-mini-tts', input }));
    expect(unsaid.output).toBeGreaterThan(0);
  });
});

describe('a recording', () => {
  it('is foreseen by its length', async () => {
    const form = { fields: {}, files: [wav(60)], isHeld: true };
    expect(await foreseen('transcription', 'priced/second', {}, form)).toMatchObject({ usage: { seconds: 60 }, cost: 600_000_000 });
    const tokens = await foreseen('transcription', 'openai/gpt-4o-transcribe', {}, form);
    expect(tokens.usage).toMatchObject({ audioInput: 600, seconds: 60 });
    expect(unsaidUsage(call('transcription', { model: 'm' }, form))).toMatchObject({ seconds: 60 });
  });

  it('is no longer than a model can hear at once', async () => {
    const form = { fields: {}, files: [{ ...wav(0), bytes: 1e9 }] };
    expect((await foreseen('transcription', 'openai/gpt-4o-transcribe', {}, form)).usage.audioInput).toBe(16_000);
  });

  it('that is somewhere else may be of any length', async () => {
    await expect(foreseen('transcription', 'priced/second', { url: 'https://example.com/a.mp3' })).rejects.toMatchObject({
      code: 'invalid_request',
    });
  });
});

describe('texts', () => {
  it('are counted over all inputs, and token numbers one by one', async () => {
    const of = async (input: JsonObject['input']) =>
      (await foreseen('embeddings', 'openai/text-embedding-3-small', { input: input ?? null })).usage.input;
    expect(await of(['one two', 'three'])).toBe(3);
    expect(await of([[1, 2, 3], [4]])).toBe(4);
    expect(await of([{ type: 'image_url', image_url: { url: 'data:…' } }])).toBe(1_600);
    expect((await foreseen('embeddings', 'priced/token', { input: 'one two' })).usage.input).toBeGreaterThanOrEqual(3);
  });

  it('are ranked with the query beside each document', async () => {
    const body = (documents: number) => ({ query: 'what is a weir', documents: Array.from({ length: documents }, () => 'a low dam') });
    const one = await foreseen('rerank', 'priced/token', body(1));
    const hundred = await foreseen('rerank', 'priced/token', body(100));
    expect(hundred.usage.input).toBe(100 * one.usage.input);
    expect(hundred.usage.searches).toBe(1);
    expect(await foreseen('rerank', 'priced/search', body(101))).toMatchObject({ usage: { searches: 2 }, cost: 4_000_000 });
    const long = { query: 'q', documents: ['word '.repeat(5_000)] };
    expect((await foreseen('rerank', 'priced/search', long)).usage.searches).toBe(1);
  });

  it('are moderated for nothing by the vendor who says so', async () => {
    expect(await foreseen('moderations', 'openai/omni-moderation-latest', { input: 'hm' })).toMatchObject({ cost: 0 });
    expect((await foreseen('moderations', 'priced/token', { input: 'hm' })).cost).toBeGreaterThan(0);
  });
});
