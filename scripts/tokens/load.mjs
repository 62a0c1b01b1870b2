import path from 'node:path';
import { build } from 'esbuild';
import { root } from '../bundle.mjs';

/** The tokenizer, the estimator and the factors out of src, for Node. */
export async function loadTokens() {
  const { outputFiles } = await build({
    stdin: {
      contents: `export { estimateTokens } from './src/core/estimate.ts';
export { factorOf, FACTORS } from './src/core/tokens/factors.ts';
export { tokenizer } from './src/core/tokens/tokenizer.ts';`,
      resolveDir: root,
    },
    absWorkingDir: path.resolve(root),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}
