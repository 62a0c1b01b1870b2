import { mkdtemp, rm } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuditWriter } from './audit-writer.ts';
import { type Answered, agentOf, ask } from './caller.ts';
import { admin, type GatewayProcess, startProcess } from './gateway-process.ts';
import { type StoredLedger, storedLedger, storedUsage, type UsageRow } from './stored.ts';
import { sleep, startVendor, type Vendor } from './vendor.ts';

// Kills the gateway under load, again and again, each time on the state that the kill before left, and compares what its
// callers were told, what its vendor charged, and what its account says in the end.

export interface KillOptions {
  readonly kills: number;
  /** Calls at the same time. */
  readonly callers: number;
  /** Milliseconds of load before a kill, at least and at most, once it is under way. */
  readonly load: readonly [least: number, most: number];
  readonly random: () => number;
  readonly log: (line: string) => void;
}

/** One call as its caller saw it. */
export interface Call {
  readonly number: number;
  readonly key: Key;
  readonly run: string | undefined;
  readonly stream: boolean;
  readonly answered: Answered;
}

export interface Key {
  readonly name: string;
  readonly id: string;
  readonly secret: string;
  /** Nano-USD: of the key, or of each run. */
  readonly budget: number;
  readonly perRun: boolean;
}

export interface KillHistory {
  readonly calls: readonly Call[];
  readonly keys: readonly Key[];
  /** Nano-USD that the vendor charged, by call. */
  readonly billed: ReadonlyMap<number, number>;
  readonly rows: readonly UsageRow[];
  readonly ledger: StoredLedger;
  /** Milliseconds from each kill until the gateway answered again. */
  readonly back: readonly number[];
  /** Whether a key whose every place was taken when the gateway was killed has all of them again. */
  readonly placesFreed: boolean;
  /** Of the chain, looked at after each restart. */
  readonly audit: { readonly faults: readonly string[]; readonly acknowledged: number; readonly entries: number };
}

/** Nano-USD a token of output; input costs nothing, so that a reservation is the output limit times this. */
export const NANO_PER_TOKEN = 10_000;
export const MOST_OUTPUT = 25;
const PRICES = { 'm-*': { input: 0, output: NANO_PER_TOKEN / 1_000 } };
/** Milliseconds after which a call that nobody ended counts as it was foreseen. */
const HOLD = 5_000;
const PLACES = 8;
const BUDGETS: readonly (Omit<Key, 'id' | 'secret'> & { readonly limits: readonly object[] })[] = [
  {
    name: 'hot',
    budget: 1e12,
    perRun: false,
    limits: [
      { unit: 'usd', limit: 1_000 },
      { unit: 'requests', limit: 10_000_000 },
    ],
  },
  { name: 'tight', budget: 3e7, perRun: false, limits: [{ unit: 'usd', limit: 0.03 }] },
  {
    name: 'places',
    budget: 1e12,
    perRun: false,
    limits: [
      { unit: 'concurrent', limit: PLACES },
      { unit: 'usd', limit: 1_000 },
    ],
  },
  { name: 'runs', budget: 1e6, perRun: true, limits: [{ unit: 'usd', limit: 0.001, per: 'run' }] },
];
/** How often each key is used, of eight. */
const TURNS = [0, 0, 0, 0, 1, 2, 3, 0];
const MODELS = ['up/m-ok', 'up/m-ok', 'up/m-slow', 'up/m-drip'];

export async function killLane(options: KillOptions): Promise<KillHistory> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-kill-'));
  const vendor = await startVendor((call) => 1 + ((call * 7_919) % MOST_OUTPUT));
  const agent = agentOf(options.callers);
  let gateway = await startProcess(stateDir);
  try {
    const keys = await prepare(gateway.url, vendor);
    const load = new Load(options, keys, agent);
    const writer = new AuditWriter(keys[0]?.id ?? '');
    const back: number[] = [];
    for (let kill = 0; kill < options.kills; kill++) {
      const [least, most] = options.load;
      writer.begin(gateway.url);
      await load.begin(gateway.url);
      await sleep(least + options.random() * (most - least));
      await gateway.kill();
      const killedAt = performance.now();
      await Promise.all([load.end(), writer.end()]);
      gateway = await startProcess(stateDir);
      await writer.look(gateway.url);
      back.push(Math.round(performance.now() - killedAt));
      options.log(`kill ${kill + 1}: ${load.calls.length} calls so far, back after ${back.at(-1)} ms`);
    }
    await swept(stateDir);
    const placesFreed = await allPlaces(gateway, keys, agent);
    await swept(stateDir);
    await writer.look(gateway.url);
    await gateway.stop();
    return {
      ...{ calls: load.calls, keys, back, placesFreed, billed: billsOf(vendor), audit: writer },
      rows: storedUsage(stateDir),
      ledger: storedLedger(stateDir),
    };
  } finally {
    await gateway.kill();
    agent.destroy();
    await vendor.close();
    await rm(stateDir, { recursive: true, force: true });
  }
}

