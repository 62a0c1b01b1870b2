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

  it('keep no caller from an answer: 999 of 1,000 calls that were not broken off are served', () => {
    expect(report.served / (report.calls - report.brokeOff), tell(report)).toBeGreaterThanOrEqual(0.999);
  });

  it('are never spliced, and every stream that breaks off says so', () => {
    expect(report.wrong).toEqual([]);
  });

  it('are asked little more often than was called', () => {
    expect(report.attempts, tell(report)).toBeLessThanOrEqual(1.2 * report.calls + 10 * report.seconds);
  });

  it('are asked again when they are well', () => {
    expect(report.after.alpha, tell(report)).toBeGreaterThan(0);
    if (strategy === 'weighted') for (const count of Object.values(report.after)) expect(count, tell(report)).toBeGreaterThan(0);
  });
});
