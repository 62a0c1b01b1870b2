// Writes schema/weir.config.schema.json from the configuration's own schema, for editors. `--check` only compares.
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { build } from 'esbuild';

const root = path.join(import.meta.dirname, '..');
const file = path.join(root, 'schema/weir.config.schema.json');

const { outputFiles } = await build({
  stdin: {
    contents: `import { rolls } from './src/config/rolls.ts';
import { jsonSchema } from './src/config/schema.ts';
export const schema = jsonSchema(rolls);`,
    resolveDir: root,
  },
  bundle: true,
  format: 'esm',
  platform: 'node',
  write: false,
});
const { schema } = await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);

if (process.argv.includes('--check')) {
  if (!isDeepStrictEqual(JSON.parse(readFileSync(file, 'utf8')), JSON.parse(JSON.stringify(schema)))) {
    console.error('schema/weir.config.schema.json is not current: run `npm run schema`.');
    process.exit(1);
  }
} else {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
  execFileSync(path.join(root, 'node_modules/.bin/biome'), ['format', '--write', file], { stdio: 'inherit' });
}