async function prepare(url: string, vendor: Vendor): Promise<readonly Key[]> {
  const provider = { like: 'openai', baseUrl: `${vendor.origin}/v1`, key: { value: 'k' }, prices: PRICES };
  await admin(url, 'PUT', '/config', { providers: { up: provider }, limits: { hold: HOLD } });
  await admin(url, 'POST', '/apps', { team: 'dev', name: 'killed' });
  const keys: Key[] = [];
  for (const { limits, ...key } of BUDGETS) {
    const made = await admin(url, 'POST', '/keys', { app: 'killed', name: key.name, limits });
    keys.push({ ...key, id: String(made.id), secret: String(made.key) });
  }
  return keys;
}

/** Callers that ask one call after the other. */
class Load {
  readonly calls: Call[] = [];
  readonly #options: KillOptions;
  readonly #keys: readonly Key[];
  readonly #agent: Agent;
  #number = 0;
  #running = false;
  #callers: Promise<void>[] = [];

  constructor(options: KillOptions, keys: readonly Key[], agent: Agent) {
    this.#options = options;
    this.#keys = keys;
    this.#agent = agent;
  }

  /** Under way when it comes back: a gateway that has just begun reads its configuration first. */
  async begin(url: string): Promise<void> {
    this.#running = true;
    const before = this.calls.length;
    this.#callers = Array.from({ length: this.#options.callers }, () => this.#caller(url));
    while (this.calls.length < before + this.#options.callers) await sleep(10);
  }

  async end(): Promise<void> {
    this.#running = false;
    await Promise.all(this.#callers);
  }

  async #caller(url: string): Promise<void> {
    while (this.#running) {
      this.#number += 1;
      const number = this.#number;
      const key = this.#keys[TURNS[number % TURNS.length] ?? 0];
      if (key === undefined) throw new Error('no such key');
      const run = key.perRun ? `run-${number % 97}` : undefined;
      const model = MODELS[Math.floor(this.#options.random() * MODELS.length)] ?? 'up/m-ok';
      const stream = model.endsWith('drip') || this.#options.random() < 0.3;
      const answered = await askOne(url, this.#agent, { key, run, model, stream, number });
      this.calls.push({ number, key, run, stream, answered });
      // It was killed: there is nobody to ask until it is back.
      if (answered.status === 0) return;
    }
  }
}

interface Asked {
  readonly key: Key;
  readonly run?: string | undefined;
  readonly model: string;
  readonly stream: boolean;
  readonly number: number;
}

const askOne = (url: string, agent: Agent, { key, run, model, stream, number }: Asked): Promise<Answered> =>
  ask({
    url: `${url}/v1/chat/completions`,
    key: key.secret,
    agent,
    headers: run === undefined ? {} : { 'x-weir-run': run },
    body: JSON.stringify({ model, stream, max_tokens: MOST_OUTPUT, messages: [{ role: 'user', content: `call-${number}` }] }),
  });

/** Until every hold has ended and every row has gone out. */
async function swept(stateDir: string): Promise<void> {
  const until = performance.now() + 3 * HOLD + 10_000;
  let left = storedLedger(stateDir);
  while (left.holds.length > 0 || left.waiting > 0) {
    if (performance.now() > until)
      throw new Error(`${left.holds.length} holds and ${left.waiting} rows are left: ${left.holds.slice(0, 5)}`);
    await sleep(200);
    left = storedLedger(stateDir);
  }
}

/** As many calls at the same time as there are places. */
async function allPlaces({ url }: GatewayProcess, keys: readonly Key[], agent: Agent): Promise<boolean> {
  const key = keys.find(({ name }) => name === 'places');
  if (key === undefined) throw new Error('no key `places`');
  const calls = Array.from({ length: PLACES }, () => askOne(url, agent, { key, model: 'up/m-slow', stream: false, number: 0 }));
  return (await Promise.all(calls)).every(({ status }) => status === 200);
}

function billsOf({ bills }: Vendor): ReadonlyMap<number, number> {
  const sums = new Map<number, number>();
  for (const { call, output } of bills) sums.set(call, (sums.get(call) ?? 0) + output * NANO_PER_TOKEN);
  return sums;
}
