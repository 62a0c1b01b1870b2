import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RequestRecord } from '../core/ports.ts';
import { BatchedJournal } from './journal.ts';

beforeEach(() => {
  vi.useFakeTimers();
  vi.spyOn(console, 'error').mockImplementation(() => undefined);
});
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

const row = (id: number): RequestRecord => ({
  id: String(id),
  startedAt: 0,
  durationMs: 0,
  route: 'llm',
  status: 'complete',
  httpStatus: 200,
  stream: false,
  attempts: 1,
});

/** A journal whose database does what the test says; `written` holds the ids of each batch, `drops` what was counted with it. */
function journal() {
  let now = 0;
  const written: string[][] = [];
  const drops: number[] = [];
  let database = async (): Promise<void> => undefined;
  const batched = new BatchedJournal(
    async (rows, dropped) => {
      await database();
      written.push(rows.map(({ id }) => id));
      drops.push(dropped);
    },
    { now: () => now },
  );
  const flushes: Promise<unknown>[] = [];
  const record = (...ids: number[]) => {
    for (const id of ids) batched.for((work) => flushes.push(work)).record(row(id));
  };
  return {
    written,
    drops,
    flushes,
    record,
    database: (does: () => Promise<void>) => {
      database = does;
    },
    pass: async (milliseconds: number) => {
      now += milliseconds;
      await vi.advanceTimersByTimeAsync(milliseconds);
    },
  };
}

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + at);

describe('the journal', () => {
  it('gathers for half a second and writes in one batch, which one request waits for', async () => {
    const { record, pass, written, flushes } = journal();
    record(1, 2);
    await pass(400);
    record(3);
    expect(written).toEqual([]);
    await pass(100);
    expect(written).toEqual([['1', '2', '3']]);
    expect(flushes).toHaveLength(1);
    record(4);
    await pass(500);
    expect(written).toHaveLength(2);
    expect(flushes).toHaveLength(2);
  });

  it('writes no more than 250 rows at once', async () => {
    const { record, pass, written } = journal();
    record(...numbers(0, 600));
    await pass(500);
    expect(written.map(({ length }) => length)).toEqual([250, 250, 100]);
  });

  it('holds rows while the database fails, and writes them in their order', async () => {
    const { record, pass, written, drops, database } = journal();
    database(() => Promise.reject(new Error('down')));
    record(1);
    await pass(500);
    record(2);
    await pass(500);
    expect(written).toEqual([]);
    database(async () => undefined);
    record(3);
    await pass(500);
    expect(written).toEqual([['1', '2', '3']]);
    expect(drops).toEqual([0]);
  });

  it('drops the oldest rows beyond its room and counts them with the next that are written', async () => {
    const { record, pass, written, drops, database } = journal();
    database(() => Promise.reject(new Error('down')));
    record(...numbers(0, 5_007));
    await pass(500);
    database(async () => undefined);
    record(5_007);
    await pass(500);
    expect(written.flat()).toEqual(numbers(8, 5_000).map(String));
    expect(drops.reduce((sum, each) => sum + each, 0)).toBe(8);
    expect(drops[0]).toBe(8);
  });

  it('sends again what a flush had in its hands that never ended', async () => {
    const { record, pass, written, database } = journal();
    let arrive = (): void => undefined;
    database(() => new Promise((resolve) => (arrive = resolve)));
    record(1);
    await pass(500);
    database(async () => undefined);
    record(2);
    await pass(14_000);
    expect(written).toEqual([]);
    await pass(1_000);
    record(3);
    await pass(500);
    expect(written).toEqual([['1', '2', '3']]);
    // The first one was only slow: it must not take what belongs to the next one.
    arrive();
    record(4);
    await pass(1);
    expect(written.slice(1)).toEqual([['1']]);
    await pass(499);
    expect(written.slice(1)).toEqual([['1'], ['4']]);
  });
});
