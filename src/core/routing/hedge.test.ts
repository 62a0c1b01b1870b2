import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Candidate } from '../attempt.ts';
import { GatewayError } from '../errors.ts';
import { DEFAULT_BREAKER } from '../health.ts';
import type { Target } from '../strategy.ts';
import { Decision } from './decision.ts';
import { hedgedWalk, type Runner } from './hedge.ts';

/** A clock that moves only when everything waits, to the next thing that is waited for. */
class VirtualTime {
  #now = 0;
  #sleeping: { readonly at: number; readonly wake: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      const entry = { at: this.#now + ms, wake: resolve };
      this.#sleeping.push(entry);
      signal.addEventListener('abort', () => {
        this.#sleeping = this.#sleeping.filter((each) => each !== entry);
        resolve();
      });
    });

  /** Until nobody waits for anything any more. */
  async run(): Promise<void> {
    for (;;) {
      for (let turn = 0; turn < 20; turn++) await Promise.resolve();
      const next = this.#sleeping.toSorted((a, b) => a.at - b.at)[0];
      if (next === undefined) return;
      this.#sleeping = this.#sleeping.filter((each) => each !== next);
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
  }
}

interface Try {
  /** Milliseconds after which it answers or fails. */
  readonly ms: number;
  readonly fails?: GatewayError;
  /** It does not listen to the signal: what it says comes all the same. */
  readonly deaf?: true;
}

interface Play {
  readonly after?: number | undefined;
  readonly credentials?: readonly string[];
  readonly attempts?: number;
  readonly earned?: number;
  readonly refuses?: GatewayError;
  readonly on?: Candidate['on'];
}

interface Begun {
  readonly name: string;
  readonly as: Runner['as'];
  readonly at: number;
  end: 'pending' | 'answered' | 'failed' | 'aborted' | 'discarded';
  aborts: number;
}

async function play(script: { readonly [place: string]: readonly Try[] }, options: Play = {}) {
  const { credentials = ['key'], attempts = 1, earned = 1_000, on = [] } = options;
  const time = new VirtualTime();
  const caller = new AbortController();
  const decision = new Decision('m', 0);
  const begun: Begun[] = [];
  let retries = 0;
  const targets = Object.keys(script).map((model): Target => ({ provider: 'p', model }));
  const candidates = targets.flatMap((target) =>
    credentials.map(
      (credential): Candidate => ({ target, credential, place: `p/${target.model}#${credential}`, attempts, on, breaker: DEFAULT_BREAKER }),
    ),
  );
  const turns = new Map<string, number>();
  const promise = hedgedWalk<Begun>(
    candidates,
    { model: 'm', deadline: 60_000 },
    {
      clock: time,
      signal: caller.signal,
      sleep: time.sleep,
      random: () => 0.5,
      decision,
      health: {
        of: () => ({ state: 'closed', inFlight: 0 }),
        headroom: () => undefined,
        admit: () => 'go',
        begin: () => ({ heard() {}, began() {}, ended() {}, failed() {}, left() {} }),
        retryAt: () => undefined,
        lastError: () => undefined,
        takeRetry: () => {
          retries += 1;
          return retries <= earned;
        },
        call() {},
      },
    },
    async ({ target: { model }, credential }, _trying, runner) => {
      const turn = turns.get(model) ?? 0;
      turns.set(model, turn + 1);
      const { ms, fails, deaf } = script[model]?.[turn] ?? { ms: 1, fails: fail('upstream_error') };
      const own: Begun = {
        name: credentials.length > 1 ? `${model}#${credential}` : model,
        as: runner.as,
        at: time.now(),
        end: 'pending',
        aborts: 0,
      };
      begun.push(own);
      runner.signal.addEventListener('abort', () => {
        own.aborts += 1;
      });
      await time.sleep(ms, deaf === true ? new AbortController().signal : runner.signal);
      if (runner.signal.aborted && deaf !== true) {
        own.end = 'aborted';
        throw runner.signal.reason;
      }
      own.end = fails === undefined ? 'answered' : 'failed';
      if (fails !== undefined) throw fails;
      return own;
    },
    {
      after: () => options.after,
      admit: async () => {
        if (options.refuses !== undefined) throw options.refuses;
      },
      discard: (answer) => {
        answer.end = 'discarded';
      },
    },
  );
  const outcome = promise.then(
    ({ answer, attempts: counted, by }) => ({ answer: answer.name, attempts: counted, by, at: time.now() }),
    (error: unknown) => ({ error: GatewayError.from(error) }),
  );
  await time.run();
  return { outcome: await outcome, begun, decision, retries };
}

