import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildCatalogue } from './catalogue/build.mjs';
import { absurdities } from './catalogue/check.mjs';

// Refreshes the catalogue of models and prices, src/catalogue/catalogue.txt. See docs/catalogue.md.
//   npm run catalogue                                    from the installed @pydantic/genai-prices and https://models.dev/api.json
//   npm run catalogue -- --models-dev FILE               from a copy of that document
//     --models-dev-version TEXT                          the copy's own date or commit
//     --date YYYY-MM-DD                                  of the prices; today when absent
//     --accept PROVIDER/MODEL                            lets one refused change through; may be repeated

const root = path.dirname(import.meta.dirname);
const file = path.join(root, 'src', 'catalogue', 'catalogue.txt');
const genaiFolder = path.join(root, 'node_modules', '@pydantic', 'genai-prices');

const { values: options } = parseArgs({
  options: {
    'models-dev': { type: 'string', default: 'https://models.dev/api.json' },
    'models-dev-version': { type: 'string' },
    date: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    accept: { type: 'string', multiple: true, default: [] },
  },
});

const today = new Date().toISOString().slice(0, 10);
const { version } = JSON.parse(readFileSync(path.join(genaiFolder, 'package.json'), 'utf8'));
const { waitForUpdate } = await import('@pydantic/genai-prices');

const after = buildCatalogue({
  // Nothing is under way: this is the list that the package brings.
  genai: await waitForUpdate(),
  modelsDev: await readModelsDev(options['models-dev']),
  date: options.date,
  sources: [
    {
      name: '@pydantic/genai-prices',
      version,
      url: 'https://github.com/pydantic/genai-prices',
      licence: 'MIT',
      copyright: 'Copyright (c) Pydantic Services Inc. 2025 to present',
    },
    {
      name: 'models.dev',
      version: options['models-dev-version'] ?? today,
      url: 'https://github.com/anomalyco/models.dev',
      licence: 'MIT',
      copyright: 'Copyright (c) 2025 models.dev',
    },
  ],
});
const before = existsSync(file) ? readFileSync(file, 'utf8') : undefined;
const refused = absurdities(before, after, new Set(options.accept));
if (refused.length > 0) {
  console.error(`Nothing was written. ${refused.length} changes are too large to be believed:\n`);
  for (const { key, what } of refused) console.error(`  ${key}: ${what}`);
  console.error("\nCheck them against the vendors' pages; --accept lets one through by its name.");
  process.exit(1);
}
writeFileSync(file, after);
console.log(`${path.relative(root, file)}: ${JSON.parse(after.slice(0, after.indexOf('\n'))).version}, ${after.split('\n').length} lines`);

async function readModelsDev(from) {
  if (!/^https?:/.test(from)) return JSON.parse(readFileSync(from, 'utf8'));
  const response = await fetch(from);
  if (!response.ok) throw new Error(`${from} answered ${response.status}.`);
  return response.json();
}
