import { describe, expect, it } from 'vitest';
import { FreshCallers, type Verdict } from './fresh-callers.ts';

const identity = { keyId: 'key_a', org: 'org_a', team: 'team_a', app: 'app_a', principal: 'app_a' };
const good: Verdict = { identity, until: Number.POSITIVE_INFINITY };
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A caller who was good, so many milliseconds ago. */
async function known(ago: number) {
  let now = 1_000_000;
  const callers = new FreshCallers({ clock: { now: () => now }, what: 'key' });
  const works: Promise<unknown>[] = [];
  const read = (takes: number, verdict: Verdict | undefined) =>
    callers.read(
      'shown',
      async () => {
        await pause(takes);
        return verdict;
      },
      (work) => works.push(work),
    );
  expect(await read(0, good)).toBe(identity);
  now += ago;
  return { read, settled: () => Promise.all(works) };
}

describe('a caller who was good, and is not any more, where the database takes its time', () => {
  it('is found out before the call where it was good more than a moment ago', async () => {
    const { read } = await known(6_000);
    expect(await read(400, undefined)).toBeUndefined();
  });

  it('is found out behind the call where it was good a moment ago, and the next one is refused', async () => {
    const { read, settled } = await known(2_000);
    expect(await read(400, undefined)).toBe(identity);
    await settled();
    expect(await read(0, undefined)).toBeUndefined();
  });

  it('is found out before the call at any time where the database answers soon', async () => {
    for (const ago of [1_000, 4_900, 60_000]) expect(await (await known(ago)).read(10, undefined)).toBeUndefined();
  });

  it('is still let in where the database does not answer in time at all', async () => {
    const { read } = await known(60_000);
    expect(await read(3_000, undefined)).toBe(identity);
  });
});
