import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { admin, type GatewayProcess, startProcess } from '../ledger/gateway-process.ts';
import { sentence } from '../upstream/forms.ts';
import { sleep } from '../upstream/line.ts';
import { type FlappingVendor, startFlapping, WORDS } from './flapping.ts';
import { type Answered, attemptsOf, call, connections, keepCalling, percentile, readers } from './load.ts';
import { pick, seeded } from './random.ts';

// Three vendors that fail in turns, each of another dialect, and one that is always well, under load.

export interface ChaosOptions {
  readonly seed: number;
  readonly strategy: string;
  /** Milliseconds of flapping. */
  readonly flapping: number;
  /** Calls at the same time. */
  readonly callers: number;
}

/** What became of some calls. */
export interface Verdict {
  readonly calls: number;
  /** Answered in full: each word once, and in one voice. */
  readonly served: number;
  /** Failed before any content, with the error that was told. */
  readonly failed: readonly string[];
  /** Broke off after content, each with one typed error. */
  readonly brokeOff: readonly string[];
  /** Anything else: two answers in one, an end that is none, a form that is not the dialect's. */
  readonly wrong: readonly string[];
}

export interface ChaosReport {
  readonly calls: number;
  /** Of callers who have asked that another vendor go on where one breaks off, and of all others. */
  readonly resuming: Verdict;
  readonly plain: Verdict;
  /** Answers that another vendor finished than began them. */
  readonly finished: number;
  /** Calls of vendors, by the gateway's own count. */
  readonly attempts: number;
  readonly seconds: number;
  /** Answers of each vendor while they flapped, and once all of them were well. */
  readonly during: Readonly<Record<string, number>>;
  readonly after: Readonly<Record<string, number>>;
  /** Milliseconds to the first content after which a vendor was given up. */
  readonly firstToken: number;
  /** Milliseconds to the first content before anything failed, and under chaos. */
  readonly healthy: Times;
  readonly chaos: Times;
}

export interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly most: number;
}

/** Milliseconds to the first content before anything fails, at which nobody is given up. */
const PATIENT = 30_000;
/** A time limit that a healthy vendor keeps on this machine, as it is loaded now: so many times what 99 of 100 answers took, and so much at least. */
const MARGIN = 4;
const LEAST = 2_000;
const timeoutOf = (firstToken: number) => ({ firstToken, answer: firstToken, idle: 2 * firstToken, total: 5 * firstToken });
const BREAKER = { failures: 3, rate: 0.5, least: 10, window: 2_000, cooldown: 300, mostCooldown: 1_200 };
const SPELLS = { good: 4_000, bad: 1_500 };
/** Milliseconds before anything fails, and after everything is well again. */
const CALM = 2_500;
const KEY = 'weir_dev_ledger-tests';

type Phase = 'healthy' | 'chaos' | 'healing' | 'after' | 'over';

