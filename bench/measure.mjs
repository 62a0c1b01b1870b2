import { drive, requestBytes } from './load.mjs';
import { cpuBetween, cpuClock } from './processes.mjs';

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The value below which a share of the sorted values lies. */
export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return Number.isInteger(middle) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[Math.floor(middle)];
};

// After the last answer a gateway may still work for it: that CPU belongs to the round. One that gathers its log says
// in `lingers` how many milliseconds it may seem quiet before that; then all are watched until they are.
const SETTLE_MS = 200;
const SETTLE_LIMIT = 12;
const QUIET_MICROSECONDS = 1000;

/** CPU of each of its threads once it has come to rest. */
export async function settled({ child, lingers = 0 }) {
  await pause(lingers);
  let before = cpuClock(child);
  for (let turn = 0; turn < SETTLE_LIMIT; turn += 1) {
    await pause(SETTLE_MS);
    const now = cpuClock(child);
    if (cpuBetween(before, now) < QUIET_MICROSECONDS) return now;
    before = now;
  }
  return before;
}

/** The gateway with what a scenario says in every head, and with a session where it wants one. */
export async function opened(gateway, scenario) {
  const headers = { ...gateway.headers, ...scenario.headers };
  if (scenario.opens === undefined) return { ...gateway, headers };
  const response = await fetch(`http://127.0.0.1:${gateway.port}${scenario.path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream', ...gateway.headers },
    body: JSON.stringify(scenario.opens),
  });
  await response.text();
  return { ...gateway, headers: { ...headers, 'mcp-session-id': response.headers.get('mcp-session-id') ?? '' } };
}

/**
 * What a gateway is asked in a scenario: its path and body, what the first piece with content holds and what the last.
 * A scenario of translation asks Weir in another dialect than the upstream's; all others hand the upstream's on.
 */
export function askOf(gateway, scenario) {
  const { path, body, mark, end } = gateway.name === 'weir' && scenario.translated ? scenario.translated : scenario;
  return {
    path: path ?? '/v1/chat/completions',
    asked: body(gateway.model(scenario.model)),
    mark: mark ?? '"content"',
    end: end ?? '[DONE]',
  };
}

/** What `drive` needs to send a scenario to a gateway. */
export function loadOf(gateway, scenario) {
  const { path, asked, mark, end } = askOf(gateway, scenario);
  return {
    port: gateway.port,
    bytes: requestBytes({ port: gateway.port, path, headers: gateway.headers, body: JSON.stringify(asked) }),
    stream: scenario.events !== undefined,
    mark,
    end,
    requests: scenario.requests,
    connections: scenario.connections,
    stagger: scenario.stagger,
  };
}

/**
 * One round of one scenario against one gateway.
 * @returns CPU in microseconds a request, requests a second, latencies and first tokens in milliseconds
 */
export async function measure(gateway, scenario, warmup) {
  const load = loadOf(gateway, scenario);
  await drive({ ...load, requests: Math.max(load.connections, Math.round(scenario.requests * warmup)) });
  const before = await settled(gateway);
  const result = await drive(load);
  const cpu = cpuBetween(before, await settled(gateway));
  return {
    cpu: cpu / scenario.requests,
    perSecond: scenario.requests / result.seconds,
    p50: quantile(result.latencies, 0.5),
    p90: quantile(result.latencies, 0.9),
    p99: quantile(result.latencies, 0.99),
    first: median(result.firsts),
    failed: result.failed,
  };
}

/** Medians over rounds; the ratio is taken round by round, against the floor of the same round. */
export function summary(rounds, floors) {
  const middle = (field) => median(rounds.map((round) => round[field]));
  const ratios = floors === undefined ? [] : rounds.map((round, at) => round.cpu / floors[at].cpu);
  return {
    cpu: middle('cpu'),
    perSecond: middle('perSecond'),
    p50: middle('p50'),
    p90: middle('p90'),
    p99: middle('p99'),
    first: middle('first'),
    firstOver: floors === undefined ? undefined : median(rounds.map((round, at) => round.first - floors[at].first)),
    ratio: median(ratios),
    low: Math.min(...ratios),
    high: Math.max(...ratios),
    failed: rounds.reduce((sum, round) => sum + round.failed, 0),
  };
}
