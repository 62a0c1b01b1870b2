import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { quiet, root } from '../bundle.mjs';
import { busiestThread, childProcesses } from '../tokens/cpu.mjs';

// What keeping and searching vectors costs on workerd: `node scripts/vectors/measure.mjs`. Times are CPU time of the
// thread that runs it, which other processes disturb far less than they do the clock; the least of several rounds.

const run = promisify(execFile);
const ROUNDS = 7;
const SIZES = [
  [10_000, 128],
  [50_000, 128],
  [100_000, 128],
  [10_000, 1_536],
];
const TIMES = { wake: 2, exact: 40, signs: 40, plain: 2 };

async function build(directory) {
  const config = path.join(directory, 'wrangler.toml');
  const output = path.join(directory, 'output');
  const entry = path.join(import.meta.dirname, 'worker.ts');
  await writeFile(
    config,
    `name = "vectors"\nmain = ${JSON.stringify(entry)}\ncompatibility_date = "2026-10-23"
[[durable_objects.bindings]]\nname = "MEASURED"\nclass_name = "Measured"
[[migrations]]\ntag = "v1"\nnew_sqlite_classes = ["Measured"]\n`,
  );
  const wrangler = path.join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
  const args = [wrangler, 'deploy', '--config', config, '--dry-run', '--outdir', output];
  await run(process.execPath, args, { cwd: root, env: { ...process.env, ...quiet } });
  const wasm = (await readdir(output)).filter((name) => name.endsWith('.wasm'));
  const modules = ['worker.js', ...wasm].map(async (name) => {
    const file = path.join(output, name);
    const contents = await readFile(file);
    return name.endsWith('.wasm')
      ? { type: 'CompiledWasm', path: file, contents }
      : { type: 'ESModule', path: file, contents: contents.toString() };
  });
  return { output, modules: await Promise.all(modules) };
}

async function start(directory) {
  for (const [name, value] of Object.entries(quiet)) process.env[name] ??= value;
  const { output, modules } = await build(directory);
  const worker = {
    name: 'vectors',
    rootPath: output,
    modulesRoot: output,
    modules,
    compatibilityDate: '2026-10-23',
    durableObjects: { MEASURED: { className: 'Measured', useSQLite: true } },
    unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
  };
  const settings = { host: '127.0.0.1', port: 0, cf: false, log: new Log(LogLevel.NONE), telemetry: { enabled: false } };
  const storage = { resourcePersistencePath: path.join(directory, 'state') };
  const miniflare = new Miniflare(convertV4MiniflareOptions({ ...settings, ...storage, workers: [worker] }));
  const url = await miniflare.unsafeGetDirectURL();
  const [workerd] = childProcesses('workerd');
  if (workerd === undefined) throw new Error('The process of workerd was not found: CPU time is read from /proc, on Linux.');
  const ask = async (work) => {
    const spent = busiestThread(workerd);
    const response = await fetch(url, { method: 'POST', body: JSON.stringify({ times: 1, ...work }) });
    if (!response.ok) throw new Error(await response.text());
    await response.json();
    return spent();
  };
  return { ask, stop: () => miniflare.dispose() };
}

/** Milliseconds for each time, the least of several rounds. */
async function least(ask, work) {
  await ask(work);
  let [idle, busy] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round += 1) {
    idle = Math.min(idle, await ask({ ...work, what: 'idle' }));
    busy = Math.min(busy, await ask(work));
  }
  return (busy - idle) / work.times;
}

const directory = await mkdtemp(path.join(tmpdir(), 'weir-vectors-'));
try {
  const { ask, stop } = await start(directory);
  try {
    const instance = await least(ask, { what: 'instance', count: 0, dimensions: 0, times: 20 });
    const { size } = await stat(path.join(root, 'src/state/vectors/scan.wasm'));
    console.log(`The module has ${size} bytes; an instance of it with its memory takes ${(instance * 1000).toFixed(0)} µs.\n`);
    console.log('vectors × numbers | put | read from storage | search, exact | signs first | plain JavaScript, exact');
    for (const [count, dimensions] of SIZES) {
      const put = (await ask({ what: 'fill', count, dimensions })) / count;
      const cells = [`${(put * 1000).toFixed(0)} µs`];
      for (const what of ['wake', 'exact', 'signs', 'plain']) {
        cells.push(`${(await least(ask, { what, count, dimensions, times: TIMES[what] })).toFixed(2)} ms`);
      }
      console.log([`${count} × ${dimensions}`, ...cells].join(' | '));
    }
  } finally {
    await stop();
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
