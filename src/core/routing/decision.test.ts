import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../errors.ts';
import type { Json } from '../json.ts';
import type { Target } from '../strategy.ts';
import { type Attempted, Decision } from './decision.ts';
import { MOST_DECISION } from './told.ts';

const [a, b, c] = ['a', 'b', 'c'].map((model): Target => ({ provider: 'p', model })) as [Target, Target, Target];
const tried = (target: Target, outcome: Attempted['outcome'], more: Partial<Attempted> = {}): Attempted => ({
  target,
  credential: 'key',
  at: 0,
  ms: 7,
  outcome,
  ...more,
});

describe('a decision', () => {
  it('tells what was thought of, what ordered or dropped it, and what was tried', () => {
    const decision = new Decision('smart', 0);
    const nested = { ...b, name: 'eu' };
    decision.by('eu: weighted');
    decision.standsFor(nested, 'eu');
    decision.explain(nested, 'number 2 of the list');
    decision.by('smart: failover');
    decision.explain(a, 'number 1 of the list');
    decision.drop(c, 'it is in us, and must be in one of eu');
    decision.order([a, b]);
    decision.tried(tried(a, 'upstream_error', { status: 500, credential: '1' }));
    decision.tried(tried(b, 'answered', { at: 9 }));
    expect(decision.toJson()).toEqual({
      model: 'smart',
      strategies: ['eu: weighted', 'smart: failover'],
      models: [{ model: 'eu', why: 'number 2 of the list' }],
      candidates: [
        { target: 'p/a', why: 'number 1 of the list' },
        { target: 'p/b' },
        { target: 'p/c', out: 'it is in us, and must be in one of eu' },
      ],
      attempts: [
        { target: 'p/a', credential: '1', at: 0, ms: 7, outcome: 'upstream_error', status: 500 },
        { target: 'p/b', at: 9, ms: 7, outcome: 'answered' },
      ],
    });
  });

  it('says of those that were ordered and are not asked why not', () => {
    const decision = new Decision('smart', 0);
    const again = { ...a, name: 'again' };
    decision.explain(a, 'first');
    decision.explain(again, 'second');
    decision.drop(again, 'stands further up already');
    decision.explain(c, 'first of what was left out');
    decision.order([a]);
    expect(decision.toJson().candidates).toEqual([
      { target: 'p/a', why: 'first' },
      { target: 'p/a', name: 'again', why: 'second', out: 'stands further up already' },
      { target: 'p/c', why: 'first of what was left out', out: 'left out with its model' },
    ]);
  });

  it('says that chance had a part in it, and what was noted', () => {
    const decision = new Decision('smart', 0);
    decision.drawn();
    decision.note('hard', 0.7);
    expect(decision.toJson()).toMatchObject({ random: true, notes: { hard: 0.7 } });
    expect(new Decision('smart', 0).toJson()).toEqual({ model: 'smart', candidates: [], attempts: [] });
  });

  it.each<[string, boolean, (decision: Decision) => void]>([
    ['nothing that was tried', true, () => undefined],
    ['an answer at once', true, (decision) => decision.tried(tried(a, 'answered'))],
    ['a caller who left', true, (decision) => decision.tried(tried(a, 'left'))],
    ['a limit of the gateway', true, (decision) => decision.tried(tried(a, 'rate_limited'))],
    ['a failure', false, (decision) => decision.tried(tried(a, 'upstream_error'))],
    ['one that was skipped', false, (decision) => decision.tried(tried(a, 'skipped'))],
    ['one of several credentials', false, (decision) => decision.tried(tried(a, 'answered', { credential: '2' }))],
    ['a second try', false, (decision) => [1, 2].forEach(() => void decision.tried(tried(a, 'answered')))],
    ['a strategy', false, (decision) => decision.by('smart: failover')],
    ['a requirement', false, (decision) => decision.drop(a, 'it may keep what it is sent')],
    ['a note', false, (decision) => decision.note('hard', 1)],
  ])('of %s is plain: %s', (_, plain, happens) => {
    const decision = new Decision('smart', 0);
    decision.order([a]);
    happens(decision);
    expect(decision.isPlain).toBe(plain);
  });
});

