import { expect, it } from 'vitest';
import { similarity } from '../../core/meaning/embedder.ts';
import { loadStaticEmbedder } from '../../core/meaning/static/index.ts';
import { isolateEmbedder } from './embedder.ts';
import file from './static-en.bin';
import { staticEnglish } from './static-en.ts';

const { signal } = new AbortController();

it('says of itself what its weights say', () => {
  expect(loadStaticEmbedder(file)).toMatchObject(staticEnglish);
  expect(isolateEmbedder()).toMatchObject(staticEnglish);
});

it('weighs two megabytes and a little', () => expect(file.byteLength).toBeLessThan(2.4 * 1024 * 1024));

it('points alike for what means alike, and elsewhere for what does not', async () => {
  const embedder = isolateEmbedder();
  const of = async (...texts: string[]) => embedder.embed(texts, signal);
  const [asked, same, other, nothing] = await of(
    'How can I cancel my order?',
    'i want to cancel an order that i placed',
    'What is the weather like in Berlin today?',
    '',
  );
  if (asked === undefined || same === undefined || other === undefined || nothing === undefined) throw new Error('no vectors');
  expect(similarity(asked, same)).toBeGreaterThan(0.75);
  expect(similarity(asked, other)).toBeLessThan(0.5);
  expect(similarity(asked, nothing)).toBe(0);
});