const VENDORS = [
  { name: 'alpha', provider: { like: 'openai', dialects: ['openai-chat'], quirks: { prefill: { by: 'continue' } } }, version: '/v1' },
  { name: 'beta', provider: { like: 'anthropic', quirks: { prefill: { by: 'last' } } }, version: '' },
  // As most: it begins anew, and is not asked to go on.
  { name: 'gamma', provider: { like: 'google', dialects: ['gemini'] }, version: '/v1beta' },
  {
    name: 'steady',
    provider: { like: 'openai', dialects: ['openai-chat', 'openai-responses'], quirks: { prefill: { by: 'prefix' } } },
    version: '/v1',
  },
] as const;

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const random = seeded(options.seed);
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-chaos-'));
  const [gateway, ...vendors] = await Promise.all([startProcess(stateDir), ...VENDORS.map(({ name }) => startFlapping(name, random))]);
  try {
    const limit = (firstToken: number) => publish(gateway, vendors, options.strategy, firstToken);
    await limit(PATIENT);
    return await run(options, gateway, vendors, random, limit);
  } finally {
    await gateway.stop();
    await Promise.all(vendors.map((each) => each.close()));
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function publish(gateway: GatewayProcess, vendors: readonly FlappingVendor[], strategy: string, firstToken: number): Promise<void> {
  const providers = Object.fromEntries(
    VENDORS.map(({ name, provider, version }, at) => [
      name,
      {
        ...provider,
        baseUrl: `${vendors[at]?.vendor.origin}${version}`,
        key: { value: 'k' },
        prices: { '*': { input: 1, output: 10, maxOutput: 4_096 } },
      },
    ]),
  );
  const targets = VENDORS.map(({ name }) => `${name}/any.model`);
  const model = { strategy, targets, retry: { attempts: 1 }, timeout: timeoutOf(firstToken), breaker: BREAKER };
  await admin(gateway.url, 'PUT', '/config', { providers, models: { chaos: model } });
}

async function run(
  options: ChaosOptions,
  { url }: GatewayProcess,
  vendors: readonly FlappingVendor[],
  random: () => number,
  limit: (firstToken: number) => Promise<void>,
): Promise<ChaosReport> {
  const agent = connections(options.callers);
  const flapping = vendors.filter(({ name }) => name !== 'steady');
  let phase = 'healthy' as Phase;
  const phases = new Map<Answered, Phase>();
  const resuming = new Set<Answered>();
  const next = async () => {
    const begun = phase;
    const reader = pick(random, readers);
    const isResuming = random() < 0.5;
    const answered = await call({
      ...{ url, key: KEY, model: 'chaos', agent, reader, stream: random() < 0.6 },
      headers: { 'x-weir-explain': '1', ...(isResuming ? { 'x-weir-resume': '1' } : {}) },
      // What its vendor keeps is not put together from two.
      ...(reader.dialect === 'openai-responses' ? { body: { store: false } } : {}),
    });
    if (isResuming) resuming.add(answered);
    phases.set(answered, begun);
    return answered;
  };
  const begun = Date.now();
  const load = keepCalling(options.callers, () => phase === 'over', next);
  await sleep(CALM);
  phase = 'chaos';
  const healthy = timesOf([...phases.keys()]);
  const firstToken = Math.max(LEAST, MARGIN * healthy.p99);
  await limit(firstToken);
  const stops = flapping.map((each) => each.flap(random, SPELLS));
  await sleep(options.flapping);
  for (const stop of stops) stop();
  phase = 'healing';
  await sleep(CALM);
  phase = 'after';
  await sleep(CALM);
  phase = 'over';
  const answers = await load;
  agent.destroy();
  const of = (name: Phase) => answers.filter((each) => phases.get(each) === name);
  const servedBy = (list: readonly Answered[]) =>
    Object.fromEntries(VENDORS.map(({ name }) => [name, list.filter((each) => speaker(each) === name).length]));
  return {
    calls: answers.length,
    resuming: verdict(answers.filter((each) => resuming.has(each))),
    plain: verdict(answers.filter((each) => !resuming.has(each))),
    finished: vendors.reduce((sum, { finished }) => sum + finished, 0),
    attempts: answers.reduce((sum, each) => sum + attemptsOf(each), 0),
    seconds: (Date.now() - begun) / 1_000,
    during: servedBy(of('chaos')),
    after: servedBy(of('after')),
    firstToken,
    healthy,
    chaos: timesOf(of('chaos').filter(isServed)),
  };
}

const timesOf = (answers: readonly Answered[]): Times => {
  const times = answers.map(({ firstMs }) => Math.round(firstMs));
  return { p50: percentile(times, 0.5), p99: percentile(times, 0.99), most: Math.max(0, ...times) };
};

const wholeOf = (name: string) => sentence(name, WORDS).join('');
/** Whose answer it is, where it is one vendor's from beginning to end. */
const speaker = ({ reading }: Answered): string | undefined => VENDORS.find(({ name }) => reading.text === wholeOf(name))?.name;
const isServed = (each: Answered): boolean =>
  each.status === 200 &&
  each.reading.done &&
  each.reading.errors.length === 0 &&
  each.reading.problems.length === 0 &&
  speaker(each) !== undefined;

function verdict(answers: readonly Answered[]): Verdict {
  const failed: string[] = [];
  const brokeOff: string[] = [];
  const wrong: string[] = [];
  let served = 0;
  for (const each of answers) {
    const { reading, status, bytes } = each;
    const voices = VENDORS.filter(({ name }) => bytes.includes(`${name}0`) || bytes.includes(` ${name}`));
    const [error] = reading.errors;
    const isTyped = error !== undefined && reading.errors.length === 1 && reading.problems.length === 0 && !reading.done;
    if (voices.length > 1) wrong.push(`two answers in one: ${reading.text}`);
    else if (isServed(each)) {
      served += 1;
    } else if (isTyped && reading.text === '') failed.push(`${status} ${error.code}`);
    else if (isTyped && voices.some(({ name }) => wholeOf(name).startsWith(reading.text))) {
      brokeOff.push(`${each.reader.dialect} ${error.code} after ${reading.text.split(' ').length}`);
    } else
      wrong.push(
        `${each.reader.dialect}, ${each.stream ? 'streamed' : 'whole'}, ${status}: ${reading.problems.join('; ') || reading.text}`,
      );
  }
  return { calls: answers.length, served, failed, brokeOff, wrong };
}

const percent = (part: number, of: number) => `${((100 * part) / of).toFixed(3)} %`;
const counts = (list: readonly string[]) =>
  list.length === 0
    ? ''
    : JSON.stringify(Object.fromEntries([...Map.groupBy(list, (each) => each)].map(([name, { length }]) => [name, length])));

const told = ({ calls, served, failed, brokeOff, wrong }: Verdict): string => `${calls} calls
    served                     ${served}: ${percent(served, calls)} of all, ${percent(served, calls - brokeOff.length)} of those that did not break off
    failed before any content  ${failed.length} ${counts(failed)}
    broke off after content    ${brokeOff.length} ${counts(brokeOff)}
    wrong                      ${wrong.length} ${wrong.slice(0, 3).join(' | ')}`;

/** The report in a few lines. */
export function tell(report: ChaosReport): string {
  const { calls, attempts, seconds, firstToken } = report;
  return `${calls} calls in ${seconds.toFixed(1)} s, given up after ${firstToken} ms without content
  with x-weir-resume: ${told(report.resuming)}
  without: ${told(report.plain)}
  finished by another vendor   ${report.finished}
  attempts                     ${attempts}: ${(attempts / calls).toFixed(4)} a call
  answers while they flapped   ${JSON.stringify(report.during)}
  answers once all were well   ${JSON.stringify(report.after)}
  first content, all well      ${JSON.stringify(report.healthy)} ms
  first content, in chaos      ${JSON.stringify(report.chaos)} ms`;
}
