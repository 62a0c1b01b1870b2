import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { build } from 'esbuild';
import { unstable_readConfig } from 'wrangler';
import { cores, firstLine, start } from './processes.mjs';
import { fill } from './semantic.mjs';
import { bind, serve } from './workerd.mjs';

// What is compared. Each starts as a process of its own on the gateways' core and comes back as
// `{ name, child, port, headers, model(script), … }`.

const here = import.meta.dirname;
const root = path.dirname(here);
const config = unstable_readConfig({ config: path.join(root, 'wrangler.toml') }, { hideWarnings: true });
const platform = { date: config.compatibility_date, flags: config.compatibility_flags };

/** One file of ours, bundled the way a Worker is. */
async function bundle(entry, directory) {
  await build({
    entryPoints: [path.join(here, entry)],
    outfile: path.join(directory, entry),
    bundle: true,
    format: 'esm',
    platform: 'neutral',
    conditions: ['workerd', 'worker', 'browser'],
    mainFields: ['browser', 'module', 'main'],
    external: ['node:*', 'cloudflare:*'],
    logLevel: 'error',
  });
  return { directory, files: [entry] };
}

export const floor = (where) => reference('floor', where);
/** Every piece through JavaScript, and nothing done with it. */
export const pump = (where) => reference('pump', where);
/** Question and answer read whole, and nothing decided by them. */
export const least = async (where) => ({ ...(await reference('least', where)), only: ['json1', 'json16', 'json64', 'slow64', 'large'] });

async function reference(name, { upstream, directory, inspector }) {
  const built = await bundle(`${name}.mjs`, directory);
  const worker = { name: 'gateway', ...built, ...platform, bindings: [bind.text('UPSTREAM', upstream)] };
  const served = await serve({ workers: [worker], directory, inspector });
  return { name, ...served, headers: { authorization: 'Bearer k' }, model: (script) => script };
}

const devKey = 'weir_dev_bench';
const adminToken = 'bench-admin-token';
/** Longer than the journal gathers rows for (src/state/journal.ts). */
const JOURNAL_MS = 700;

