import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { root } from '../bundle.mjs';

// src/state/vocabulary/<encoding>.bin from the ranks that js-tiktoken carries. The form is that which
// src/core/tokens/vocabulary.ts reads.

export const encodings = ['o200k_base', 'cl100k_base'];
export const vocabularyPath = (encoding) => path.join(root, 'src', 'state', 'vocabulary', `${encoding}.bin`);

/** Tokens in the order of their ranks. js-tiktoken keeps them as lines of `! <first rank> <base64> <base64> …`. */
async function tokensOf(encoding) {
  const { default: ranks } = await import(`js-tiktoken/ranks/${encoding}`);
  const tokens = [];
  for (const line of ranks.bpe_ranks.split('\n').filter(Boolean)) {
    const [, first, ...base64] = line.split(' ');
    if (Number(first) !== tokens.length) throw new Error(`The ranks of ${encoding} have a gap at ${tokens.length}.`);
    for (const each of base64) tokens.push(Buffer.from(each, 'base64'));
  }
  return tokens;
}

export async function vocabularyFile(encoding) {
  const tokens = await tokensOf(encoding);
  const longest = tokens.reduce((most, { length }) => Math.max(most, length), 0);
  if (longest > 255) throw new Error(`A token of ${encoding} has ${longest} bytes: its length does not fit into a byte.`);
  const count = Buffer.alloc(4);
  count.writeUInt32LE(tokens.length);
  return Buffer.concat([count, Buffer.from(tokens.map(({ length }) => length)), ...tokens]);
}

/** Writes the files, or with `check` says which are not those that js-tiktoken's ranks give. */
export async function vocabularies({ check }) {
  const stale = [];
  for (const encoding of encodings) {
    const file = await vocabularyFile(encoding);
    if (!check) writeFileSync(vocabularyPath(encoding), file);
    else if (!file.equals(readFileSync(vocabularyPath(encoding)))) stale.push(encoding);
  }
  return stale;
}