describe('as it is stored and sent', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 400 }),
    fc.constantFrom('\u0000'.repeat(400), '"'.repeat(300), '😀'.repeat(200), '\r\nx-injected: 1', 'ü'),
  );
  const target = fc.record({ provider: text, model: text }, { requiredKeys: ['provider', 'model'] });
  const outcome = fc.constantFrom(...(Object.keys(errorCodes) as (keyof typeof errorCodes)[]), 'answered' as const, 'skipped' as const);
  const number = fc.oneof(fc.integer(), fc.double());
  const attempt = fc.record({
    target,
    credential: text,
    at: number,
    ms: number,
    outcome,
    status: number,
    why: fc.constant('upstream_error' as const),
  });
  type Step = (decision: Decision, targets: readonly Target[]) => void;
  const step: fc.Arbitrary<Step> = fc.oneof(
    text.map(
      (name): Step =>
        (decision) =>
          decision.by(name),
    ),
    fc.tuple(fc.nat(), text).map(
      ([at, why]): Step =>
        (decision, targets) =>
          decision.explain(targets[at % targets.length] ?? a, why),
    ),
    fc.tuple(fc.nat(), text).map(
      ([at, why]): Step =>
        (decision, targets) =>
          decision.drop(targets[at % targets.length] ?? a, why),
    ),
    fc.tuple(fc.nat(), text).map(
      ([at, name]): Step =>
        (decision, targets) =>
          decision.standsFor(targets[at % targets.length] ?? a, name),
    ),
    fc.array(fc.nat(), { maxLength: 60 }).map(
      (order): Step =>
        (decision, targets) =>
          decision.order(order.map((at) => targets[at % targets.length] ?? a)),
    ),
    attempt.map(
      (each): Step =>
        (decision) =>
          decision.tried(each),
    ),
    fc.tuple(text, fc.jsonValue()).map(
      ([name, value]): Step =>
        (decision) =>
          decision.note(name, value as Json),
    ),
    fc.constant<Step>((decision) => decision.drawn()),
  );

  it('is valid JSON of visible ASCII and no more than there is room for, whatever was written into it and in what order', () => {
    const all = fc.tuple(text, fc.array(target, { minLength: 1, maxLength: 60 }), fc.array(step, { maxLength: 120, size: 'max' }));
    fc.assert(
      fc.property(all, ([model, targets, steps]) => {
        const decision = new Decision(model, 0);
        for (const each of steps) each(decision, targets);
        const header = decision.toHeader();
        expect(header).toMatch(/^[\x20-\x7e]*$/);
        expect(header.length).toBeLessThanOrEqual(MOST_DECISION);
        expect(new TextEncoder().encode(JSON.stringify(decision.toJson())).length).toBeLessThanOrEqual(MOST_DECISION);
        expect(JSON.parse(header)).toEqual(JSON.parse(JSON.stringify(decision.toJson())));
        expect(new Headers({ 'x-weir-decision': header }).get('x-weir-decision')).toBe(header);
      }),
      { numRuns: 200 },
    );
  });

  it('fits where everything is as long as it can be', () => {
    const long = '\u0000'.repeat(500);
    const decision = new Decision(long, 0);
    for (let at = 0; at < 50; at++) {
      const each: Target = { provider: long, model: long, name: long };
      decision.by(long);
      decision.explain(each, long);
      decision.drop(each, long);
      const model: Target = { ...each };
      decision.standsFor(model, long);
      decision.explain(model, long);
      decision.drop(model, long);
      decision.note(`${at}`, long);
      decision.tried(
        tried(each, 'upstream_rate_limited', {
          ms: -Number.MAX_VALUE,
          at: -Number.MAX_VALUE,
          status: -Number.MAX_VALUE,
          credential: long,
          probe: true,
          as: 'resume',
          why: 'upstream_rate_limited',
        }),
      );
    }
    expect(decision.toHeader().length).toBeLessThanOrEqual(MOST_DECISION);
    expect(decision.toJson().more).toEqual({ strategies: 47, models: 47, candidates: 47, attempts: 47 });
  });

  it('keeps the last attempt of many, and says how many are left out', () => {
    const decision = new Decision('smart', 0);
    for (let at = 0; at < 40; at++) decision.tried(tried(a, 'upstream_error', { at, status: 500 }));
    decision.tried(tried(b, 'answered', { at: 40 }));
    const { attempts, more } = decision.toJson() as {
      readonly attempts: readonly { readonly at: number }[];
      readonly more: { readonly attempts: number };
    };
    expect(attempts.at(-1)).toMatchObject({ target: 'p/b', at: 40 });
    expect(attempts.length + more.attempts).toBe(41);
    expect(attempts.length).toBeGreaterThan(7);
  });

  it('of a few targets is told whole', () => {
    const decision = new Decision('smart', 0);
    const why = `it is in us-east-1, and must be in one of ${'eu-central-1, '.repeat(10)}eu`;
    const targets = Array.from({ length: 6 }, (_, at): Target => ({ provider: 'openai', model: `gpt-5-${at}` }));
    for (const each of targets) decision.drop(each, why);
    expect((decision.toJson().candidates as Json[]).length).toBe(6);
    expect(decision.toJson().candidates).toContainEqual({ target: 'openai/gpt-5-0', out: why });
    expect(decision.toJson().more).toBeUndefined();
  });
});
