import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { getEncoding } from 'js-tiktoken';
import { pages as floor, sealing } from './gateways.mjs';
import { median, quantile, settled } from './measure.mjs';
import { cores, cpuBetween, pinSelf, residentMiB, start, stop } from './processes.mjs';

// What lists of many MCP servers cost: thirty servers with five thousand tools behind one route, of which one hangs, one
// answers with a page and one restarts. Prints how long a client waits for a list that is known, to its last byte, beside a
// bare Worker that serves the same bytes in the same pages; and how many tokens each list has.

const { values: options } = parseArgs({
  options: { other: { type: 'string', multiple: true, default: [] }, times: { type: 'string', default: '20' } },
});
const SERVERS = 30;
const EACH = 179;
const TIMES = Number(options.times);
const SHOWN = ['all', 'compact', 'search'];
const [RESTARTS, PAGE, HANGS] = [SERVERS - 3, SERVERS - 2, SERVERS - 1];
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

const directory = mkdtempSync(path.join(os.tmpdir(), 'weir-lists-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

/** The servers, on the core of the rest: where each is, and how to tell one what to do. */
async function startServers() {
  const child = start(process.execPath, [path.join(import.meta.dirname, 'servers.mjs'), SERVERS, EACH], {
    core: cores.rest,
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const told = () => new Promise((resolve) => child.once('message', resolve));
  const { urls } = await told();
  const set = (at, state) => {
    const done = told();
    child.send({ at, state });
    return done;
  };
  return { urls, set };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One answer: its bytes, and the milliseconds until the last of them was there. They are not read in between: what a client makes of them is its own. */
async function post(gateway, where, body, method = 'POST') {
  try {
    return await postOnce(gateway, where, body, method);
  } catch (error) {
    // A connection that nobody used for a while may be closed as it is used again.
    if (error.code !== 'ECONNRESET' || error.isReused !== true) throw error;
    return postOnce(gateway, where, body, method);
  }
}

function postOnce({ port, headers = {} }, where, body, method) {
  return new Promise((resolve, reject) => {
    const head = { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...headers };
    const pieces = [];
    const startedAt = performance.now();
    const asked = request({ host: '127.0.0.1', port, path: where, method, agent, headers: head }, (answer) => {
      answer.on('data', (piece) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const ms = performance.now() - startedAt;
        resolve({ ms, status: answer.statusCode, session: answer.headers['mcp-session-id'], bytes: Buffer.concat(pieces) });
      });
    });
    asked.on('error', (error) => reject(Object.assign(error, { isReused: asked.reusedSocket })));
    asked.end(body);
  });
}

/** A request of 2026-07-28. */
function ask(gateway, route, method, params = {}) {
  const name = params.name === undefined ? {} : { 'mcp-name': params.name };
  const headers = { ...gateway.headers, 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...name };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } });
  return post({ ...gateway, headers }, gateway.name === 'pages' ? `/${route}` : `/mcp/${route}`, body);
}

function resultIn(bytes) {
  const text = bytes.toString();
  const message = JSON.parse(text.startsWith('{') ? text : (/^data: (\{.*"result".*)$/m.exec(text)?.[1] ?? '{}'));
  if (message.result === undefined) throw new Error(text.slice(0, 500));
  return message.result;
}

/** Every page by `ask(params)`, read. */
async function list(ask) {
  const all = { tools: [], bytes: [], missing: [] };
  let cursor;
  do {
    const { bytes } = await ask(cursor === undefined ? {} : { cursor });
    const result = resultIn(bytes);
    all.bytes.push(bytes);
    all.tools.push(...result.tools);
    if (cursor === undefined) all.missing = result._meta?.['weir/missing'] ?? [];
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return { ...all, size: all.bytes.reduce((sum, { length }) => sum + length, 0) };
}

const LAST = 8_192;
const CURSOR = /"nextCursor":("(?:[^"\\]|\\.)*")/;

/** The same, and only looked into for the cursor, which stands behind the tools: what the client collects afterwards would be waited for too. */
async function walk(ask) {
  const pages = [];
  let size = 0;
  let cursor;
  do {
    const { ms, bytes } = await ask(cursor === undefined ? {} : { cursor });
    pages.push(ms);
    size += bytes.length;
    const found = CURSOR.exec(bytes.subarray(-LAST).toString())?.[1];
    cursor = found === undefined ? undefined : JSON.parse(found);
  } while (cursor !== undefined);
  return { pages, size, whole: pages.reduce((sum, each) => sum + each, 0) };
}

/** A session of 2025-11-25: how its lists are asked for. */
async function sessionOf(gateway) {
  const say = (method, params, headers) => {
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
    return post({ ...gateway, headers: { ...gateway.headers, ...headers } }, '/mcp/all', body);
  };
  const clientInfo = { name: 'bench', version: '1' };
  const { session } = await say('initialize', { protocolVersion: '2025-11-25', capabilities: {}, clientInfo }, {});
  return (params) => say('tools/list', params, { 'mcp-protocol-version': '2025-11-25', 'mcp-session-id': session });
}

/** What the floor is to serve: these pages, with cursors that it knows. */
async function given(gateway, route, bytes) {
  for (const [at, page] of bytes.entries()) {
    const message = JSON.parse(page);
    if (message.result.nextCursor !== undefined) message.result.nextCursor = String(at + 1);
    const { status } = await post(gateway, `/${route}/${at}`, JSON.stringify(message), 'PUT');
    if (status !== 204) throw new Error(`the floor did not take a page: ${status}`);
  }
}

async function publish(gateway, urls) {
  const sources = urls.map((url, at) => ({ kind: 'remote', url, prefix: `s${at}` }));
  const body = JSON.stringify({ routes: SHOWN.map((tools) => ({ name: tools, kind: 'mcp', sources, tools })) });
  const { status, bytes } = await post({ ...gateway, headers: gateway.admin }, '/admin/v1/config', body, 'PUT');
  if (status >= 300) throw new Error(bytes.toString());
}

const encoding = getEncoding('o200k_base');
const tokens = (value) => encoding.encode(JSON.stringify(value)).length;
/** What a model is shown of a tool. */
const shown = ({ name, description, inputSchema }) => ({ name, description, inputSchema });
const ms = (value) => value.toFixed(1);

async function startAll() {
  const others = options.other.map((text) => text.split('='));
  const own = (name) => {
    const at = path.join(directory, name);
    mkdirSync(at);
    return at;
  };
  const gateways = [await floor({ directory: own('floor') })];
  for (const [name, built] of [...others, ['weir', undefined]])
    gateways.push({ ...(await sealing({ upstream: 'http://127.0.0.1:9', directory: own(name), built })), name });
  return gateways;
}

/** Lists of one sort, all gateways in turn; then the CPU of each by itself. */
async function compare(gateways, route, servers) {
  const rounds = new Map(gateways.map((gateway) => [gateway, { pages: [], whole: [] }]));
  const firsts = new Map();
  const by = (gateway) => (params) => ask(gateway, route, 'tools/list', params);
  let all;
  for (const gateway of gateways.filter(({ name }) => name !== 'pages')) {
    const { whole } = await walk(by(gateway));
    firsts.set(gateway, whole);
    // What is waited for long comes as a stream of events; what is known does not.
    all = await list(by(gateway));
  }
  await given(gateways[0], route, all.bytes);
  if (route === 'all') await servers.set(RESTARTS, 'refuse');
  const take = async (gateway) => {
    const again = await walk(by(gateway));
    if (again.pages.length !== all.bytes.length || Math.abs(again.size / all.size - 1) > 0.01)
      throw new Error(`${again.pages.length} pages of ${again.size} bytes, and ${all.bytes.length} of ${all.size} before`);
    return again;
  };
  for (let times = 0; times < TIMES; times += 1) {
    for (const gateway of times % 2 === 0 ? gateways : gateways.toReversed()) {
      const { pages, whole } = await take(gateway);
      rounds.get(gateway).pages.push(...pages);
      rounds.get(gateway).whole.push(whole);
    }
  }
  const cpu = new Map();
  for (const gateway of gateways) {
    const before = await settled(gateway);
    for (let times = 0; times < TIMES; times += 1) await take(gateway);
    cpu.set(gateway, cpuBetween(before, await settled(gateway)) / TIMES / all.bytes.length / 1000);
  }
  for (const gateway of gateways) {
    const { tools } = await list(by(gateway));
    if (tools.length !== all.tools.length) throw new Error(`${tools.length} tools, and ${all.tools.length} before`);
  }
  if (route === 'all') await servers.set(RESTARTS, 'good');
  return { all, firsts, rounds, cpu };
}

function print(route, gateways, { all, firsts, rounds, cpu }) {
  const { tools, missing, bytes, size } = all;
  const lost = missing.map(({ source, code }) => `${source} ${code}`).join(', ') || 'nobody';
  const count = tokens(tools.map(shown));
  console.log(
    `${route}: ${tools.length} tools (missing: ${lost}), ${count} tokens, ${bytes.length} pages of ${(size / 1e6).toFixed(2)} MB in all`,
  );
  const [bare] = gateways;
  for (const gateway of gateways) {
    const { pages, whole } = rounds.get(gateway);
    const half = median(whole);
    const times = (value, least) => (gateway === bare ? '' : ` (${(value / least).toFixed(2)} × the floor)`);
    const first = firsts.has(gateway) ? `first ${ms(firsts.get(gateway))} ms; ` : '';
    console.log(
      `  ${gateway === bare ? 'floor' : gateway.name}: ${first}a page ${ms(quantile(pages, 0.5))} ms (p90 ${ms(quantile(pages, 0.9))}), ` +
        `all pages ${ms(half)} ms${times(half, median(rounds.get(bare).whole))}, at best ${ms(Math.min(...whole))} ms, ` +
        `CPU of a page ${ms(cpu.get(gateway))} ms${times(cpu.get(gateway), cpu.get(bare))}, ${Math.round(residentMiB(gateway.child))} MiB`,
    );
  }
  return count;
}

async function search(gateway, counts) {
  const find = (query) => ask(gateway, 'search', 'tools/call', { name: 'search_tools', arguments: { query, limit: 5 } });
  const { ms: cold } = await find('send an invoice to a customer');
  const times = [];
  const found = [];
  for (const query of [
    'book a flight',
    'archive an email',
    'who was paid this month',
    'roll out a release',
    'measure in a chart',
    'lorry of the fleet',
  ]) {
    const { ms: took, bytes } = await find(query);
    const result = resultIn(bytes);
    times.push(took);
    found.push(tokens(result.structuredContent.tools.map(shown)));
    console.log(`  ${query}: ${result.structuredContent.tools.map(({ name }) => name).join(', ')}`);
  }
  const mean = found.reduce((sum, each) => sum + each, 0) / found.length;
  console.log(`a search: first ${ms(cold)} ms, then ${ms(quantile(times, 0.5))} ms; five tools have ${Math.round(mean)} tokens`);
  const saved = (count) => `${(100 * (1 - count / counts.all)).toFixed(2)} %`;
  console.log(
    `saved: compact ${saved(counts.compact)}, search ${saved(counts.search)}, search and one answer ${saved(counts.search + mean)}`,
  );
}

const servers = await startServers();
const gateways = await startAll();
pinSelf();
for (const gateway of gateways.slice(1)) await publish(gateway, servers.urls);
await servers.set(HANGS, 'hang');
await servers.set(PAGE, 'html');
const counts = {};
for (const route of SHOWN) counts[route] = print(route, gateways, await compare(gateways, route, servers));
for (const gateway of gateways.slice(1)) {
  const inSession = await sessionOf(gateway);
  const { whole: first } = await walk(inSession);
  const again = [];
  for (let times = 0; times < TIMES; times += 1) again.push((await walk(inSession)).whole);
  console.log(`in a session, ${gateway.name}: first ${ms(first)} ms, then all pages ${ms(median(again))} ms`);
}
await search(gateways.at(-1), counts);
for (const { child } of gateways) stop(child);
process.exit(0);
