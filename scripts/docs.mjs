// Writes docs/errors.md from the table of error codes.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

const { outputFiles } = await build({
  entryPoints: [path.join(import.meta.dirname, 'errors-page.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const { errorsPage } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
writeFileSync(path.join(import.meta.dirname, '..', 'docs', 'errors.md'), errorsPage());
