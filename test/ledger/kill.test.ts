import { beforeAll, describe, expect, it } from 'vitest';
import { type KillHistory, killLane } from './kill.ts';
import { judge, type Verdict } from './kill-verdict.ts';

// The longer form, 50 kills, is `npm run e2e:kill`.

const KILLS = 3;

let history: KillHistory;
let verdict: Verdict;
beforeAll(async () => {
  history = await killLane({ kills: KILLS, callers: 24, load: [200, 700], random: Math.random, log: () => undefined });
  verdict = judge(history);
}, 120_000);

describe(`a gateway that is killed ${KILLS} times under load`, () => {
  it('was under load: calls were answered, and others broke off', () => {
    expect(history.back).toHaveLength(KILLS);
    expect(verdict.acknowledged).toBeGreaterThan(10 * KILLS);
    expect(verdict.brokeOff).toBeGreaterThan(0);
  });

  it('has exactly one row for every answer that a caller has', () => {
    expect(verdict.withoutRow).toEqual([]);
    expect(verdict.withSeveralRows).toEqual([]);
  });

  it('charges what the vendor charged, and never less', () => {
    expect(verdict.mispriced).toEqual([]);
    expect(verdict.undercharged).toEqual([]);
  });

  it('has an audit whose chain is whole after each of them, and knows of every change that was acknowledged', () => {
    expect(history.audit.faults).toEqual([]);
    expect(history.audit.acknowledged).toBeGreaterThan(0);
  });

  it('passes no limit, whatever was lost', () => {
    expect(verdict.overLimit).toEqual([]);
  });

  it('keeps no hold, no place and no sum that no row tells of', () => {
    expect(history.placesFreed).toBe(true);
    expect(verdict.stuck).toEqual([]);
    expect(verdict.unbalanced).toEqual([]);
  });
});
