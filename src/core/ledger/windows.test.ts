import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type CalendarUnit, isZone, parseWindow, periodAt } from './windows.ts';

const iso = (instant: number) => new Date(instant).toISOString();
const period = (unit: CalendarUnit, zone: string, at: string) => {
  const { start, end } = periodAt(unit, zone, Date.parse(at));
  return [iso(start), iso(end)];
};

describe('a window', () => {
  it('is read as operators write it', () => {
    expect(parseWindow('1m')).toEqual({ kind: 'rate', milliseconds: 60_000 });
    expect(parseWindow('30s')).toEqual({ kind: 'rate', milliseconds: 30_000 });
    expect(parseWindow('1h')).toEqual({ kind: 'rate', milliseconds: 3_600_000 });
    expect(parseWindow('1d')).toEqual({ kind: 'calendar', unit: 'day', zone: 'UTC' });
    expect(parseWindow('month', 'Europe/Zurich')).toEqual({ kind: 'calendar', unit: 'month', zone: 'Europe/Zurich' });
    for (const text of ['', '0m', '1', 'm', '-1m', '1.5m', '25h', '99999h', 'year', '1M', 'constructor'])
      expect(parseWindow(text)).toBeUndefined();
    expect(parseWindow('day', 'Mars/Olympus')).toBeUndefined();
    expect(isZone('Asia/Kathmandu')).toBe(true);
  });
});

describe('a period of the calendar', () => {
  it('ends where the month does', () => {
    expect(period('month', 'UTC', '2028-02-29T23:59:59.999Z')).toEqual(['2028-02-01T00:00:00.000Z', '2028-03-01T00:00:00.000Z']);
    expect(period('month', 'UTC', '2026-12-31T12:00:00Z')).toEqual(['2026-12-01T00:00:00.000Z', '2027-01-01T00:00:00.000Z']);
    expect(period('month', 'Asia/Tokyo', '2026-02-28T15:00:00Z')).toEqual(['2026-02-28T15:00:00.000Z', '2026-03-31T15:00:00.000Z']);
  });

  it('begins on Monday, where it is a week', () => {
    expect(period('week', 'UTC', '2026-11-22T23:00:00Z')).toEqual(['2026-11-16T00:00:00.000Z', '2026-11-23T00:00:00.000Z']);
    expect(period('week', 'Pacific/Auckland', '2026-11-22T12:00:00Z')).toEqual(['2026-11-22T11:00:00.000Z', '2026-11-29T11:00:00.000Z']);
    expect(period('week', 'UTC', '1969-12-31T00:00:00Z')).toEqual(['1969-12-29T00:00:00.000Z', '1970-01-05T00:00:00.000Z']);
  });

  it('is as long as the clock makes it', () => {
    expect(period('day', 'Europe/Zurich', '2026-03-29T10:00:00Z')).toEqual(['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z']);
    expect(period('day', 'Europe/Zurich', '2026-10-25T10:00:00Z')).toEqual(['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z']);
  });

  it('begins where the clock is set forward over midnight', () => {
    // Santiago, 2026-09-06: after 23:59:59 comes 01:00:00.
    expect(period('day', 'America/Santiago', '2026-09-06T12:00:00Z')).toEqual(['2026-09-06T04:00:00.000Z', '2026-09-07T03:00:00.000Z']);
    // Santiago, 2026-04-05: after 23:59:59 of the 4th comes 23:00:00 of the 4th.
    expect(period('day', 'America/Santiago', '2026-04-05T03:30:00Z')).toEqual(['2026-04-04T03:00:00.000Z', '2026-04-05T04:00:00.000Z']);
  });

  it('may be missing: Samoa had no 30th of December in 2011', () => {
    expect(period('day', 'Pacific/Apia', '2011-12-30T09:59:59Z')).toEqual(['2011-12-29T10:00:00.000Z', '2011-12-30T10:00:00.000Z']);
    expect(period('day', 'Pacific/Apia', '2011-12-30T10:00:00Z')).toEqual(['2011-12-30T10:00:00.000Z', '2011-12-31T10:00:00.000Z']);
  });

  it('is one of many without gaps or overlaps, in any zone', () => {
    const zones = ['UTC', 'Europe/Zurich', 'America/Santiago', 'Australia/Lord_Howe', 'America/St_Johns', 'Africa/Cairo', 'Asia/Kathmandu'];
    const instants = fc.integer({ min: Date.UTC(1990, 0), max: Date.UTC(2040, 0) });
    const units: readonly CalendarUnit[] = ['minute', 'hour', 'day', 'week', 'month'];
    fc.assert(
      fc.property(
        fc.constantFrom(...units),
        fc.constantFrom(...zones),
        instants,
        fc.double({ min: 0, max: 1, noNaN: true }),
        (unit, zone, now, share) => {
          const { start, end } = periodAt(unit, zone, now);
          expect(start <= now && now < end).toBe(true);
          expect(periodAt(unit, zone, start + Math.floor((end - start - 1) * share))).toEqual({ start, end });
          expect(periodAt(unit, zone, end).start).toBe(end);
          expect(periodAt(unit, zone, start - 1).end).toBe(start);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});
