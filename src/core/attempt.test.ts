import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { walk } from './attempt.ts';
import { type ErrorCode, errorCodes, GatewayError } from './errors.ts';

const targets = ['a', 'b', 'c'].map((model) => ({ provider: 'p', model }));

/** Walks three targets whose tries fail as the script says, in virtual time. */
async function play(script: { readonly [model: string]: readonly (GatewayError | 'ok')[] }, attempts = 2, deadline = 60_000) {
  const calls: string[] = [];
  const sleeps: number[] = [];
  let now = 0;
  const turns = new Map<string, number>();
  const promise = walk(
    targets,
    { attempts, deadline },
    {
      clock: { now: () => now },
      signal: new AbortController().signal,
      sleep: async (ms) => {
        sleeps.push(ms);
        now += ms;
      },
      random: () => 0.5,
    },
    async ({ model }) => {
      calls.push(model);
      const turn = turns.get(model) ?? 0;
      turns.set(model, turn + 1);
      const result = script[model]?.[turn] ?? new GatewayError('upstream_error', `${model} failed`);
      if (result === 'ok') return model;
      throw result;
    },
  );
  const outcome = await promise.then(
    (value) => value,
    (error: unknown) => error,
  );
  return { calls, sleeps, outcome };
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
    const { outcome } = await play({}, 2);
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
    const { calls, sleeps, outcome } = await play({ a: [late], b: [late], c: [late] }, 3, 1_000);
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
        const { calls, outcome } = await play(script, attempts);
        expect(calls.length).toBeLessThanOrEqual(attempts * targets.length);
        for (const model of ['a', 'b', 'c']) expect(calls.filter((call) => call === model).length).toBeLessThanOrEqual(attempts);
        expect(outcome).toBeInstanceOf(GatewayError);
      }),
    );
  });
});
