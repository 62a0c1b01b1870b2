import { describe, expect, it } from 'vitest';
import { charged, finished, fits, freesAt, type Meter, meterAt, standing } from './meters.ts';
import type { Take } from './take.ts';

const rate = (amount: number, parts: Partial<Take> = {}): Take => ({
  ...{ level: 'key', subject: 'k', unit: 'requests', limit: 60, amount, window: { kind: 'rate', milliseconds: 60_000 } },
  ...parts,
});
const monthly = (amount: number): Take => ({
  ...rate(amount),
  unit: 'usd',
  limit: 100,
  window: { kind: 'calendar', unit: 'month', zone: 'UTC' },
});

/** Takes as many as fit, one by one. */
function drain(take: Take, before: Meter | undefined, now: number): { readonly taken: number; readonly meter: Meter } {
  let meter = meterAt(take, before, now);
  let taken = 0;
  for (; fits(take, meter); taken++) meter = charged(take, meter);
  return { taken, meter };
}

describe('a rate', () => {
  it('admits its limit at once, and then as much as drains', () => {
    const first = drain(rate(1), undefined, 0);
    expect(first.taken).toBe(60);
    expect(drain(rate(1), first.meter, 999).taken).toBe(0);
    expect(freesAt(rate(1), first.meter, 0)).toBe(1_000);
    const second = drain(rate(1), first.meter, 1_000);
    expect(second.taken).toBe(1);
    expect(drain(rate(1), second.meter, 3_600_000).taken).toBe(60);
  });

  it('admits no more at once than its burst', () => {
    const burst = rate(1, { burst: 5 });
    const first = drain(burst, undefined, 0);
    expect(first.taken).toBe(5);
    expect(drain(burst, first.meter, 2_500).taken).toBe(2);
    expect(standing(burst, first.meter, 0)).toMatchObject({ used: 5, remaining: 0, resetsAt: 5_000 });
  });

  it('takes back at once what was not used, and later only what cannot have drained', () => {
    const take = rate(60);
    const meter = charged(take, meterAt(take, undefined, 0));
    expect(finished({ ...take, start: 0 }, meter, 10, 0)?.spent).toBe(10 * 60_000);
    // After half a minute half has drained: what is left is the other half, of which all comes back.
    expect(finished({ ...take, start: 0 }, meter, 10, 30_000)?.spent).toBe(0);
    const later = charged(rate(30), meterAt(take, meter, 30_000));
    // The thirty of the later call stay: they did not come from this one.
    expect(finished({ ...take, start: 0 }, later, 0, 30_000)?.spent).toBe(30 * 60_000);
  });

  it('owes what was used beyond what was held', () => {
    const take = rate(10);
    const meter = charged(take, meterAt(take, undefined, 0));
    const owing = finished({ ...take, start: 0 }, meter, 90, 0);
    expect(owing && fits(rate(1), owing)).toBe(false);
    expect(owing && freesAt(rate(1), owing, 0)).toBe(31_000);
  });

  it('stands still while the clock is set back', () => {
    const { meter } = drain(rate(1), undefined, 10_000);
    expect(drain(rate(1), meter, 0).taken).toBe(0);
    expect(drain(rate(1), meter, 11_000).taken).toBe(1);
  });

  it('of nothing admits nothing, ever', () => {
    const none = rate(1, { limit: 0 });
    expect(fits(none, meterAt(none, undefined, 0))).toBe(false);
    expect(freesAt(none, meterAt(none, undefined, 0), 0)).toBeUndefined();
  });
});

describe('a budget of the month', () => {
  const november = Date.UTC(2026, 10, 21);
  const december = Date.UTC(2026, 11, 1);

  it('is whole again when the month is over, whatever is still held of the last', () => {
    const take = monthly(80);
    const held = charged(take, meterAt(take, undefined, november));
    expect(fits(take, held)).toBe(false);
    expect(freesAt(take, held, november)).toBe(december);
    const next = charged(take, meterAt(take, held, december));
    expect(next).toMatchObject({ start: december, reserved: 80 });
    expect(finished({ ...take, start: held.start }, next, 99, december)).toBeUndefined();
  });

  it('can never admit more than it has', () => {
    expect(freesAt(monthly(101), meterAt(monthly(101), undefined, november), november)).toBeUndefined();
  });

  it('stays full where a sum would be no safe integer', () => {
    const take = monthly(1);
    const meter = { ...meterAt(take, undefined, november), spent: Number.MAX_SAFE_INTEGER - 1, reserved: 1 };
    const after = finished({ ...take, start: meter.start }, meter, Number.MAX_SAFE_INTEGER, november);
    expect(after?.spent).toBe(Number.MAX_SAFE_INTEGER);
    expect(after && fits(monthly(0), after)).toBe(false);
  });

  it('that was lowered below what is used admits nothing', () => {
    const meter = charged(monthly(50), meterAt(monthly(50), undefined, november));
    expect(fits({ ...monthly(1), limit: 40 }, meter)).toBe(false);
    expect(standing({ ...monthly(1), limit: 40 }, meter, november)).toMatchObject({ used: 50, remaining: 0, resetsAt: december });
  });
});
