import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { cores } from './processes.mjs';
import { workerdVersion } from './workerd.mjs';

const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '–');
const times = (result) =>
  Number.isFinite(result.ratio) ? `${fixed(result.ratio, 2)} (${fixed(result.low, 2)}–${fixed(result.high, 2)})` : '1';

const columns = ['', 'CPU × floor', 'CPU µs', 'µs an event', 'requests/s', 'p50 ms', 'p90 ms', 'p99 ms', 'first token ms', 'over floor ms'];

function cells({ scenario, gateway, result, problem }) {
  if (problem !== undefined) return [gateway, problem, ...Array(8).fill('')];
  const events = scenario.events;
  return [
    result.failed > 0 ? `${gateway} (${result.failed} failed)` : gateway,
    times(result),
    fixed(result.cpu, 0),
    events === undefined ? '' : fixed(result.cpu / events, 1),
    fixed(result.perSecond, 0),
    fixed(result.p50, 2),
    fixed(result.p90, 2),
    fixed(result.p99, 2),
    events === undefined ? '' : fixed(result.first, 2),
    events === undefined || result.firstOver === undefined ? '' : fixed(result.firstOver, 2),
  ];
}

/** A Markdown table that also reads well in a terminal: numbers to the right. */
function table(head, rows) {
  const widths = head.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length), 3));
  const line = (row) => `| ${row.map((cell, at) => (at === 0 ? cell.padEnd(widths[at]) : cell.padStart(widths[at]))).join(' | ')} |`;
  const rule = widths.map((width, at) => (at === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), line(rule), ...rows.map(line)].join('\n');
}

/** The table of one scenario. `outcomes`: `{ scenario, gateway, result }` or `{ scenario, gateway, problem }`. */
export function scenarioTable(outcomes) {
  const used = columns.map((_, at) => at < 2 || outcomes.some((outcome) => cells(outcome)[at] !== ''));
  const keep = (row) => row.filter((_, at) => used[at]);
  return `${outcomes[0].scenario.title}\n\n${table(keep(columns), outcomes.map(cells).map(keep))}`;
}

/** One row a gateway, one column a scenario: CPU as a multiple of the floor's, then the first token. */
export function overview(tables) {
  const names = [...new Set(tables.flatMap((outcomes) => outcomes.map((outcome) => outcome.gateway)))];
  const rows = names.map((name) => {
    const own = tables.map((outcomes) => outcomes.find((outcome) => outcome.gateway === name));
    const ratio = (outcome) => {
      if (outcome === undefined) return '';
      const { result } = outcome;
      if (result === undefined) return 'fails';
      return name === 'floor' ? `1 (${fixed(result.cpu, 0)} µs)` : fixed(result.ratio, 2);
    };
    return [name, ...own.map(ratio)];
  });
  return table(['CPU × floor', ...tables.map((outcomes) => outcomes[0].scenario.id)], rows);
}

/** What the numbers hold for. */
export function circumstances({ rounds, notes }) {
  const cpu = os.cpus();
  const pinned =
    cores.gateway === undefined
      ? 'processes not pinned'
      : `gateway on core ${cores.gateway}, upstream and load generator on core ${cores.rest}`;
  return [
    `- ${new Date().toISOString().slice(0, 10)}, ${cpu.length} × ${cpu[0].model.trim()}, ${Math.round(os.totalmem() / 2 ** 30)} GiB, ${os.type()} ${os.release()}; ${pinned}`,
    `- workerd ${workerdVersion}, Node ${process.versions.node}; ${rounds} interleaved rounds, medians, in brackets the lowest and the highest round`,
    ...notes.map((note) => `- ${note}`),
  ].join('\n');
}

const BEGIN = '<!-- bench:begin -->';
const END = '<!-- bench:end -->';

/** Replaces what stands between the markers of a document. */
export function writeBetweenMarkers(file, body) {
  const document = existsSync(file) ? readFileSync(file, 'utf8') : `# Benchmarks\n\n${BEGIN}\n${END}\n`;
  const from = document.indexOf(BEGIN);
  const to = document.indexOf(END);
  if (from < 0 || to < from) throw new Error(`${file} lacks the markers ${BEGIN} and ${END}`);
  writeFileSync(file, `${document.slice(0, from + BEGIN.length)}\n${body}\n${document.slice(to)}`);
}
