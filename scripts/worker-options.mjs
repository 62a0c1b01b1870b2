import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { unstable_getMiniflareWorkerOptions, unstable_readConfig, unstable_splitSqlQuery } from 'wrangler';

// Prints what wrangler makes of wrangler.toml and of the migrations, as JSON. A process of its own because loading
// wrangler takes more than a second, and what it says is kept beside the bundle.

const [configPath, migrationsDirectory] = process.argv.slice(2);
// Not what .dev.vars says: it changes without the bundle, and a gateway of a test would have secrets that it was not given.
const { vars } = unstable_readConfig({ config: configPath });
const workerOptions = { ...unstable_getMiniflareWorkerOptions(configPath).workerOptions, bindings: vars };

function migrations() {
  let files = [];
  try {
    files = readdirSync(migrationsDirectory);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  return files
    .filter((name) => name.endsWith('.sql'))
    .sort()
    .map((name) => ({ name, statements: unstable_splitSqlQuery(readFileSync(path.join(migrationsDirectory, name), 'utf8')) }));
}

// Wrangler may warn on stdout while it reads the file: the answer is the last line.
process.stdout.write(`\n${JSON.stringify({ workerOptions, migrations: migrations() })}\n`);
