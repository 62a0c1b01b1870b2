import { readFileSync } from 'node:fs';
import { loadTokens } from './load.mjs';
import { vocabularyPath } from './vocabularies.mjs';

// Prints what a tokenizer keeps, as JSON: `node --expose-gc memory.mjs <encoding>`.

const [encoding] = process.argv.slice(2);
const { tokenizer } = await loadTokens();
const settle = () => {
  for (let at = 0; at < 4; at++) globalThis.gc();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return { heapUsed, arrayBuffers };
};
const read = () => {
  const { buffer, byteOffset, length } = readFileSync(vocabularyPath(encoding));
  return buffer.slice(byteOffset, byteOffset + length);
};

// What the engine makes of the code is not the tokenizer's: it is made once before, and kept.
const first = tokenizer(encoding, read());
first.count('Hello, 中文, мир');
const before = settle();
const kept = tokenizer(encoding, read());
const tokens = kept.count('Hello, 中文, мир');
const after = settle();
const result = { heap: after.heapUsed - before.heapUsed, buffers: after.arrayBuffers - before.arrayBuffers };
// Whoever is asked again is not collected before.
if (first.count('Hello') + kept.count('Hello') !== 2 || tokens === 0) throw new Error('The tokenizer does not count.');
console.log(JSON.stringify(result));
