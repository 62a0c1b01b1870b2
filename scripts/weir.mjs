#!/usr/bin/env node
// `npx weir`: the command line of src/cli, whose types are stripped here so that it needs no build.
import { readFileSync } from 'node:fs';
import { mkdir, readFile, realpath, rename, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pathToFileURL } from 'node:url';
import { parseEnv } from 'node:util';
import { build } from 'esbuild';

const root = path.dirname(import.meta.dirname);

/** What `npm start` keeps for local runs; the environment comes first. */
function localSecrets() {
  try {
    return parseEnv(readFileSync(path.join(root, '.dev.vars'), 'utf8'));
  } catch (error) {
    if (error.code === 'ENOENT') return {};
    throw error;
  }
}

const { outputFiles } = await build({
  entryPoints: [path.join(root, 'src', 'cli', 'index.ts')],
  bundle: true,
  format: 'esm',
  platform: 'node',
  // Packages of the older kind ask for Node's own modules by `require`.
  banner: {
    js: `import { createRequire } from 'node:module'; const require = createRequire(${JSON.stringify(pathToFileURL(`${root}/`).href)});`,
  },
  write: false,
});
const cli = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
const { WEIR_URL, WEIR_ADMIN_TOKEN } = { ...localSecrets(), ...process.env };
process.exitCode = await cli.run(process.argv.slice(2), {
  env: { ...process.env, WEIR_URL, WEIR_ADMIN_TOKEN },
  fetch,
  now: () => Date.now(),
  read: (file) => (file === '-' ? buffer(process.stdin) : readFile(file)),
  home: homedir(),
  folder: process.cwd(),
  // Whole or not at all; a file may hold a key.
  save: async (file, text) => {
    await mkdir(path.dirname(file), { recursive: true });
    const real = await realpath(file).catch(() => file);
    const { mode } = await stat(real).catch(() => ({ mode: 0o600 }));
    await writeFile(`${real}.${process.pid}.tmp`, text, { mode });
    await rename(`${real}.${process.pid}.tmp`, real);
  },
  out: (line) => console.log(line),
  err: (line) => console.error(line),
  write: (bytes) => new Promise((resolve, reject) => process.stdout.write(bytes, (error) => (error ? reject(error) : resolve()))),
});
