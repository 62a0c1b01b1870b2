import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { measure, readClinc } from './routing/clinc.mjs';
import { summariseLog } from './routing/log.mjs';
import { page } from './routing/page.mjs';
import { scoreTexts } from './routing/texts.mjs';

// Says what the strategy `semantic` is worth. See docs/semantic-routing.md.
//   npm run eval:routing -- --config weir.json --model smart --file texts.jsonl
//       scores a model of a configuration on texts of your own: {text, expected} or {body, dialect?, expected}, one a line
//   npm run eval:routing -- --log https://gateway.example.com --token … [--model smart]
//       what the request log says of it
//   npm run eval:routing -- --data FOLDER [--write]
//       measures it on CLINC150, from a copy of clinc/oos-eval; --write puts the table into docs/semantic-routing.md

const root = path.dirname(import.meta.dirname);
const { values: options } = parseArgs({
  options: {
    config: { type: 'string' },
    model: { type: 'string' },
    file: { type: 'string' },
    log: { type: 'string' },
    token: { type: 'string' },
    data: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});

if (options.log !== undefined)
  console.log(await summariseLog(options.log, options.token ?? process.env.WEIR_ADMIN_TOKEN ?? '', options.model));
else {
  const gateway = await load();
  const embedder = gateway.loadStaticEmbedder(readFileSync(path.join(root, 'src', 'state', 'meaning', 'static-en.bin')));
  if (options.data !== undefined) evaluate(gateway, embedder);
  else if (options.file !== undefined) console.log(scoreTexts(readFileSync(options.file, 'utf8'), settingsOf(), embedder, gateway));
  else {
    console.error('Say --file and --config, --log, or --data: scripts/eval-routing.mjs tells what they do.');
    process.exitCode = 2;
  }
}

async function load() {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, 'scripts', 'routing', 'entry.ts')],
    bundle: true,
    format: 'esm',
    platform: 'node',
    loader: { '.bin': 'binary', '.txt': 'text' },
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

/** The strategy's settings of a model; the file may also be these settings alone. */
function settingsOf() {
  if (options.config === undefined) throw new Error('--config names the file with the configuration');
  const document = JSON.parse(readFileSync(options.config, 'utf8'));
  if (document.models === undefined) return document;
  const models = Object.entries(document.models).filter(
    ([name, { strategy }]) => strategy === 'semantic' && name === (options.model ?? name),
  );
  if (models.length !== 1) throw new Error(`--model names one of the models with the strategy "semantic"; ${models.length} fit`);
  const { settings } = models[0][1];
  if (settings.embedding !== undefined)
    throw new Error('only the embedder inside the gateway can be asked here, and the model names another');
  return settings;
}

function evaluate(gateway, embedder) {
  const rows = measure(readClinc(options.data), embedder, gateway);
  const text = page(rows, embedder, gateway, new Date().toISOString().slice(0, 10));
  console.log(text);
  if (!options.write) return;
  const file = path.join(root, 'docs', 'semantic-routing.md');
  const before = readFileSync(file, 'utf8');
  writeFileSync(file, before.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, `$1${text}\n$2`));
}
