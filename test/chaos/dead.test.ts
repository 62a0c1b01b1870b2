import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answered, attemptsOf } from './load.ts';
import { chatAt, codesOf, type Place, startPlace } from './place.ts';

// Upstreams of which nobody answers: how often they are asked, and what callers hear.

const CALLS = 1_000;
const CALLERS = 64;
const TOTAL = 4_000;

let place: Place;

beforeAll(async () => {
  place = await startPlace({
    failing: ({ form, respond }) => respond(500, { 'content-type': 'application/json' }, form.error(500, 'scripted').body),
    limiting: ({ form, respond }) =>
      respond(429, { 'content-type': 'application/json', 'retry-after': '40' }, form.error(429, 'scripted').body),
    hanging: ({ line }) => line.closed(),
  });
  const { origin, closed, slamming } = place.vendor;
  const dead = (...targets: readonly string[]) => ({ strategy: 'failover', targets, retry: { attempts: 3 } });
  // Those that answer do it when they come to it; nothing but these limits ends the others.
  const hasty = { timeout: { firstToken: 500, answer: 500, total: TOTAL } };
  // A breaker that opens late leaves the retries to their budget alone.
  const late = { failures: 1_000, rate: 1, least: 1_000 };
  await place.publish({
    providers: { up: chatAt(origin), closed: chatAt(closed), slamming: chatAt(slamming) },
    models: {
      refused: dead('closed/gone'),
      failing: dead('up/failing.a'),
      'failing-unwatched': { ...dead('up/failing.b'), breaker: late },
      'two-unwatched': { ...dead('up/failing.c', 'up/failing.d'), breaker: late },
      'all-down': { ...dead('closed/gone-2', 'up/failing.e', 'slamming/gone', 'up/limiting.a', 'up/hanging.a'), ...hasty },
      'all-hang': { ...dead('up/hanging.b', 'up/hanging.c'), ...hasty },
    },
  });
}, 60_000);
afterAll(() => place?.close());

/** So many calls, some of them streamed, a few at the same time. */
async function all(model: string, calls = CALLS): Promise<{ readonly answers: readonly Answered[]; readonly seconds: number }> {
  const begun = Date.now();
  const answers: Answered[] = [];
  let number = 0;
  const work = async () => {
    while (number < calls) answers.push(await place.ask(model, { stream: number++ % 2 === 0 }));
  };
  await Promise.all(Array.from({ length: CALLERS }, work));
  return { answers, seconds: (Date.now() - begun) / 1_000 };
}

const askedOf = (script: string) => place.vendor.journal.all.filter(({ model }) => model.startsWith(script)).length;

describe(`a dead upstream alone, and ${CALLS} calls`, () => {
  it.each([
    { model: 'refused', scripts: [] },
    { model: 'failing', scripts: ['failing.a'] },
    { model: 'failing-unwatched', scripts: ['failing.b'] },
    { model: 'two-unwatched', scripts: ['failing.c', 'failing.d'] },
  ])('is asked a fifth more often than was called at most: $model', { timeout: 120_000 }, async ({ model, scripts }) => {
    const { answers, seconds } = await all(model);
    // Ten a second need not be earned, and are saved up for ten seconds.
    const most = 1.2 * CALLS + 10 * (Math.ceil(seconds) + 10);
    const told = answers.reduce((sum, each) => sum + attemptsOf(each), 0);
    expect(told).toBeGreaterThan(0);
    expect(told).toBeLessThanOrEqual(most);
    if (scripts.length > 0) expect(scripts.reduce((sum, script) => sum + askedOf(script), 0)).toBe(told);
    const codes = Object.keys(codesOf(answers));
    expect(
      codes.every((code) => /^50[23] upstream_/.test(code)),
      codes.join(', '),
    ).toBe(true);
    expect(answers.flatMap(({ reading }) => reading.problems)).toEqual([]);
    for (const { headers } of answers.filter(({ status }) => status === 503)) expect(headers['retry-after']).toMatch(/^\d+$/);
  });
});

describe('every target down', () => {
  it.each(['all-down', 'all-hang'])(
    'is one typed error before the deadline, and soon no more than that: %s',
    { timeout: 60_000 },
    async (model) => {
      const { answers } = await all(model, 96);
      const codes = Object.keys(codesOf(answers));
      expect(
        codes.every((code) => /^(?:429|50[234]) upstream_/.test(code)),
        codes.join(', '),
      ).toBe(true);
      for (const { status, headers } of answers) {
        if (status === 503 || status === 429) expect(headers['retry-after']).toMatch(/^\d+$/);
      }
      // Everybody rests by now: nobody is asked, and the answer says when to come again.
      const asked = place.vendor.journal.all.length;
      const last = await place.ask(model);
      expect([429, 503]).toContain(last.status);
      expect(Number(last.headers['retry-after'])).toBeGreaterThan(0);
      expect(attemptsOf(last)).toBe(0);
      expect(place.vendor.journal.all.length).toBe(asked);
    },
  );
});
