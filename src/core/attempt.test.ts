import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Candidate, walk } from './attempt.ts';
import { type ErrorCode, errorCodes, GatewayError, outOfTime } from './errors.ts';
import { type Admission, DEFAULT_BREAKER, type Health, type Try } from './health.ts';
import { Decision } from './routing/decision.ts';
import type { Target } from './strategy.ts';

const targets = ['a', 'b', 'c'].map((model): Target => ({ provider: 'p', model }));

interface Play {
  readonly attempts?: number;
  readonly deadline?: number;
  /** The names of each target's credentials. */
  readonly credentials?: readonly string[];
  readonly on?: Candidate['on'];
  readonly isHurried?: true;
  readonly health?: (clock: { now(): number }) => Health;
}

/** Walks three targets whose tries fail as the script says, in virtual time. A key of the script is a model, or `model#credential`. */
async function play(script: { readonly [place: string]: readonly (GatewayError | 'ok')[] }, options: Play = {}) {
  const { attempts = 2, deadline = 60_000, credentials = ['key'], on = [] } = options;
  const calls: string[] = [];
  const sleeps: number[] = [];
  let now = 0;
  const clock = { now: () => now };
  const turns = new Map<string, number>();
  const decision = new Decision('m', 0);
  const candidates = targets.flatMap((target) =>
    credentials.map((credential): Candidate => {
      const place = `p/${target.model}#${credential}`;
      return { target, credential, place, attempts, on, breaker: DEFAULT_BREAKER };
    }),
  );
  const promise = walk(
    candidates,
    { model: 'm', deadline, ...(options.isHurried === undefined ? {} : { isHurried: true }) },
    {
      clock,
      signal: new AbortController().signal,
      sleep: async (ms) => {
        sleeps.push(ms);
        now += ms;
      },
      random: () => 0.5,
      decision,
      health: options.health?.(clock),
    },
    async ({ target: { model }, credential }) => {
      const name = credentials.length > 1 ? `${model}#${credential}` : model;
      calls.push(name);
      const turn = turns.get(name) ?? 0;
      turns.set(name, turn + 1);
      const result = script[name]?.[turn] ?? new GatewayError('upstream_error', `${name} failed`);
      if (result === 'ok') return name;
      throw result;
    },
  );
  const outcome = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  return { calls, sleeps, outcome, decision };
}

const fail = (code: ErrorCode, details = {}) => new GatewayError(code, code, details);

