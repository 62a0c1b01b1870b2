import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { cores, firstLine, start } from './processes.mjs';

// `workerd serve` with a generated configuration: one gateway Worker, and where it keeps state, a stand-in for D1 and
// the disk for Durable Objects. Schema: workerd.capnp, in the workerd package.

const require = createRequire(import.meta.url);
export const workerdVersion = require('workerd/package.json').version;
// The package itself holds a shim where install scripts are not run; the program is in the platform's own package.
const platform = `@cloudflare/workerd-${process.platform}-${process.arch === 'x64' ? '64' : process.arch}`;
const binary = path.join(path.dirname(require.resolve(`${platform}/package.json`)), 'bin/workerd');

const text = (value) => JSON.stringify(value);
const list = (items) => `[${items.join(', ')}]`;
const kinds = { '.js': 'esModule', '.mjs': 'esModule', '.wasm': 'wasm', '.bin': 'data', '.txt': 'text', '.html': 'text', '.sql': 'text' };

/** Bindings, in the configuration's own syntax. */
export const bind = {
  text: (name, value) => `(name = ${text(name)}, text = ${text(value)})`,
  json: (name, value) => `(name = ${text(name)}, json = ${text(JSON.stringify(value))})`,
  object: (name, className) => `(name = ${text(name)}, durableObjectNamespace = ${text(className)})`,
  objectOf: (name, className, service) =>
    `(name = ${text(name)}, durableObjectNamespace = (className = ${text(className)}, serviceName = ${text(service)}))`,
  d1: (name, service) =>
    `(name = ${text(name)}, wrapped = (moduleName = "cloudflare-internal:d1-api", innerBindings = [(name = "fetcher", service = ${text(service)})]))`,
};

/** Paths beside `embed` count from the configuration file: an absolute one would be looked for among the imports. */
function moduleOf(from, directory, file) {
  const kind = kinds[path.extname(file)];
  return kind === undefined ? [] : [`(name = ${text(file)}, ${kind} = embed ${text(path.relative(from, path.join(directory, file)))})`];
}

/** A Worker: `{ name, directory, files (main first), date, flags, bindings, objects: class names }`. */
function serviceOf(from, { name, directory, files, date, flags = [], bindings = [], objects = [] }) {
  const parts = [
    `modules = ${list(files.flatMap((file) => moduleOf(from, directory, file)))}`,
    `compatibilityDate = ${text(date)}`,
    `compatibilityFlags = ${list(flags.map(text))}`,
    `bindings = ${list(bindings)}`,
  ];
  if (objects.length > 0) {
    const namespaces = objects.map((each) => `(className = ${text(each)}, uniqueKey = ${text(`${name}-${each}`)}, enableSql = true)`);
    parts.push(`durableObjectNamespaces = ${list(namespaces)}`, 'durableObjectStorage = (localDisk = "disk")');
  }
  return `(name = ${text(name)}, worker = (${parts.join(',\n    ')}))`;
}

/**
 * Starts workerd; the first Worker answers on `port`, each further one on `ports[name]`.
 * `externals` are services of other processes, by name and port. With `inspector` its debugger listens on `inspectorPort`.
 */
export async function serve({ workers, directory, inspector = false, core = cores.gateway, externals = {} }) {
  const disk = path.join(directory, 'disk');
  mkdirSync(disk, { recursive: true });
  const sockets = workers.map(({ name }) => `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`);
  const config = path.join(directory, 'config.capnp');
  writeFileSync(
    config,
    `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
  (name = "internet", network = (allow = ["public", "private"])),
  (name = "disk", disk = (path = ${text(disk)}, writable = true)),
  ${Object.entries(externals)
    .map(([name, port]) => `(name = ${text(name)}, external = (address = "127.0.0.1:${port}", http = ())),`)
    .join('')}
  ${workers.map((worker) => serviceOf(directory, worker)).join(',\n  ')}],
  sockets = ${list(sockets)});
`,
  );
  const flags = inspector ? ['--inspector-addr=127.0.0.1:0'] : [];
  const child = start(binary, ['serve', '--control-fd=3', ...flags, config], {
    core,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const ports = {};
  let inspectorPort;
  await firstLine(child, child.stdio[3], (line) => {
    const event = JSON.parse(line);
    if (event.event === 'listen') ports[event.socket] = event.port;
    if (event.event === 'listen-inspector') inspectorPort = event.port;
    return Object.keys(ports).length === workers.length && inspector === (inspectorPort !== undefined) ? true : undefined;
  });
  return { child, port: ports[workers[0].name], ports, inspectorPort };
}