const fail = (code: ConstructorParameters<typeof GatewayError>[0], details = {}) => new GatewayError(code, code, details);

describe('a second walk beside a first one that is slow', () => {
  it('does not begin where the first answers in time', async () => {
    const { outcome, begun, retries } = await play({ a: [{ ms: 90 }], b: [{ ms: 1 }] }, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'a', attempts: 1, by: 'first', at: 90 });
    expect(begun).toHaveLength(1);
    expect(retries).toBe(0);
  });

  it('begins at its time, and the first answer of the two is the answer', async () => {
    const { outcome, begun, decision } = await play({ a: [{ ms: 5_000 }], b: [{ ms: 50 }] }, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'b', attempts: 2, by: 'hedge', at: 150 });
    expect(begun).toMatchObject([
      { name: 'a', as: 'first', end: 'aborted', aborts: 1 },
      { name: 'b', as: 'hedge', at: 100, end: 'answered', aborts: 0 },
    ]);
    expect(decision.attempts.map(({ target, outcome: came, as }) => [target.model, came, as])).toEqual([
      ['b', 'answered', 'hedge'],
      ['a', 'left', undefined],
    ]);
  });

  it('ends where the first is sooner after all', async () => {
    const { outcome, begun } = await play({ a: [{ ms: 120 }], b: [{ ms: 50 }] }, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'a', attempts: 2, by: 'first', at: 120 });
    expect(begun[1]).toMatchObject({ name: 'b', end: 'aborted', aborts: 1 });
  });

  it('lets go of an answer that comes from who has lost and does not listen', async () => {
    const { outcome, begun } = await play({ a: [{ ms: 130, deaf: true }], b: [{ ms: 10 }] }, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'b' });
    expect(begun[0]).toMatchObject({ name: 'a', end: 'discarded', aborts: 1 });
  });

  it('is not needed where the first fails before: the walk goes on as without it', async () => {
    const { outcome, begun } = await play(
      { a: [{ ms: 50, fails: fail('upstream_error') }], b: [{ ms: 400 }], c: [{ ms: 1 }] },
      { after: 100 },
    );
    expect(outcome).toMatchObject({ answer: 'b', attempts: 2, by: 'first', at: 450 });
    expect(begun.map(({ as }) => as)).toEqual(['first', 'first']);
  });

  it('goes on alone where the first fails after it has begun, and nobody is asked by both', async () => {
    const script = { a: [{ ms: 110, fails: fail('upstream_error') }], b: [{ ms: 50, fails: fail('upstream_error') }], c: [{ ms: 50 }] };
    const { outcome, begun } = await play(script, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'c', attempts: 3, by: 'hedge' });
    expect(begun.map(({ name }) => name)).toEqual(['a', 'b', 'c']);
  });

  it('waits for the first where the second has failed', async () => {
    const { outcome } = await play({ a: [{ ms: 500 }], b: [{ ms: 5, fails: fail('upstream_error') }] }, { after: 100 });
    expect(outcome).toMatchObject({ answer: 'a', attempts: 2, at: 500 });
  });

  it('does not begin where the budget for tries is used up', async () => {
    const { outcome, begun } = await play({ a: [{ ms: 500 }], b: [{ ms: 5 }] }, { after: 100, earned: 0 });
    expect(outcome).toMatchObject({ answer: 'a', attempts: 1 });
    expect(begun).toHaveLength(1);
  });

  it('never begins with one candidate, or where no time is known', async () => {
    expect((await play({ a: [{ ms: 500 }] }, { after: 100 })).begun).toHaveLength(1);
    expect((await play({ a: [{ ms: 500 }], b: [{ ms: 5 }] })).begun).toHaveLength(1);
  });

  it('takes another credential of the same target last', async () => {
    const script = { a: [{ ms: 5_000 }, { ms: 5 }], b: [{ ms: 50, fails: fail('upstream_error') }] };
    const { outcome, begun } = await play(script, { after: 100, credentials: ['1', '2'] });
    expect(begun.map(({ name }) => name)).toEqual(['a#1', 'b#1', 'a#2']);
    expect(outcome).toMatchObject({ answer: 'a#2', by: 'hedge' });
  });

  it('leaves the first undisturbed where it may not ask, and its candidates to it', async () => {
    const refuses = fail('budget_exceeded');
    const slow = await play({ a: [{ ms: 500 }], b: [{ ms: 5 }] }, { after: 100, refuses });
    expect(slow.outcome).toMatchObject({ answer: 'a', attempts: 1 });
    const failing = await play({ a: [{ ms: 500, fails: fail('upstream_error') }], b: [{ ms: 5 }] }, { after: 100, refuses });
    expect(failing.outcome).toMatchObject({ answer: 'b', attempts: 2, by: 'first' });
  });
});

