import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

// The production bundle, built by `wrangler deploy --dry-run` and kept by the hash of all it is made of.

const run = promisify(execFile);
export const root = path.dirname(import.meta.dirname);
const builds = path.join(root, '.weir', 'build');
const wrangler = path.join(root, 'node_modules', 'wrangler', 'bin', 'wrangler.js');
const DAY = 86_400_000;

/** Keeps wrangler and miniflare from the network, from telemetry and from the home directory. */
export const quiet = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  DO_NOT_TRACK: '1',
  WRANGLER_HIDE_BANNER: 'true',
  CLOUDFLARE_CF_FETCH_ENABLED: 'false',
  WRANGLER_LOG_PATH: path.join(root, '.wrangler', 'logs'),
};

/**
 * @typedef {object} Bundle
 * @property {string} directory Where `worker.js` and the modules beside it stand.
 * @property {string[]} modules Paths below `directory`, the entry first.
 * @property {Record<string, unknown>} workerOptions What wrangler.toml says, in miniflare's words.
 * @property {{ name: string, statements: string[] }[]} migrations
 */

/**
 * Builds the Worker, or takes the build of the very same sources. `configPath` is a module that takes the place of the
 * root's `weir.config.ts`.
 * @param {{ configPath?: string }} [options]
 * @returns {Promise<Bundle>}
 */
export async function bundle({ configPath } = {}) {
  const files = await sources(configPath);
  const directory = path.join(builds, fingerprint(files));
  if (!existsSync(directory)) await build(directory, configPath, files);
  const { workerOptions, migrations } = JSON.parse(await readFile(path.join(directory, 'options.json'), 'utf8'));
  const output = path.join(directory, 'output');
  const others = (await readdir(output, { recursive: true })).filter((name) => name !== 'worker.js' && !/\.(map|md)$/.test(name));
  return { directory: output, modules: ['worker.js', ...others], workerOptions, migrations };
}

/** Everything a build depends on, by path. */
async function sources(configPath) {
  const paths = ['wrangler.toml', 'package-lock.json', 'tsconfig.json', 'weir.config.ts', 'scripts/worker-options.mjs'].map((name) =>
    path.join(root, name),
  );
  for (const folder of ['src', 'migrations']) {
    const names = existsSync(path.join(root, folder)) ? await readdir(path.join(root, folder), { recursive: true }) : [];
    paths.push(...names.filter((name) => /\.\w+$/.test(name) && !/\.test\.ts$/.test(name)).map((name) => path.join(root, folder, name)));
  }
  if (configPath !== undefined) paths.push(path.resolve(configPath));
  const found = await Promise.all(
    paths.filter(existsSync).map(async (each) => ((await stat(each)).isFile() ? [[each, await readFile(each)]] : [])),
  );
  return found.flat();
}

function fingerprint(files) {
  const hash = createHash('sha256');
  for (const [name, content] of files) hash.update(`${name}\0${content.length}\0`).update(content);
  return hash.digest('hex').slice(0, 24);
}

async function build(directory, configPath, files) {
  const draft = `${directory}.${process.pid}.${randomBytes(4).toString('hex')}`;
  await mkdir(draft, { recursive: true });
  try {
    const [options] = await Promise.all([readOptions(), runWrangler(path.join(draft, 'output'), configPath, files)]);
    await writeFile(path.join(draft, 'options.json'), options);
    await rename(draft, directory);
  } catch (error) {
    // Another process may have put the same build there first.
    if (!existsSync(directory)) throw error;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  await forgetOldBuilds(directory);
}

async function readOptions() {
  const script = path.join(import.meta.dirname, 'worker-options.mjs');
  const args = [script, path.join(root, 'wrangler.toml'), path.join(root, 'migrations')];
  const { stdout } = await run(process.execPath, args, { cwd: root, env: { ...process.env, ...quiet }, maxBuffer: 64 * 1024 * 1024 });
  return stdout.trimEnd().split('\n').at(-1);
}

async function runWrangler(output, configPath, files) {
  const args = [wrangler, 'deploy', '--dry-run', '--outdir', output, ...aliases(configPath, files)];
  try {
    await run(process.execPath, args, { cwd: root, env: { ...process.env, ...quiet } });
  } catch (error) {
    throw new Error(`The Worker could not be built.\n${error.stderr || error.stdout || error.message}`, { cause: error });
  }
}

/** Wrangler replaces modules by the very words of an import. */
function aliases(configPath, files) {
  if (configPath === undefined) return [];
  const specifiers = files.flatMap(([name, content]) =>
    name.endsWith('.ts') ? [...content.toString().matchAll(/from '((?:\.\.?\/)+weir\.config\.ts)'/g)].map((match) => match[1]) : [],
  );
  return [...new Set(specifiers)].flatMap((specifier) => ['--alias', `${specifier}:${path.resolve(configPath)}`]);
}

async function forgetOldBuilds(current) {
  for (const name of await readdir(builds)) {
    const each = path.join(builds, name);
    if (each === current) continue;
    const age = Date.now() - (await stat(each).catch(() => ({ mtimeMs: Date.now() }))).mtimeMs;
    if (age > DAY) await rm(each, { recursive: true, force: true });
  }
}