/** The production build, with the benchmark's configuration in the place of the root's. */
function buildWeir(upstream, { limits = {}, policies = [] }, directory) {
  const sources = readdirSync(path.join(root, 'src'), { recursive: true }).filter((file) => file.endsWith('.ts'));
  const imports = sources.flatMap((file) => [
    ...readFileSync(path.join(root, 'src', file), 'utf8').matchAll(/['"]((?:\.\.?\/)+weir\.config\.ts)['"]/g),
  ]);
  if (imports.length === 0) throw new Error('nothing in src imports weir.config.ts, so the benchmark cannot put its own in its place');
  const replacement = path.join(here, 'weir.config.ts');
  const aliases = [...new Set(imports.map((match) => match[1]))].flatMap((specifier) => ['--alias', `${specifier}:${replacement}`]);
  const wrangler = path.join(root, 'node_modules/wrangler/bin/wrangler.js');
  const defined = { BENCH_UPSTREAM: upstream, BENCH_LIMITS: limits, BENCH_POLICIES: policies };
  const define = Object.entries(defined).flatMap(([name, value]) => ['--define', `${name}:${JSON.stringify(value)}`]);
  const ran = spawnSync(process.execPath, [wrangler, 'deploy', '--dry-run', '--outdir', directory, '--env', '', ...aliases, ...define], {
    cwd: root,
    encoding: 'utf8',
    env: {
      ...process.env,
      WRANGLER_SEND_METRICS: 'false',
      WRANGLER_SEND_ERROR_REPORTS: 'false',
      DO_NOT_TRACK: '1',
      WRANGLER_HIDE_BANNER: 'true',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
      WRANGLER_LOG_PATH: path.join(directory, 'logs'),
    },
  });
  if (ran.status !== 0) throw new Error(`the production build failed:\n${ran.stdout}${ran.stderr}`);
  return { directory, files: modulesOf(directory, 'worker.js') };
}

function modulesOf(directory, main) {
  const others = readdirSync(directory, { recursive: true }).filter((file) => file !== main && !/\.(map|md|json|log)$/.test(file));
  return [main, ...others.filter((file) => statSync(path.join(directory, file)).isFile())];
}

/** Durable Object classes, declared by bindings or as exports. */
function objectClasses() {
  const declared = Object.entries(config.exports ?? {}).filter(([, value]) => value.type === 'durable-object');
  return [...new Set([...config.durable_objects.bindings.map((each) => each.class_name), ...declared.map(([name]) => name)])];
}

function migrations() {
  const folder = path.join(root, 'migrations');
  const files = existsSync(folder) ? readdirSync(folder).filter((file) => file.endsWith('.sql')) : [];
  return files.sort().map((name) => ({ name, sql: readFileSync(path.join(folder, name), 'utf8') }));
}

/** Far away, of every kind, so that each call has to be held to all of them and none is refused. */
const farLimits = [
  { unit: 'requests', limit: 1_000_000_000, window: '1m' },
  { unit: 'tokens', limit: 100_000_000_000, window: '1m' },
  { unit: 'usd', limit: 1_000_000, window: 'month' },
  { unit: 'concurrent', limit: 10_000 },
];

export const weir = (where) => ours('weir', where);
/** With four limits on its key, and blocks of them borrowed. */
export const limited = (where) => held('limited', where, {});
/** The same, and every call reserves and settles by itself. */
export const strict = (where) => held('strict', where, { allowances: false });

/** Every call meets a first target that refuses the connection, and is answered by the second. */
export async function failover(where) {
  return { ...(await ours('failover', where)), model: (script) => `over-${script}`, only: ['refused'] };
}

/** Gives answers again: every call but the first is a hit. */
export async function cached(where) {
  const policies = [{ use: 'cache', ttl: 86_400 }];
  return { ...(await ours('cached', where, { policies })), only: ['cached1', 'cached16', 'cachedstream', 'cachedsemantic'] };
}

/** Gives answers to questions that mean the same, of which it was asked many before. Vectors are kept sealed. */
export async function semantic(where) {
  const policies = [{ use: 'cache', ttl: 86_400, semantic: { mode: 'on' } }];
  const gateway = await ours('semantic', where, { policies, secrets: { WEIR_SECRET: 'bench-secret' } });
  const fillWith = (entries, scenario) => {
    const asked = scenario.body(gateway.model(scenario.model));
    const [instructions] = asked.messages;
    return fill(gateway, entries, (content) => ({ ...asked, messages: [instructions, { role: 'user', content }] }));
  };
  return { ...gateway, only: ['cachedsemantic'], fill: fillWith };
}

/** With a secret, by which it seals cursors. `built`: a build by its directory, instead of one of these sources. */
export const sealing = (where) => ours('sealing', where, { secrets: { WEIR_SECRET: 'bench-secret' } });

/** Gives pages that it was given. */
export const pages = (where) => reference('pages', { ...where, upstream: '' });

/** With the same limits on its key, in front of an MCP server; it keeps sessions. */
export async function mcp(where) {
  return { ...(await held('mcp', where, {}, { WEIR_SECRET: 'bench-secret' })), only: ['mcp16', 'mcpsession16'] };
}

async function held(name, where, limits, secrets) {
  const gateway = await ours(name, where, { limits, secrets });
  const sql = 'UPDATE keys SET limits = ? WHERE id = ?';
  await query(gateway, sql, [JSON.stringify(farLimits), 'key_dev']);
  return { ...gateway, only: ['json1', 'json16', 'json64', 'slow64'], counted: () => ledgerCounts(gateway) };
}

/** What the ledger counted: the Worker beside the gateway's asks its object. */
async function ledgerCounts({ ports }) {
  const response = await fetch(`http://127.0.0.1:${ports.counts}/`);
  return response.json();
}

async function ours(name, { upstream, directory, inspector, built: at }, document = {}) {
  const built =
    at === undefined
      ? buildWeir(upstream, document, path.join(directory, 'dist'))
      : { directory: path.resolve(at), files: modulesOf(path.resolve(at), 'worker.js') };
  const vars = { ...config.vars, WEIR_ENV: 'local', WEIR_DEV_KEY: devKey, WEIR_ADMIN_TOKEN: adminToken, ...document.secrets };
  const gateway = {
    name: 'gateway',
    ...built,
    ...platform,
    objects: objectClasses(),
    bindings: [
      ...Object.entries(vars).map(([name, value]) => (typeof value === 'string' ? bind.text(name, value) : bind.json(name, value))),
      ...config.d1_databases.map(({ binding }) => bind.d1(binding, 'd1')),
      ...config.durable_objects.bindings.map((each) => bind.object(each.name, each.class_name)),
    ],
  };
  const d1 = {
    name: 'd1',
    ...(await bundle('d1.mjs', directory)),
    ...platform,
    objects: ['Database'],
    bindings: [bind.object('DATABASE', 'Database'), bind.json('MIGRATIONS', migrations())],
  };
  // D1 is a service of its own in production: its work is not the Worker's, what it takes to call it is.
  const database = await serve({ workers: [d1], directory: path.join(directory, 'd1'), core: cores.rest });
  const counts = {
    name: 'counts',
    ...(await bundle('counts.mjs', directory)),
    ...platform,
    bindings: [bind.objectOf('LEDGER', 'Ledger', 'gateway')],
  };
  const served = await serve({ workers: [gateway, counts], directory, inspector, externals: { d1: database.port } });
  const sourceMap = path.join(built.directory, 'worker.js.map');
  const speaks = {
    headers: { authorization: `Bearer ${devKey}` },
    admin: { authorization: `Bearer ${adminToken}` },
    model: (script) => `up/${script}`,
  };
  return { name, ...served, ...speaks, sourceMap, databasePort: database.port, logged, lingers: JOURNAL_MS };
}

/** Rows in Weir's request log, asked of the database behind it. */
async function logged() {
  return (await query(this, 'SELECT count(*) AS rows FROM requests')).rows[0][0];
}

async function query({ databasePort }, sql, params = []) {
  const body = JSON.stringify({ sql, params });
  const response = await fetch(`http://127.0.0.1:${databasePort}/query?resultsFormat=ROWS_AND_COLUMNS`, { method: 'POST', body });
  const [result] = [await response.json()].flat();
  if (!result.success) throw new Error(result.error);
  return result.results;
}

/**
 * A peer by path: a directory holds a built Worker bundle (with an optional `bench.json`: main, compatibilityDate,
 * compatibilityFlags, vars), anything else is a shell command of a server that listens on `$PORT`.
 */
export async function peer({ name, at, headers, upstream, directory, inspector }) {
  const filled = Object.entries(headers).map(([key, value]) => [key, value.replaceAll('{upstream}', upstream)]);
  const common = { name, headers: { authorization: 'Bearer k', ...Object.fromEntries(filled) }, model: (script) => script };
  const isWorker = existsSync(at) && statSync(at).isDirectory();
  return { ...common, ...(isWorker ? await peerWorker(path.resolve(at), directory, inspector) : await peerCommand(at)) };
}

function peerWorker(at, directory, inspector) {
  const file = path.join(at, 'bench.json');
  const options = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : {};
  const main = options.main ?? ['worker.js', 'index.js'].find((each) => existsSync(path.join(at, each)));
  if (main === undefined) throw new Error(`${at} holds neither worker.js nor index.js, and no bench.json names a main`);
  const worker = {
    name: 'gateway',
    directory: at,
    files: modulesOf(at, main),
    date: options.compatibilityDate ?? platform.date,
    flags: options.compatibilityFlags ?? [],
    bindings: Object.entries(options.vars ?? {}).map(([key, value]) => bind.json(key, value)),
  };
  mkdirSync(directory, { recursive: true });
  return serve({ workers: [worker], directory, inspector });
}

async function peerCommand(command) {
  const port = await freePort();
  const child = start('sh', ['-c', command], { core: cores.gateway, env: { PORT: String(port), NODE_ENV: 'production' } });
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
    if (answered) return { child, port };
    if (child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the peer did not listen on $PORT: ${command}`);
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** The scripted upstream, on the other core. */
export async function upstreamServer() {
  const child = start(process.execPath, [path.join(here, 'upstream.mjs')], { core: cores.rest, stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await firstLine(child, child.stdout, (line) => Number(line) || undefined);
  return `http://127.0.0.1:${port}`;
}
