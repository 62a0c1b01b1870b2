import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { bundle, quiet, root } from './bundle.mjs';

// What a deployment weighs and what an isolate's start costs. Cloudflare takes 10 MB compressed and one second of CPU;
// the limits here are our own, so that neither grows unseen.

const MAX_GZIP = 720 * 1024;
/** Two vocabularies of tokens, 1.5 MB, and the weights of the embedder, as much again. */
const MAX_DATA = 3328 * 1024;
const MAX_STARTUP = 50;
/** Machines and their load differ, and a profiler slows what it measures: only far above the limit is a failure. */
const TOLERANCE = 6;
/** The least of several is the one that other processes disturbed least. */
const RUNS = 3;

const run = promisify(execFile);

/** Code, and data modules apart: they are loaded when they are first asked for and cost nothing at the start. */
async function gzipSizes() {
  const { directory, modules } = await bundle();
  const sizes = { code: 0, data: 0 };
  for (const name of modules) {
    sizes[name.endsWith('.bin') ? 'data' : 'code'] += gzipSync(await readFile(path.join(directory, name))).length;
  }
  return sizes;
}

/** Milliseconds in which workerd was busy between the start of the isolate and its readiness, by V8's profiler. */
async function startup(folder) {
  const file = path.join(folder, 'startup.cpuprofile');
  const wrangler = path.join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
  await run(process.execPath, [wrangler, 'check', 'startup', '--outfile', file], { cwd: root, env: { ...process.env, ...quiet } });
  const { nodes, samples, timeDeltas } = JSON.parse(await readFile(file, 'utf8'));
  const idle = new Set(nodes.filter(({ callFrame }) => callFrame.functionName === '(idle)').map(({ id }) => id));
  // A sample stands for the time until the next one.
  return samples.reduce((sum, node, at) => sum + (idle.has(node) ? 0 : (timeDeltas[at + 1] ?? 0)), 0) / 1000;
}

const folder = await mkdtemp(path.join(tmpdir(), 'weir-size-'));
try {
  const { code, data } = await gzipSizes();
  const starts = [];
  for (let at = 0; at < RUNS; at++) starts.push(await startup(folder));
  const start = Math.min(...starts);
  console.log(`Code      ${(code / 1024).toFixed(1)} KB gzip (limit ${MAX_GZIP / 1024})`);
  console.log(`Data      ${(data / 1024).toFixed(1)} KB gzip (limit ${MAX_DATA / 1024})`);
  console.log(
    `Start-up  ${start.toFixed(1)} ms of CPU, least of ${starts.map((each) => each.toFixed(1)).join(', ')} (limit ${MAX_STARTUP})`,
  );
  if (code > MAX_GZIP || data > MAX_DATA) {
    console.error('The bundle is over its limit: see what came in with `npx wrangler deploy --dry-run --outdir dist --metafile`.');
    process.exitCode = 1;
  }
  if (start > MAX_STARTUP * TOLERANCE) {
    console.error('Starting takes over six times its limit: see what runs on loading with `npx wrangler check startup`.');
    process.exitCode = 1;
  } else if (start > MAX_STARTUP) {
    console.warn(`Starting takes more than its limit. This fails only above ${MAX_STARTUP * TOLERANCE} ms, since machines differ.`);
  }
} finally {
  await rm(folder, { recursive: true, force: true });
}
