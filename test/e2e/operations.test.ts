import OpenAI, { toFile } from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { KEY } from '../gateway.ts';
import { type OperationsGateway, startOperationsGateway, VENDOR_KEY } from '../operations.ts';
import { AUDIO, PICTURE, vectorOf } from '../upstream/operations-wire.ts';

let at: OperationsGateway;
let client: OpenAI;
beforeAll(async () => {
  at = await startOperationsGateway({
    models: { two: { strategy: 'failover', targets: ['closed/none', 'up/whisper-second'] } },
  });
  client = new OpenAI({ baseURL: at.baseURL, apiKey: KEY, maxRetries: 0 });
});
afterAll(() => at?.stop());

describe('embeddings', () => {
  it('come as the SDK asks for them, and as it decodes them', async () => {
    const { data, response } = await client.embeddings.create({ model: 'up/embed', input: ['one', 'three'] }).withResponse();
    expect(data.data.map(({ embedding }) => embedding)).toEqual([vectorOf('one'), vectorOf('three')]);
    expect(data.usage).toEqual({ prompt_tokens: 7, total_tokens: 7 });
    expect(response.headers.get('x-weir-model')).toBe('up/embed');
    const [seen] = at.upstream.of('embed');
    expect(seen?.json).toMatchObject({ model: 'embed', encoding_format: 'base64' });
    expect(seen?.headers.authorization).toBe(`Bearer ${VENDOR_KEY}`);
    const row = await at.gateway.row(response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({
      status: 'complete',
      servedModel: 'up/embed',
      usage: { input: 7, output: 0 },
      facts: { operation: 'embeddings' },
    });
  });

  it('are encoded here where the provider knows numbers only', async () => {
    const { data } = await client.embeddings.create({ model: 'up/floats-only', input: 'word' });
    expect(data[0]?.embedding).toEqual(vectorOf('word'));
    // The SDK of today takes numbers too; others decode whatever comes.
    const response = await at.call('/v1/embeddings', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'up/floats-only', input: 'word', encoding_format: 'base64' }),
    });
    const raw = (await response.json()) as { data: { embedding: unknown }[] };
    expect(raw.data[0]?.embedding).toBe(Buffer.from(new Float32Array(vectorOf('word')).buffer).toString('base64'));
  });
});

describe('pictures', () => {
  it('are made and edited', async () => {
    const made = await client.images.generate({ model: 'up/gpt-image-1', prompt: 'a weir', n: 2 });
    expect(made.data?.map(({ b64_json }) => b64_json)).toEqual([PICTURE, PICTURE]);
    const edited = await client.images.edit({
      model: 'up/gpt-image-1',
      prompt: 'at night',
      image: await toFile(AUDIO, 'in.png', { type: 'image/png' }),
    });
    expect(edited.data).toHaveLength(1);
    const form = at.upstream.of('/v1/images/edits')[0]?.form;
    expect(form?.get('model')).toBe('gpt-image-1');
    expect(form?.get('prompt')).toBe('at night');
    expect(form?.get('image') instanceof File && Buffer.from(await (form.get('image') as File).arrayBuffer()).equals(AUDIO)).toBe(true);
  });

  it('stream, three megabytes in one event', async () => {
    const stream = await client.images.generate({ model: 'up/gpt-image-1', prompt: 'a weir', stream: true });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types).toEqual(['image_generation.partial_image', 'image_generation.completed']);
  });
});

describe('audio', () => {
  it('is spoken, byte for byte', async () => {
    const { data, response } = await client.audio.speech.create({ model: 'up/tts', voice: 'ash', input: 'Hello 👩‍🚀' }).withResponse();
    expect(Buffer.from(await data.arrayBuffer()).equals(AUDIO)).toBe(true);
    expect(response.headers.get('content-type')).toBe('audio/mpeg');
    const row = await at.gateway.row(response.headers.get('x-weir-request-id'));
    expect(row).toMatchObject({ status: 'complete', facts: { operation: 'speech', characters: 9 } });
  });

  it('is heard, with the file before the model as the SDK sends it', async () => {
    const answer = await client.audio.transcriptions.create({ file: await toFile(AUDIO, 'speech.wav'), model: 'up/whisper-1' });
    expect(answer.text).toBe(`${AUDIO.length} bytes of speech.wav by Ada Lovelace`);
    const asked = at.upstream.of('whisper-1')[0];
    expect(asked?.form.get('model')).toBe('whisper-1');
    const translated = await client.audio.translations.create({ model: 'up/whisper-1', file: await toFile(AUDIO, 'speech.wav') });
    expect(translated.text).toContain(`${AUDIO.length} bytes`);
  });

  it('is heard by the second target where the first is not there', async () => {
    const { data, response } = await client.audio.transcriptions
      .create({ file: await toFile(AUDIO, 'speech.wav'), model: 'two' })
      .withResponse();
    expect(data.text).toContain(`${AUDIO.length} bytes`);
    expect(response.headers.get('x-weir-model')).toBe('up/whisper-second');
  });

  it('is heard as a stream, as subtitles and in words', async () => {
    const stream = await client.audio.transcriptions.create({ model: 'up/whisper-1', file: await toFile(AUDIO, 'a.wav'), stream: true });
    const types: string[] = [];
    for await (const event of stream) types.push(event.type);
    expect(types).toEqual(['transcript.text.delta', 'transcript.text.done']);
    const srt = await client.audio.transcriptions.create({
      model: 'up/whisper-1',
      file: await toFile(AUDIO, 'a.wav'),
      response_format: 'srt',
    });
    expect(srt).toContain('00:00:01,000');
  });
});

describe('moderations', () => {
  it('pass', async () => {
    expect((await client.moderations.create({ model: 'up/omni-moderation-latest', input: 'hm' })).results[0]?.flagged).toBe(false);
  });
});
