import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startTestGateway, type TestGateway, until } from '../gateway.ts';
import { make, makeKey } from '../tenants.ts';
import { type Answered, agentOf, ask } from './caller.ts';
import { balanceOf, type Entry } from './history.ts';
import { outputOf, PRICES, type Round, rounds } from './rounds.ts';
import { sleep, startVendor, type Vendor } from './vendor.ts';

const AT_ONCE = 1_000;

let gateway: TestGateway;
let vendor: Vendor;
let numbers = 0;
beforeAll(async () => {
  [gateway, vendor] = await Promise.all([startTestGateway(), startVendor(outputOf)]);
  const at = (like: string, base: string) => ({ like, baseUrl: vendor.origin + base, key: { value: 'k' }, prices: PRICES });
  const response = await gateway.admin('/config', {
    method: 'PUT',
    body: JSON.stringify({
      providers: { up: at('openai', '/v1'), ant: at('anthropic', ''), gem: at('google', '/v1beta') },
      models: { second: { targets: ['up/m-fail', 'up/m-held'], retry: { attempts: 1 } } },
    }),
  });
  expect(response.status, await response.text()).toBeLessThan(300);
});
afterAll(async () => {
  await vendor?.close();
  await gateway?.stop();
});

/** The keys of a round, in a family of their own. */
async function keysOf({ name, limits, on, keys = 1 }: Round): Promise<readonly string[]> {
  const slug = name.replaceAll(/\W+/g, '-');
  const limited = on === undefined ? {} : { limits };
  const org = await make(gateway, 'orgs', { name: slug, ...(on === 'org' ? limited : {}) });
  const teams = await Promise.all(
    ['a', 'b'].map((each) => make(gateway, 'teams', { name: each, org: org.id, ...(on === 'team' ? limited : {}) })),
  );
  // A limit of a team holds for its own keys; one of the organisation for those of all its teams.
  const limitedTeams = on === 'org' ? teams : teams.slice(0, 1);
  const apps = await Promise.all(limitedTeams.map(({ id }) => make(gateway, 'apps', { name: 'app', team: id })));
  const made: string[] = [];
  while (made.length < keys) {
    const few = Array.from({ length: Math.min(20, keys - made.length) }, (_, at) => apps[(made.length + at) % apps.length]?.id);
    const keyed = few.map((app) => makeKey(gateway, { app, name: 'k', ...(on === undefined ? { limits } : {}) }));
    made.push(...(await Promise.all(keyed)).map(({ key }) => key));
  }
  return made;
}

/** One round's calls, as their callers and the vendor saw them. */
class Played {
  readonly entries: Entry[] = [];
  readonly #round: Round;
  readonly #keys: readonly string[];
  readonly #agent = agentOf(AT_ONCE);

  constructor(round: Round, keys: readonly string[]) {
    this.#round = round;
    this.#keys = keys;
  }

  async ask(model: string, leave?: AbortSignal): Promise<Answered> {
    numbers += 1;
    const number = numbers;
    const { path, body } = this.#round.request(model, number);
    const begunAt = performance.now();
    const answered = await ask({
      url: gateway.url + path,
      key: this.#keys[number % this.#keys.length] ?? '',
      body: JSON.stringify(body),
      headers: this.#round.headers?.(number) ?? {},
      agent: this.#agent,
      ...(leave === undefined ? {} : { signal: leave }),
    });
    const subject = this.#round.subject?.(number) ?? '';
    this.entries.push({ number, subject, begunAt, endedAt: performance.now(), answered });
    return answered;
  }