describe('the attempt loop', () => {
  it('answers with the first target that does, and counts the calls it took', async () => {
    const { calls, outcome } = await play({ a: [fail('upstream_error'), fail('upstream_error')], b: ['ok'] });
    expect(calls).toEqual(['a', 'a', 'b']);
    expect(outcome).toEqual({ answer: 'b', attempts: 3 });
  });

  it("stops at an error that is the caller's own", async () => {
    const { calls, outcome } = await play({ a: [fail('upstream_rejected', { status: 400 })], b: ['ok'] });
    expect(calls).toEqual(['a']);
    expect(outcome).toMatchObject({ code: 'upstream_rejected' });
  });

  it('does not ask a target again that may have served the call already', async () => {
    const { calls, outcome } = await play({ a: [fail('upstream_interrupted')], b: ['ok'] });
    expect(calls).toEqual(['a', 'b']);
    expect(outcome).toMatchObject({ answer: 'b' });
  });

  it('says of a failure how many calls it took', async () => {
    const { outcome } = await play({}, { attempts: 2 });
    expect(outcome).toMatchObject({ attempts: 6 });
  });

  it('goes on at once where trying the same target again cannot help', async () => {
    const { calls, sleeps } = await play({ a: [fail('upstream_credential')], b: ['ok'] });
    expect(calls).toEqual(['a', 'b']);
    expect(sleeps).toEqual([]);
  });

  it('does not wait out a long Retry-After while another target may answer', async () => {
    const { calls, sleeps } = await play({ a: [fail('upstream_rate_limited', { retryAfter: 30 })], b: ['ok'] });
    expect(calls).toEqual(['a', 'b']);
    expect(sleeps).toEqual([]);
  });

  it('never waits past the deadline, and never begins a try after it', async () => {
    const late = fail('upstream_rate_limited', { retryAfter: 3600 });
    const { calls, sleeps, outcome } = await play({ a: [late], b: [late], c: [late] }, { attempts: 3, deadline: 1_000 });
    expect(calls).toEqual(['a', 'b', 'c']);
    expect(sleeps).toEqual([]);
    expect(outcome).toBe(late);
  });

  it('makes at most attempts × targets calls, whatever fails', async () => {
    const code = fc.constantFrom(...(Object.keys(errorCodes) as ErrorCode[]));
    const failures = fc.array(
      code.map((each) => fail(each)),
      { minLength: 4, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(fc.record({ a: failures, b: failures, c: failures }), fc.integer({ min: 1, max: 4 }), async (script, attempts) => {
        const { calls, outcome } = await play(script, { attempts });
        expect(calls.length).toBeLessThanOrEqual(attempts * targets.length);
        for (const model of ['a', 'b', 'c']) expect(calls.filter((call) => call === model).length).toBeLessThanOrEqual(attempts);
        expect(outcome).toBeInstanceOf(GatewayError);
      }),
    );
  });

  it('asks another credential of the target where one is refused or used up, and another target where both are', async () => {
    const { calls } = await play(
      { 'a#1': [fail('upstream_rate_limited')], 'a#2': [fail('upstream_credential')], 'b#1': ['ok'] },
      { credentials: ['1', '2'] },
    );
    expect(calls).toEqual(['a#1', 'a#2', 'b#1']);
  });

  it('does not ask a target with another credential that fails for all of them', async () => {
    const { calls } = await play({ 'a#1': [fail('upstream_interrupted')], 'b#1': ['ok'] }, { credentials: ['1', '2'] });
    expect(calls).toEqual(['a#1', 'b#1']);
  });

  it('asks another target what one refuses for its length or content, where the operator says so, and else never', async () => {
    const long = () => fail('upstream_rejected', { status: 400, vendorCode: 'context_length_exceeded' });
    const blocked = () => fail('upstream_rejected', { status: 400, vendorCode: 'content_filter' });
    const both = { on: ['context-window', 'content-policy'] as const };
    expect((await play({ a: [long()], b: [blocked()], c: ['ok'] }, both)).calls).toEqual(['a', 'b', 'c']);
    expect((await play({ a: [long()], b: [blocked()], c: ['ok'] }, { on: ['context-window'] })).calls).toEqual(['a', 'b']);
    expect((await play({ a: [long()], b: ['ok'] })).calls).toEqual(['a']);
    const refused = await play({ a: [long()], b: [long()], c: [long()] }, both);
    expect(refused.outcome).toMatchObject({ code: 'upstream_rejected', attempts: 3 });
  });

  it('writes down what it tried, and what came of it', async () => {
    const { decision } = await play({ a: [fail('upstream_error'), fail('upstream_error')], b: ['ok'] });
    expect(decision.attempts.map(({ target, outcome }) => [target.model, outcome])).toEqual([
      ['a', 'upstream_error'],
      ['a', 'upstream_error'],
      ['b', 'answered'],
    ]);
  });
});

/** Admits as it is told, and writes down what it is told. */
function fakeHealth(admissions: { readonly [place: string]: Admission | Promise<Admission> }, parts: Partial<Health> = {}) {
  const told: string[] = [];
  const tryOf = (place: string): Try => ({
    heard: () => undefined,
    began: () => void told.push(`${place} began`),
    ended: () => void told.push(`${place} ended`),
    failed: ({ code }) => void told.push(`${place} ${code}`),
    left: () => void told.push(`${place} left`),
  });
  const health: Health = {
    of: () => ({ state: 'closed', inFlight: 0 }),
    headroom: () => undefined,
    admit: (place) => admissions[place] ?? 'go',
    begin: (place) => tryOf(place),
    retryAt: () => undefined,
    lastError: () => undefined,
    takeRetry: () => true,
    call: (model) => void told.push(`call ${model}`),
    ...parts,
  };
  return { health: () => health, told };
}

describe('with places that have failed lately', () => {
  it('passes them over, and is not charged a try for them', async () => {
    const { health, told } = fakeHealth({ 'p/a#key': 'refused' });
    const { calls, outcome, decision } = await play({ b: ['ok'] }, { health });
    expect(calls).toEqual(['b']);
    expect(outcome).toEqual({ answer: 'b', attempts: 1 });
    expect(decision.attempts.map(({ outcome: each }) => each)).toEqual(['skipped', 'answered']);
    expect(told).toEqual(['call m']);
  });

  it('waits for who may probe, and tells what came of every try', async () => {
    const { health, told } = fakeHealth({ 'p/a#key': Promise.resolve('probe') });
    const { calls, decision } = await play({ a: [fail('upstream_interrupted')], b: ['ok'] }, { health });
    expect(calls).toEqual(['a', 'b']);
    expect(told).toEqual(['call m', 'p/a#key upstream_interrupted']);
    expect(decision.attempts[0]).toMatchObject({ probe: true });
  });

  it('says when to come again where nobody is asked', async () => {
    const refused = { 'p/a#key': 'refused', 'p/b#key': 'refused', 'p/c#key': 'refused' } as const;
    const { health } = fakeHealth(refused, {
      retryAt: (place) => (place === 'p/b#key' ? 4_200 : 9_000),
      lastError: () => 'upstream_error',
    });
    const { calls, outcome } = await play({}, { health });
    expect(calls).toEqual([]);
    expect(outcome).toMatchObject({ code: 'upstream_unavailable', status: 503, attempts: 0, details: { retryAfter: 5 } });
  });

  it('waits where all of them only rest, and not for long', async () => {
    let rested = false;
    const rest = (until: number) => (clock: { now(): number }) =>
      fakeHealth(
        {},
        {
          admit: () => {
            rested = clock.now() >= until;
            return rested ? 'go' : 'refused';
          },
          retryAt: () => until,
          lastError: () => 'upstream_rate_limited',
        },
      ).health();
    const soon = await play({ a: ['ok'] }, { health: rest(2_000) });
    expect(soon.outcome).toMatchObject({ answer: 'a', attempts: 1 });
    expect(soon.sleeps).toEqual([2_100]);
    const late = await play({ a: ['ok'] }, { health: rest(30_000) });
    expect(late.outcome).toMatchObject({ code: 'upstream_rate_limited', details: { retryAfter: 30 } });
    const past = await play({ a: ['ok'] }, { health: rest(2_000), deadline: 1_000 });
    expect(past.outcome).toMatchObject({ code: 'upstream_rate_limited' });
  });

  it('does not blame a place for a caller who would not wait, and does for all else', async () => {
    const timedOut = () => outOfTime('too late');
    const hurried = fakeHealth({});
    await play({ a: [timedOut(), fail('upstream_error')], b: ['ok'] }, { health: hurried.health, isHurried: true });
    expect(hurried.told).toEqual(['call m', 'p/a#key left', 'p/a#key upstream_error']);
    const patient = fakeHealth({});
    await play({ a: [timedOut()], b: ['ok'] }, { attempts: 1, health: patient.health });
    expect(patient.told).toEqual(['call m', 'p/a#key upstream_timeout']);
  });

  it('gives back the right to find out where no try is left for it', async () => {
    const { health, told } = fakeHealth({ 'p/b#key': 'probe' }, { takeRetry: () => false });
    await play({ a: [fail('upstream_credential')] }, { health });
    expect(told).toEqual(['call m', 'p/a#key upstream_credential', 'p/b#key left']);
  });

  it('makes no further try where the model’s calls have not earned one', async () => {
    let left = 1;
    const { health } = fakeHealth({}, { takeRetry: () => left-- > 0 });
    const { calls, outcome } = await play({}, { health });
    expect(calls).toEqual(['a', 'a']);
    expect(outcome).toMatchObject({ code: 'upstream_error', attempts: 2 });
  });
});
