import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deviation } from './check.mjs';
import { cached, failover, floor, limited, mcp, peer, pump, strict, upstreamServer, weir } from './gateways.mjs';
import { drive } from './load.mjs';
import { loadOf, opened } from './measure.mjs';
import { cores, pinSelf, start, stop } from './processes.mjs';
import { scenarios } from './scenarios.mjs';

// `npm run bench -- --profile`: where one gateway spends its time under one scenario's load. By default the JavaScript, by
// V8's sampling profiler over workerd's inspector; with --perf the whole process, native code too, by Linux perf.

const { values: options } = parseArgs({
  options: {
    profile: { type: 'boolean' },
    scenario: { type: 'string', default: 'json16' },
    gateway: { type: 'string', default: 'weir' },
    times: { type: 'string', default: '2' },
    top: { type: 'string', default: '40' },
    out: { type: 'string' },
    perf: { type: 'boolean', default: false },
  },
});

const root = path.dirname(import.meta.dirname);
const SAMPLE_MICROSECONDS = 200;

/** A debugger session with one Worker: `send(method, params)` answers with the result. */
async function debuggerOf(port, worker) {
  const targets = await (await fetch(`http://127.0.0.1:${port}/json`)).json();
  const target = targets.find(({ id, title }) => `${id} ${title}`.includes(worker)) ?? targets[0];
  const socket = new WebSocket(target.webSocketDebuggerUrl ?? `ws://127.0.0.1:${port}/${target.id}`);
  const waiting = new Map();
  let last = 0;
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error } = JSON.parse(data);
    const call = waiting.get(id);
    waiting.delete(id);
    if (error !== undefined) call?.reject(new Error(error.message));
    else call?.resolve(result);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve);
    socket.addEventListener('error', () => reject(new Error('the inspector did not answer')));
  });
  return (method, params = {}) => {
    last += 1;
    const id = last;
    socket.send(JSON.stringify({ id, method, params }));
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  };
}

/** Names a profile's frames by their place in the sources, where the bundle has a map. */
function namer(mapFile) {
  const map = mapFile !== undefined && existsSync(mapFile) ? new SourceMap(JSON.parse(readFileSync(mapFile, 'utf8'))) : undefined;
  return ({ callFrame: { functionName, url, lineNumber, columnNumber } }) => {
    const called = functionName || '(anonymous)';
    if (url === '') return called;
    const entry = url.startsWith('cloudflare-internal:') ? undefined : map?.findEntry(lineNumber, columnNumber);
    if (entry?.originalSource === undefined) return `${called} ${path.basename(url)}:${lineNumber + 1}`;
    const source = path.resolve(path.dirname(mapFile), entry.originalSource);
    return `${called} ${path.relative(root, source)}:${entry.originalLine + 1}`;
  };
}

/** Self and total time by function, microseconds; a function on the stack twice counts once in its total. */
function timesOf(profile, name) {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const self = new Map();
  profile.samples.forEach((id, at) => {
    self.set(id, (self.get(id) ?? 0) + Math.max(0, profile.timeDeltas[at]));
  });
  const found = new Map();
  const visit = (node, above) => {
    const label = name(node);
    const own = self.get(node.id) ?? 0;
    const entry = found.get(label) ?? { self: 0, total: 0 };
    found.set(label, entry);
    const inside = new Set([...above, label]);
    const whole = (node.children ?? []).reduce((sum, child) => sum + visit(nodes.get(child), inside), own);
    entry.self += own;
    if (!above.has(label)) entry.total += whole;
    return whole;
  };
  const whole = visit(profile.nodes[0], new Set());
  return { whole, found };
}

function printProfile(profile, name, requests) {
  const { whole, found } = timesOf(profile, name);
  const idle = ['(idle)', '(program)', '(root)'].map((label) => found.get(label)?.self ?? 0).reduce((a, b) => a + b);
  process.stdout.write(`\n${Math.round(whole / 1000)} ms sampled, ${Math.round((whole - idle) / requests)} µs of JavaScript a request\n`);
  for (const order of ['self', 'total']) {
    const rows = [...found].sort(([, a], [, b]) => b[order] - a[order]).slice(0, Number(options.top));
    process.stdout.write(`\nby ${order} time, µs a request: self, total, function\n`);
    for (const [label, each] of rows) {
      const numbers = [each.self, each.total].map((value) => (value / requests).toFixed(1).padStart(9)).join(' ');
      process.stdout.write(`${numbers}  ${label}\n`);
    }
  }
}

async function byInspector(gateway, load) {
  const send = await debuggerOf(gateway.inspectorPort, 'gateway');
  await send('Profiler.enable');
  await send('Profiler.setSamplingInterval', { interval: SAMPLE_MICROSECONDS });
  await send('Profiler.start');
  await drive(load);
  const { profile } = await send('Profiler.stop');
  if (options.out !== undefined) writeFileSync(options.out, JSON.stringify(profile));
  printProfile(profile, namer(gateway.sourceMap), load.requests);
}

/** `perf` follows the process for as long as the load lasts; cpu-clock works on virtual machines without counters. */
async function byPerf(gateway, load, directory) {
  const data = options.out ?? path.join(directory, 'perf.data');
  const recorder = start('perf', ['record', '-e', 'cpu-clock', '-F', '1999', '-g', '-o', data, '-p', String(gateway.child.pid)], {
    core: cores.rest,
  });
  await new Promise((resolve) => setTimeout(resolve, 500));
  await drive(load);
  const ended = new Promise((resolve) => recorder.once('exit', resolve));
  recorder.kill('SIGINT');
  await ended;
  const report = spawnSync('perf', ['report', '-i', data, '--stdio', '--no-children', '-g', 'none', '--percent-limit', '0.4'], {
    encoding: 'utf8',
    maxBuffer: 64 << 20,
  });
  const lines = report.stdout.split('\n').filter((line) => line.trim() !== '' && !line.startsWith('#'));
  process.stdout.write(`${lines.slice(0, Number(options.top)).join('\n')}\n`);
}

const directory = mkdtempSync(path.join(os.tmpdir(), 'weir-profile-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
const scenario = scenarios.find(({ id }) => id === options.scenario);
if (scenario === undefined) throw new Error(`no scenario ${options.scenario}; there are ${scenarios.map(({ id }) => id).join(', ')}`);
const upstream = await upstreamServer();
const make =
  { floor, pump, weir, limited, strict, failover, cached, mcp }[options.gateway] ??
  ((where) => peer({ ...where, name: 'peer', at: options.gateway, headers: {} }));
const own = path.join(directory, 'gateway');
mkdirSync(own);
const started = await make({ upstream, directory: own, inspector: !options.perf });
pinSelf();
const gateway = await opened(started, scenario);
const problem = await deviation(gateway, scenario);
if (problem !== undefined) throw new Error(`${options.gateway} does not serve ${scenario.id}: ${problem}`);
const load = loadOf(gateway, { ...scenario, requests: Math.round(scenario.requests * Number(options.times)) });
await drive({ ...load, requests: Math.max(load.connections, Math.round(load.requests / 2)) });
await (options.perf ? byPerf : byInspector)(gateway, load, directory);
stop(gateway.child);
process.exit(0);