  /** So many at once, of whom those that are let through are held until all the others have been told no. */
  async barrier(): Promise<number> {
    const leaving = new AbortController();
    const { model = 'up/m-held', leave } = this.#round;
    vendor.hold();
    let refused = 0;
    let broken = 0;
    const calls = Array.from({ length: AT_ONCE }, () =>
      this.ask(model, leave === true ? leaving.signal : undefined).then(({ status }) => {
        if (status >= 400) refused += 1;
        if (status === 0 && !leaving.signal.aborted) broken += 1;
      }),
    );
    try {
      await until(() => refused + broken + vendor.held >= AT_ONCE, 45_000, 'all are decided').catch((cause: unknown) => {
        throw new Error(`${refused} were refused and ${vendor.held} are held, of ${AT_ONCE}`, { cause });
      });
      expect(broken).toBe(0);
      const admitted = vendor.held;
      if (leave === true) {
        leaving.abort();
        // Whether the gateway waits for what they asked for is its own affair: it pays either way.
        await Promise.race([until(() => vendor.held === 0, 60_000, 'the vendor is left too').catch(() => undefined), sleep(1_000)]);
      }
      return admitted;
    } finally {
      vendor.release();
      await Promise.all(calls);
    }
  }

  close(): void {
    this.#agent.destroy();
  }

  /** So many in all, of callers who ask again as soon as they have an answer. */
  async stream(calls: number, callers: number, model: string): Promise<void> {
    let left = calls;
    const caller = async () => {
      for (; left > 0; left -= 1) await this.ask(model);
    };
    await Promise.all(Array.from({ length: callers }, caller));
  }

  /** One after the other, until nothing has fitted for a while. Settling goes on behind an answer. */
  async rest(model: string): Promise<number> {
    let admitted = 0;
    for (let refused = 0; refused < 4; ) {
      const { status } = await this.ask(model);
      if (status === 200) admitted += 1;
      refused = status === 200 ? 0 : refused + 1;
      if (refused > 0) await sleep(400);
    }
    return admitted;
  }
}

/** The account of each subject, by the history alone. */
function balances({ counting }: Round, entries: readonly Entry[]) {
  const bills = vendor.bills;
  return [...Map.groupBy(entries, ({ subject }) => subject).values()].map((own) => balanceOf(own, bills, counting));
}

describe(`${AT_ONCE} calls at once against the last of a limit`, () => {
  it.each(rounds.map((round) => [round.name, round] as const))('%s', { timeout: 90_000 }, async (_name, round) => {
    const played = new Played(round, await keysOf(round));
    onTestFinished(() => played.close());
    const admitted = await played.barrier();
    const answers = played.entries.map(({ answered }) => answered);
    expect(admitted).toBe(round.fits);
    const refused = answers.filter(({ status, text }) => status >= 400 && status < 500 && text.includes('leaves no room for this call'));
    expect(refused).toHaveLength(AT_ONCE - admitted);
    if (round.leave !== true) expect(answers.filter(({ status, whole }) => status === 200 && whole)).toHaveLength(admitted);
    if (round.after !== undefined) await played.rest(round.after);
    const { limit, held } = round.counting;
    for (const { broken, peak, spent } of balances(round, played.entries)) {
      expect(broken).toEqual([]);
      // All of it was in use at once, and in the end nothing more fits: nothing was kept back, and nothing was lost.
      expect(limit - peak).toBeLessThan(held);
      if (round.after !== undefined && round.leave !== true) expect(limit - spent).toBeLessThan(held);
    }
  });
});

describe('calls that come so fast that blocks are lent for them', () => {
  it('use all of a budget, and no more of it, from its beginning to its end', { timeout: 90_000 }, async () => {
    const limit = 100_000_000;
    const [chat] = rounds;
    if (chat === undefined) throw new Error('there are no rounds');
    const round: Round = { ...chat, name: 'lent', limits: [{ unit: 'usd', limit: 0.1 }], counting: { ...chat.counting, limit } };
    const played = new Played(round, await keysOf(round));
    onTestFinished(() => played.close());
    // Some 770 of them fit.
    await played.stream(1_000, 64, 'up/m-ok');
    await played.rest('up/m-ok');
    const [balance] = balances(round, played.entries);
    expect(balance?.broken).toEqual([]);
    expect(limit - Number(balance?.spent)).toBeLessThan(round.counting.held);
  });
});
