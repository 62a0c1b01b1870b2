import { beforeAll, describe, expect, it } from 'vitest';
import { type ChaosReport, runChaos, tell } from './chaos.ts';

// The longer form is `npm run e2e:chaos`, which also compares times.

const SECONDS = Number(process.env.WEIR_CHAOS_SECONDS || 5);

describe.each(['failover', 'weighted'])('vendors that fail in turns under load, by %s', (strategy) => {
  let report: ChaosReport;
  beforeAll(
    async () => {
      report = await runChaos({ seed: 7, strategy, flapping: SECONDS * 1_000, callers: 32 });
    },
    60_000 + SECONDS * 2_000,
  );

  it('were noticed: several of them answered, and more was asked than was called', () => {
    expect(report.calls).toBeGreaterThan(100);
    expect(Object.values(report.during).filter((count) => count > 0).length).toBeGreaterThanOrEqual(2);
    expect(report.attempts).toBeGreaterThan(report.calls);
  });

  it('keep no caller from an answer who wants it finished by another: 999 of 1,000 calls are served', () => {
    const { served, calls } = report.resuming;
    // In a short run, one call in a thousand is none.
    expect(calls - served, tell(report)).toBeLessThanOrEqual(Math.max(1, calls / 1_000));
  });

  it('keep no other caller from one either, but for answers that break off after content', () => {
    const { served, calls, brokeOff } = report.plain;
    expect(calls - brokeOff.length - served, tell(report)).toBeLessThanOrEqual(Math.max(1, calls / 1_000));
  });

  it('are never spliced, each answer that is finished by another goes on word for word, and what breaks off says so', () => {
    expect([...report.resuming.wrong, ...report.plain.wrong]).toEqual([]);
  });

  it('are asked little more often than was called', () => {
    expect(report.attempts, tell(report)).toBeLessThanOrEqual(1.2 * report.calls + 10 * report.seconds);
  });

  it('are asked again when they are well', () => {
    expect(report.after.alpha, tell(report)).toBeGreaterThan(0);
    if (strategy === 'weighted') for (const count of Object.values(report.after)) expect(count, tell(report)).toBeGreaterThan(0);
  });
});
