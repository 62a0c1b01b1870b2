import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { deviation } from './check.mjs';
import { cached, failover, floor, least, limited, mcp, peer, pump, semantic, strict, upstreamServer, weir } from './gateways.mjs';
import { measure, median, opened, summary } from './measure.mjs';
import { pinSelf, residentMiB, stop } from './processes.mjs';
import { circumstances, overview, scenarioTable, writeBetweenMarkers } from './report.mjs';
import { scenarios } from './scenarios.mjs';

// The comparison: every gateway up at once, one at a time under load, rounds interleaved.

const { values: options } = parseArgs({
  options: {
    peer: { type: 'string', multiple: true, default: [] },
    'peer-header': { type: 'string', multiple: true, default: [] },
    only: { type: 'string' },
    scenario: { type: 'string' },
    note: { type: 'string', multiple: true, default: [] },
    rounds: { type: 'string', default: '6' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
});

const rounds = options.quick ? 1 : Number(options.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds takes a whole number from 1 up');
const QUICK_SHARE = 0.15;
/** What the semantic cache has been asked before. */
const QUESTIONS = 50_000;
const QUICK_QUESTIONS = 1_000;

/** `name=value`, split at the first sign. */
function pair(text, option, separator) {
  const at = text.indexOf(separator);
  if (at < 1) throw new Error(`${option} takes name${separator}value, not ${text}`);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

function chosen(names, wanted, what) {
  const list = wanted === undefined ? names : wanted.split(',');
  const unknown = list.filter((name) => !names.includes(name));
  if (unknown.length > 0) throw new Error(`no ${what} ${unknown.join(', ')}; there are ${names.join(', ')}`);
  return list;
}

// Peers are told the provider and its address in the headers their documentation names; others go by --peer-header.
const peerHeaders = {
  'x-portkey-provider': 'openai',
  'x-portkey-custom-host': '{upstream}/v1',
  ...Object.fromEntries(options['peer-header'].map((text) => pair(text, '--peer-header', ':'))),
};

async function startAll(upstream, directory) {
  const peers = options.peer.map((text) => pair(text, '--peer', '='));
  const wanted = chosen(
    ['floor', 'pump', 'least', 'weir', 'limited', 'strict', 'failover', 'cached', 'semantic', 'mcp', ...peers.map(([name]) => name)],
    options.only,
    'gateway',
  );
  const gateways = [];
  for (const name of wanted) {
    const own = { upstream, directory: path.join(directory, name) };
    mkdirSync(own.directory, { recursive: true });
    const at = peers.find(([peerName]) => peerName === name)?.[1];
    const make =
      { floor, pump, least, weir, limited, strict, failover, cached, semantic, mcp }[name] ??
      ((where) => peer({ ...where, name, at, headers: peerHeaders }));
    gateways.push(await make(own));
  }
  return gateways;
}

/** All rounds of one scenario, forwards and backwards in turn, so that a drift of the machine falls on all alike. */
async function compare(all, scenario) {
  const asked = all.filter(({ name, only }) => only?.includes(scenario.id) ?? scenario.only?.includes(name) ?? true);
  const gateways = await Promise.all(asked.map((gateway) => opened(gateway, scenario)));
  const problems = new Map();
  for (const gateway of gateways) await gateway.fill?.(options.quick ? QUICK_QUESTIONS : QUESTIONS, scenario);
  for (const gateway of gateways) problems.set(gateway, await deviation(gateway, scenario).catch((error) => String(error)));
  const able = gateways.filter((gateway) => problems.get(gateway) === undefined);
  const results = new Map(able.map((gateway) => [gateway, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? able : [...able].reverse();
    for (const gateway of order) results.get(gateway).push(await counted(gateway, scenario, round === 0 ? 0.5 : 0.1));
  }
  const floors = results.get(able.find((gateway) => gateway.name === 'floor'));
  return gateways.map((gateway) => {
    const problem = problems.get(gateway);
    if (problem !== undefined) return { scenario, gateway: gateway.name, problem };
    const own = gateway.name === 'floor' ? undefined : floors;
    return { scenario, gateway: gateway.name, result: summary(results.get(gateway), own) };
  });
}

/** A round, and what the ledger was asked in it. */
async function counted(gateway, scenario, warmup) {
  const before = await gateway.counted?.();
  const result = await measure(gateway, scenario, warmup);
  if (before === undefined) return result;
  const after = await gateway.counted();
  // The warm-up is counted too: what is told is per call.
  const calls = scenario.requests + Math.max(scenario.connections, Math.round(scenario.requests * warmup));
  const per = (name) => ((after[name] - before[name]) / calls) * 1000;
  ledgers.push({ gateway: gateway.name, scenario: scenario.id, calls: per('calls'), rows: per('rows') });
  return result;
}

const ledgers = [];

// Dollars a million, beyond what is included: developers.cloudflare.com/workers/platform/pricing and
// developers.cloudflare.com/durable-objects/platform/pricing, as of November 2026.
const OBJECT_REQUEST = 0.15;
const ROW_WRITTEN = 1;

/** What the ledger costs: its requests and rows as they were counted. CPU and the Worker's own request are apart. */
function ledgerNotes() {
  const names = [...new Set(ledgers.map(({ gateway, scenario }) => `${gateway}, ${scenario}`))];
  return names.map((name) => {
    const own = ledgers.filter(({ gateway, scenario }) => `${gateway}, ${scenario}` === name);
    const [calls, rows] = ['calls', 'rows'].map((field) => median(own.map((each) => each[field])));
    const dollars = (calls / 1000) * OBJECT_REQUEST + (rows / 1000) * ROW_WRITTEN;
    return `${name}: ${calls.toFixed(0)} calls to the ledger and ${rows.toFixed(0)} rows written there per 1,000 requests: $${dollars.toFixed(2)} per million requests`;
  });
}

async function notesOf(gateways) {
  const memory = gateways.map((gateway) => `${gateway.name} ${Math.round(residentMiB(gateway.child))} MiB`);
  const notes = [...options.note, ...ledgerNotes(), `resident memory at the end: ${memory.join(', ')}`];
  const own = gateways.find((gateway) => gateway.logged !== undefined);
  const rows = await own?.logged().catch((error) => error);
  if (rows instanceof Error) notes.push(`weir's request log could not be read: ${rows.message}`);
  else if (rows !== undefined) notes.push(`weir wrote ${rows} rows of its request log meanwhile`);
  return notes;
}

function documentOf(tables, notes) {
  const peers = options.peer.length === 0 ? '' : ' -- --peer …';
  const about = circumstances({ rounds, notes });
  return `\n${about}\n- To repeat: \`npm run bench${peers}\`\n\n${overview(tables)}\n\n${tables.map((each) => `### ${scenarioTable(each)}`).join('\n\n')}\n`;
}

const directory = mkdtempSync(path.join(os.tmpdir(), 'weir-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));

const ids = chosen(
  scenarios.map((scenario) => scenario.id),
  options.scenario,
  'scenario',
);
const selected = scenarios
  .filter((scenario) => ids.includes(scenario.id))
  .map((scenario) => (options.quick ? { ...scenario, requests: Math.ceil(scenario.requests * QUICK_SHARE) } : scenario));

const upstream = await upstreamServer();
const gateways = await startAll(upstream, directory);
pinSelf();
const tables = [];
for (const scenario of selected) {
  tables.push(await compare(gateways, scenario));
  process.stdout.write(`\n${scenarioTable(tables.at(-1))}\n`);
}
const notes = await notesOf(gateways);
process.stdout.write(`\n${overview(tables)}\n\n${circumstances({ rounds, notes })}\n`);
if (options.write) writeBetweenMarkers(path.join(import.meta.dirname, '../docs/benchmarks.md'), documentOf(tables, notes));
for (const gateway of gateways) stop(gateway.child);
process.exit(
  tables.flat().some((outcome) => outcome.gateway === 'weir' && (outcome.problem !== undefined || outcome.result.failed > 0)) ? 1 : 0,
);
