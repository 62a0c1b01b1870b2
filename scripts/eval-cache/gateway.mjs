import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const root = path.join(import.meta.dirname, '..', '..');

/** The gateway's own code as the scripts use it, and `embed(text)`, its embedder with the weights of the repository. */
export async function gateway() {
  const folder = mkdtempSync(path.join(tmpdir(), 'weir-eval-cache-'));
  try {
    const outfile = path.join(folder, 'gateway.mjs');
    await build({
      entryPoints: [path.join(import.meta.dirname, 'entry.ts')],
      bundle: true,
      format: 'esm',
      platform: 'node',
      outfile,
      logLevel: 'warning',
    });
    const loaded = await import(pathToFileURL(outfile));
    const embedder = loaded.loadStaticEmbedder(readFileSync(path.join(root, 'src', 'state', 'meaning', 'static-en.bin')));
    return { ...loaded, embedder, embed: (text) => embedder.vector(text) };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
