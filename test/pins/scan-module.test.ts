import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { assemble } from '../../scripts/vectors/assemble.mjs';

const file = path.join(import.meta.dirname, '../../src/state/vectors/scan.wasm');

it('the WebAssembly module is what `node scripts/vectors/assemble.mjs` makes', async () => {
  expect(Buffer.compare(await readFile(file), assemble())).toBe(0);
});
