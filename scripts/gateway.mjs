import { mkdir, readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import path from 'node:path';
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare';
import { bundle, quiet } from './bundle.mjs';

// Runs the production bundle on workerd, with local storage, and nothing else around it.

const HOST = '127.0.0.1';
const NAME = 'weir';
const moduleTypes = {
  '.js': 'ESModule',
  '.mjs': 'ESModule',
  '.wasm': 'CompiledWasm',
  '.bin': 'Data',
  '.txt': 'Text',
  '.html': 'Text',
  '.sql': 'Text',
};

/**
 * @typedef {object} Gateway
 * @property {string} url Without a trailing slash.
 * @property {readonly string[]} urls Of each isolate, that one first.
 * @property {number} port
 * @property {() => Promise<void>} stop
 * @property {import('miniflare').Miniflare} miniflare For reading bindings; requests go to `url`.
 */

/**
 * Starts a gateway; ready when it comes back.
 * @param {object} options
 * @param {number} [options.port] 0 takes a free one.
 * @param {string} options.stateDir Where local databases live.
 * @param {Record<string, string>} [options.vars] Over those of wrangler.toml.
 * @param {Record<string, string>} [options.secrets]
 * @param {number} [options.isolates] How often the Worker runs, each with a memory of its own, on the same storage and objects.
 * @param {string} [options.configPath] A module in the place of `weir.config.ts`.
 * @param {(line: string, level: string) => void} [options.log] Takes what the Worker logs.
 * @returns {Promise<Gateway>}
 */
export async function startGateway({ port = 0, stateDir, vars = {}, secrets = {}, isolates = 1, configPath, log = () => undefined }) {
  for (const [name, value] of Object.entries(quiet)) process.env[name] ??= value;
  const [built] = await Promise.all([bundle({ configPath }), mkdir(stateDir, { recursive: true }), refuseBusyPort(port)]);
  const { bindings, modulesRules: _, rootPath: __, ...fromConfig } = built.workerOptions;
  const worker = {
    ...fromConfig,
    name: NAME,
    rootPath: built.directory,
    modulesRoot: built.directory,
    modules: await modulesOf(built),
    bindings: { ...bindings, WEIR_ENV: 'local', ...vars, ...secrets },
    // Straight to the Worker: the simulator's own entry would cost as much again as the gateway.
    unsafeDirectSockets: [{ host: HOST, port }],
  };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: HOST,
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      logRequests: false,
      telemetry: { enabled: false },
      // Wrangler keeps its own local state in the same layout, so `wrangler d1 … --persist-to` sees it.
      resourcePersistencePath: path.join(stateDir, 'v3'),
      handleStructuredLogs: ({ message, level }) => log(message, level),
      handleUncaughtError: (error) => log(error.stack ?? error.message, 'error'),
      workers: [worker, ...Array.from({ length: isolates - 1 }, (_, at) => another(worker, `${NAME}-${at + 2}`))],
    }),
  );
  try {
    await miniflare.ready;
    for (const binding of Object.keys(fromConfig.d1Databases ?? {})) {
      await migrate(await miniflare.getD1Database(binding), built.migrations);
    }
    const names = Array.from({ length: isolates }, (_, at) => (at === 0 ? NAME : `${NAME}-${at + 1}`));
    const [url, ...others] = await Promise.all(names.map((name) => miniflare.unsafeGetDirectURL(name)));
    const urls = [url, ...others].map(({ origin }) => origin);
    return { url: url.origin, urls, port: Number(url.port), stop: () => miniflare.dispose(), miniflare };
  } catch (error) {
    await miniflare.dispose().catch(() => undefined);
    throw error;
  }
}

/** The same Worker once more: its objects are those of the first. */
function another(worker, name) {
  const durableObjects = Object.entries(worker.durableObjects ?? {}).map(([binding, { className }]) => [
    binding,
    { className, scriptName: NAME },
  ]);
  return { ...worker, name, durableObjects: Object.fromEntries(durableObjects), unsafeDirectSockets: [{ host: HOST, port: 0 }] };
}

function modulesOf({ directory, modules }) {
  return Promise.all(
    modules.map(async (name) => {
      const type = moduleTypes[path.extname(name)];
      if (type === undefined) throw new Error(`The bundle holds ${name}, and what kind of module it is is not known.`);
      const content = await readFile(path.join(directory, name));
      return {
        type,
        path: path.join(directory, name),
        contents: type === 'CompiledWasm' || type === 'Data' ? content : content.toString(),
      };
    }),
  );
}

/** A port that somebody else holds, said in one sentence. */
export class PortBusy extends Error {
  constructor(port) {
    super(`Port ${port} is in use. Stop what listens there, or choose another port: PORT=${port + 1} npm start`);
    this.name = 'PortBusy';
  }
}

function refuseBusyPort(port) {
  if (port === 0) return undefined;
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error) => reject(error.code === 'EADDRINUSE' ? new PortBusy(port) : error));
    probe.listen(port, HOST, () => probe.close(() => resolve(undefined)));
  });
}

/** Applies the migrations that have not been, in the table in which wrangler keeps the same account. */
async function migrate(database, migrations) {
  await database
    .prepare(
      `CREATE TABLE IF NOT EXISTS d1_migrations(
         id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL)`,
    )
    .run();
  const { results } = await database.prepare('SELECT name FROM d1_migrations').all();
  const applied = new Set(results.map(({ name }) => name));
  for (const { name, statements } of migrations.filter((each) => !applied.has(each.name))) {
    const note = database.prepare('INSERT INTO d1_migrations (name) VALUES (?)').bind(name);
    await database.batch([...statements.map((statement) => database.prepare(statement)), note]);
  }
}
