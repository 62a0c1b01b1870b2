import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { quiet, root } from '../bundle.mjs';
import { busiestThread, childProcesses } from './cpu.mjs';
import { encodings, vocabularyPath } from './vocabularies.mjs';

// What counting costs on workerd: the tokenizer as wrangler bundles it, in a Worker of its own. Times are CPU time of the
// thread that runs it, which other processes disturb far less than they do the clock.

const run = promisify(execFile);
/** Isolates started anew for the first use; rounds of everything else. Other processes only ever add time. */
const STARTS = 7;
const ROUNDS = 9;
const SIZE = 200 * 1024;
const ENOUGH = 500_000;
const COMPATIBILITY_DATE = '2026-10-23';

/** Bundled with a configuration of its own: that of the gateway demands all of the gateway. */
async function build(directory) {
  const config = path.join(directory, 'wrangler.toml');
  const output = path.join(directory, 'output');
  const entry = path.join(import.meta.dirname, 'worker.ts');
  await writeFile(config, `name = "tokens"\nmain = ${JSON.stringify(entry)}\ncompatibility_date = "${COMPATIBILITY_DATE}"\n`);
  const wrangler = path.join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
  const args = [wrangler, 'deploy', '--config', config, '--dry-run', '--outdir', output];
  await run(process.execPath, args, { cwd: root, env: { ...process.env, ...quiet } });
  const data = (await readdir(output)).filter((name) => name.endsWith('.bin'));
  const modules = ['worker.js', ...data].map(async (name) => {
    const file = path.join(output, name);
    const contents = await readFile(file);
    return name.endsWith('.bin') ? { type: 'Data', path: file, contents } : { type: 'ESModule', path: file, contents: contents.toString() };
  });
  return { directory: output, modules: await Promise.all(modules) };
}

async function start({ directory, modules }) {
  for (const [name, value] of Object.entries(quiet)) process.env[name] ??= value;
  const worker = {
    name: 'tokens',
    rootPath: directory,
    modulesRoot: directory,
    modules,
    compatibilityDate: COMPATIBILITY_DATE,
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      telemetry: { enabled: false },
      workers: [worker],
    }),
  );
  const url = await miniflare.unsafeGetDirectURL();
  const [workerd] = childProcesses('workerd');
  if (workerd === undefined) throw new Error('The process of workerd was not found: CPU time is read from /proc, on Linux.');
  const ask = async (work) => {
    const body = JSON.stringify({ what: 'count', encoding: 'o200k_base', text: '', times: 1, ...work });
    const spent = busiestThread(workerd);
    const response = await fetch(url, { method: 'POST', body });
    const { tokens } = await response.json();
    return { tokens, ms: spent() };
  };
  return { ask, stop: () => miniflare.dispose() };
}

/** The least time of several rounds of a piece of work, less that of a request which does nothing. */
async function least(ask, work) {
  const rounds = { idle: [], busy: [] };
  let tokens = 0;
  for (let round = 0; round < ROUNDS; round++) {
    rounds.idle.push((await ask({ ...work, what: 'nothing' })).ms);
    const busy = await ask(work);
    rounds.busy.push(busy.ms);
    tokens = busy.tokens;
  }
  return { tokens, ms: Math.max(0, Math.min(...rounds.busy) - Math.min(...rounds.idle)) };
}

/** First use and then the first hostile text, each in a new isolate: nothing is compiled yet. */
async function firsts(built, encoding) {
  const uses = [];
  const hostile = [];
  for (let at = 0; at < STARTS; at++) {
    const { ask, stop } = await start(built);
    for (let warm = 0; warm < 5; warm++) await ask({ what: 'nothing' });
    const idle = await ask({ what: 'nothing' });
    uses.push((await ask({ encoding, text: 'Hello, world!' })).ms - idle.ms);
    hostile.push((await ask({ encoding, text: 'a', times: SIZE })).ms - idle.ms);
    await stop();
  }
  return { use: spread(uses), hostile: spread(hostile) };
}

function spread(times) {
  const sorted = times.toSorted((a, b) => a - b);
  return { least: sorted[0], median: sorted[sorted.length >> 1] };
}

/** Heap and buffers of one tokenizer after garbage collection, in a Node process of its own: the same engine. */
async function memory(encoding) {
  const { stdout } = await run(process.execPath, ['--expose-gc', path.join(import.meta.dirname, 'memory.mjs'), encoding], { cwd: root });
  return { ...JSON.parse(stdout), file: (await stat(vocabularyPath(encoding))).size };
}

/**
 * @param {Record<string, string>} texts Ordinary texts, to be counted and estimated.
 * @param {readonly string[]} units Each is repeated up to 200 KB of UTF-8.
 */
export async function measure(texts, units) {
  const directory = await mkdtemp(path.join(tmpdir(), 'weir-tokens-'));
  try {
    const built = await build(directory);
    const result = {};
    for (const encoding of encodings) {
      const first = await firsts(built, encoding);
      const { ask, stop } = await start(built);
      const hostile = [];
      for (const unit of units) {
        const times = Math.ceil(SIZE / Buffer.byteLength(unit));
        hostile.push({ unit, ...(await least(ask, { encoding, text: unit, times })) });
      }
      const ordinary = [];
      for (const [name, text] of Object.entries(texts)) {
        // Long enough that a request's own time is nothing beside it.
        const times = Math.ceil(ENOUGH / text.length);
        const counted = await least(ask, { encoding, text, times });
        const estimated = await least(ask, { what: 'estimate', text, times });
        ordinary.push({ name, characters: text.length * times, tokens: counted.tokens, ms: counted.ms, estimateMs: estimated.ms });
      }
      await stop();
      result[encoding] = { first, hostile, ordinary, memory: await memory(encoding) };
    }
    return result;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