describe('where both fail', () => {
  it("tells the caller's own fault, and otherwise the last failure", async () => {
    const own = await play(
      { a: [{ ms: 300, fails: fail('upstream_error') }], b: [{ ms: 5, fails: fail('upstream_rejected', { status: 400 }) }] },
      { after: 100 },
    );
    expect(own.outcome).toMatchObject({ error: { code: 'upstream_rejected', attempts: 2 } });
    const last = await play(
      { a: [{ ms: 300, fails: fail('upstream_timeout') }], b: [{ ms: 5, fails: fail('upstream_overloaded') }] },
      { after: 100 },
    );
    expect(last.outcome).toMatchObject({ error: { code: 'upstream_timeout', attempts: 2 } });
  });

  it("ends at once with the first one's answer that the call itself is at fault", async () => {
    const script = { a: [{ ms: 150, fails: fail('upstream_rejected', { status: 400 }) }], b: [{ ms: 5_000 }] };
    const { outcome, begun } = await play(script, { after: 100 });
    expect(outcome).toMatchObject({ error: { code: 'upstream_rejected' } });
    expect(begun[1]).toMatchObject({ end: 'aborted', aborts: 1 });
  });
});

describe('whatever happens', () => {
  const tries = fc.record({
    ms: fc.integer({ min: 1, max: 300 }),
    kind: fc.constantFrom('answers', 'answers', 'fails', 'rejects', 'deaf'),
  });
  const scripts = fc.array(fc.array(tries, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 });

  it('there is one answer at most, every other try has ended, and nobody is told twice', async () => {
    await fc.assert(
      fc.asyncProperty(scripts, fc.integer({ min: 0, max: 200 }), fc.integer({ min: 1, max: 2 }), async (lists, after, attempts) => {
        const script = Object.fromEntries(
          lists.map((list, index) => [
            `t${index}`,
            list.map(({ ms, kind }): Try => {
              if (kind === 'fails') return { ms, fails: fail('upstream_error') };
              if (kind === 'rejects') return { ms, fails: fail('upstream_rejected', { status: 400 }) };
              return kind === 'deaf' ? { ms, deaf: true } : { ms };
            }),
          ]),
        );
        const { outcome, begun } = await play(script, { after, attempts });
        const answered = begun.filter(({ end }) => end === 'answered');
        expect(answered.length).toBe('answer' in outcome ? 1 : 0);
        expect(begun.filter(({ end }) => end === 'pending')).toEqual([]);
        for (const { end, aborts, as } of begun) {
          if (end === 'answered') expect(aborts).toBe(0);
          if (end === 'aborted' || end === 'discarded') expect(aborts).toBe(1);
          // The winner's own walk is never told to end.
          if ('by' in outcome && as === outcome.by) expect(aborts).toBe(0);
        }
        expect(begun.filter(({ as }) => as === 'hedge').every(({ at }) => at >= after)).toBe(true);
        if ('attempts' in outcome) expect(outcome.attempts).toBeLessThanOrEqual(begun.length);
        if ('answer' in outcome) expect(outcome.answer).toBe(answered[0]?.name);
      }),
      { numRuns: 300 },
    );
  });
});
