// Writes the pages of docs/ that say what the code does: errors.md from the table of error codes, translation.md from
// the codecs.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { build } from 'esbuild';

async function page(entry, name) {
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, entry)],
    bundle: true,
    format: 'esm',
    platform: 'node',
    loader: { '.bin': 'binary', '.txt': 'text' },
    write: false,
  });
  const module = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
  writeFileSync(path.join(import.meta.dirname, '..', 'docs', name), Object.values(module)[0]());
}

await page('errors-page.ts', 'errors.md');
await page('translation-page.ts', 'translation.md');
