import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { NO_CHECKS } from '../../core/cache/checks.ts';
import { RouteHitChecks, readChecks, resetChecks } from './checks.ts';
import { recall, remember } from './feedback.ts';

const DAY = 86_400_000;
const NOW = 20_000 * DAY + 1_000;

let now = NOW;
let work: Promise<unknown>[] = [];
const clock = { now: () => now };
const after = (each: Promise<unknown>) => void work.push(each);
const settled = async () => {
  for (let each = work.shift(); each !== undefined; each = work.shift()) await each;
};

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
  [now, work] = [NOW, []];
});

const isolate = (db = env.DB) => new RouteHitChecks(db, clock).for(after);

describe('what came of answers given by meaning', () => {
  it('is added up over isolates, for each organisation and route', async () => {
    const [one, other] = [isolate(), isolate()];
    one.note('org_1', 'llm', { hits: 1 });
    one.note('org_1', 'llm', { hits: 1, asked: 1 });
    other.note('org_1', 'llm', { checked: 1, wrong: 1 });
    other.note('org_1', 'faq', { unsure: 1 });
    one.note('org_2', 'llm', { hits: 5 });
    await settled();
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ hits: 2, checked: 1, wrong: 1, unsure: 0, asked: 1, askedToday: 1 });
    expect(await isolate().of('org_1', 'faq')).toMatchObject({ hits: 0, unsure: 1 });
    expect(await isolate().of('org_3', 'llm')).toEqual(NO_CHECKS);
    expect((await readChecks(env.DB, now)).map(({ org, route, hits }) => [org, route, hits])).toEqual([
      ['org_1', 'faq', 0],
      ['org_1', 'llm', 2],
      ['org_2', 'llm', 5],
    ]);
  });

  it('counts for thirty days, and what is asked again for one', async () => {
    isolate().note('org_1', 'llm', { checked: 4, wrong: 1, asked: 4 });
    await settled();
    now += 29 * DAY;
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ checked: 4, wrong: 1, asked: 4, askedToday: 0 });
    isolate().note('org_1', 'llm', { checked: 1 });
    await settled();
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ checked: 5 });
    now += DAY;
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ checked: 1, wrong: 0 });
    isolate().note('org_1', 'llm', { checked: 1 });
    await settled();
    expect(await env.DB.prepare('SELECT COUNT(*) AS n FROM semantic_checks').first('n')).toBe(2);
  });

  it('is known elsewhere within a second, and gone by for five while it is read again', async () => {
    const [one, other] = [isolate(), isolate()];
    expect(await one.of('org_1', 'llm')).toEqual(NO_CHECKS);
    other.note('org_1', 'llm', { checked: 1 });
    await settled();
    expect(await one.of('org_1', 'llm')).toEqual(NO_CHECKS);
    now += 1_000;
    // As it was, at once; and read again behind that.
    expect(one.of('org_1', 'llm')).toEqual(NO_CHECKS);
    await settled();
    expect(await one.of('org_1', 'llm')).toMatchObject({ checked: 1 });
    now += 5_000;
    expect(one.of('org_1', 'llm')).toBeInstanceOf(Promise);
  });

  it('is not known where the database is away, which throws nothing', async () => {
    const away = new Proxy(env.DB, {
      get: () => () => {
        throw new Error('away');
      },
    });
    const checks = isolate(away);
    expect(await checks.of('org_1', 'llm')).toBeUndefined();
    checks.note('org_1', 'llm', { hits: 1 });
    await settled();
  });

  it('begins anew where it is reset', async () => {
    for (const [org, route] of [
      ['org_1', 'llm'],
      ['org_1', 'faq'],
      ['org_2', 'llm'],
    ] as const)
      isolate().note(org, route, { hits: 1 });
    await settled();
    const left = async () => (await readChecks(env.DB, now)).map(({ org, route }) => `${org} ${route}`);
    await resetChecks(env.DB, { org: 'org_1', route: 'llm' });
    expect(await left()).toEqual(['org_1 faq', 'org_2 llm']);
    await resetChecks(env.DB, { route: 'llm' });
    expect(await left()).toEqual(['org_1 faq']);
    await resetChecks(env.DB, {});
    expect(await left()).toEqual([]);
  });
});

describe('what a caller says of an answer', () => {
  const said = { requestId: 'req_1', org: 'org_1', app: 'app_1', score: -1, comment: 'no' };

  it('is remembered once, and counts once, however often it is said', async () => {
    const first = await remember(env.DB, clock, said, 'llm');
    expect(first).toEqual({ ...said, at: NOW });
    now += 5;
    const all = await Promise.all([1, -1, 1].map((score) => remember(env.DB, clock, { ...said, score, comment: null }, 'llm')));
    for (const each of all) expect(each).toEqual(first);
    expect(await recall(env.DB, 'req_1')).toEqual(first);
    expect(await recall(env.DB, 'req_2')).toBeUndefined();
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ checked: 1, wrong: 1, hits: 0 });
  });

  it('counts for nothing where the answer was not given by meaning', async () => {
    await remember(env.DB, clock, said, undefined);
    expect(await isolate().of('org_1', 'llm')).toEqual(NO_CHECKS);
  });

  it('counts as right where it is good', async () => {
    await remember(env.DB, clock, { ...said, score: 1 }, 'llm');
    expect(await isolate().of('org_1', 'llm')).toMatchObject({ checked: 1, wrong: 0 });
  });
});
