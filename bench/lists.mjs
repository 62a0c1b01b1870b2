import { mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { getEncoding } from 'js-tiktoken';
import { startGateway } from '../scripts/gateway.mjs';
import { startMany } from '../test/mcp/many.ts';
import { quantile } from './measure.mjs';

// What lists of many MCP servers cost: thirty servers with five thousand tools behind one route, of which one hangs, one
// answers with a page and one restarts. Prints how long a list takes that is known, and how many tokens it has.

const SERVERS = 30;
const EACH = 179;
const TIMES = 20;
const admin = 'bench-admin-token';
const key = 'weir_dev_bench';
const meta = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

const many = await startMany(Array.from({ length: SERVERS }, () => ({ tools: EACH, ttlMs: 300_000, cacheScope: 'public' })));
const stateDir = await mkdtemp(path.join(os.tmpdir(), 'weir-lists-'));
const gateway = await startGateway({
  port: 0,
  stateDir,
  secrets: { WEIR_ADMIN_TOKEN: admin, WEIR_DEV_KEY: key, WEIR_SECRET: 'bench-secret' },
  log: () => undefined,
});

async function modern(route, method, params = {}) {
  const name = params.name === undefined ? {} : { 'mcp-name': params.name };
  const headers = {
    ...{ authorization: `Bearer ${key}`, 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    ...{ 'mcp-protocol-version': '2026-07-28', 'mcp-method': method, ...name },
  };
  const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params: { ...params, _meta: meta } });
  const response = await fetch(`${gateway.url}/mcp/${route}`, { method: 'POST', headers, body });
  const text = await response.text();
  const message = JSON.parse(text.startsWith('{') ? text : (/^data: (\{.*"result".*)$/m.exec(text)?.[1] ?? '{}'));
  if (message.result === undefined) throw new Error(text.slice(0, 500));
  return message.result;
}

async function list(route) {
  const tools = [];
  const pages = [];
  let cursor;
  let missing;
  do {
    const startedAt = performance.now();
    const result = await modern(route, 'tools/list', cursor === undefined ? {} : { cursor });
    pages.push(performance.now() - startedAt);
    tools.push(...result.tools);
    missing ??= result._meta?.['weir/missing'] ?? [];
    cursor = result.nextCursor;
  } while (cursor !== undefined);
  return { tools, pages, missing };
}

const encoding = getEncoding('o200k_base');
const tokens = (value) => encoding.encode(JSON.stringify(value)).length;
/** What a model is shown of a tool. */
const shown = ({ name, description, inputSchema }) => ({ name, description, inputSchema });
const ms = (value) => value.toFixed(1);

try {
  const sources = Array.from({ length: SERVERS }, (_, at) => ({ kind: 'remote', url: many.url(at), prefix: `s${at}` }));
  const route = (name, tools) => ({ name, kind: 'mcp', sources, tools });
  const document = { routes: ['all', 'compact', 'search'].map((name) => route(name, name)) };
  const published = await fetch(`${gateway.url}/admin/v1/config`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify(document),
  });
  if (!published.ok) throw new Error(await published.text());
  many.set(SERVERS - 1, 'hang');
  many.set(SERVERS - 2, 'html');

  const counts = {};
  for (const name of ['all', 'compact', 'search']) {
    const startedAt = performance.now();
    const { tools, missing } = await list(name);
    const cold = performance.now() - startedAt;
    if (name === 'all') many.set(SERVERS - 3, 'refuse');
    const pages = [];
    const whole = [];
    for (let times = 0; times < TIMES; times += 1) {
      const again = await list(name);
      if (again.tools.length !== tools.length) throw new Error(`${again.tools.length} tools, and ${tools.length} before`);
      pages.push(...again.pages);
      whole.push(again.pages.reduce((sum, each) => sum + each, 0));
    }
    if (name === 'all') many.set(SERVERS - 3, 'good');
    counts[name] = tokens(tools.map(shown));
    console.log(
      `${name}: ${tools.length} tools (missing: ${missing.map(({ source, code }) => `${source} ${code}`).join(', ') || 'nobody'}), ${counts[name]} tokens; ` +
        `first ${ms(cold)} ms, then a page ${ms(quantile(pages, 0.5))} ms (p90 ${ms(quantile(pages, 0.9))}), all pages ${ms(quantile(whole, 0.5))} ms`,
    );
  }

  const ask = (query) => modern('search', 'tools/call', { name: 'search_tools', arguments: { query, limit: 5 } });
  const startedAt = performance.now();
  await ask('send an invoice to a customer');
  const cold = performance.now() - startedAt;
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
    const askedAt = performance.now();
    const { structuredContent } = await ask(query);
    times.push(performance.now() - askedAt);
    found.push(tokens(structuredContent.tools.map(shown)));
    console.log(`  ${query}: ${structuredContent.tools.map(({ name }) => name).join(', ')}`);
  }
  const mean = found.reduce((sum, each) => sum + each, 0) / found.length;
  console.log(`a search: first ${ms(cold)} ms, then ${ms(quantile(times, 0.5))} ms; five tools have ${Math.round(mean)} tokens`);
  const saved = (count) => `${(100 * (1 - count / counts.all)).toFixed(2)} %`;
  console.log(
    `saved: compact ${saved(counts.compact)}, search ${saved(counts.search)}, search and one answer ${saved(counts.search + mean)}`,
  );
} finally {
  await gateway.stop();
  await many.close();
  await rm(stateDir, { recursive: true, force: true });
}
