import { env, evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { expect, it } from 'vitest';
import { LedgerClient } from './client.ts';
import type { Ledger } from './ledger-object.ts';
import { RunSteps } from './run-steps.ts';

const DAY = 86_400_000;

it('remembers what a run has done, of each run by itself, also when the object was unloaded', async () => {
  const client = new LedgerClient(env.LEDGER, 'org_steps');
  expect(await client.stepsMade('run:a/1', ['build', 'test'])).toEqual([]);
  await client.noteSteps('run:a/1', ['build']);
  await client.noteSteps('run:a/1', ['build', 'other']);
  await client.noteSteps('run:a/2', ['test']);
  expect(await client.stepsMade('run:a/1', ['build', 'test'])).toEqual(['build']);
  await evictDurableObject(env.LEDGER.getByName('org_steps'));
  expect(await client.stepsMade('run:a/1', ['build', 'test'])).toEqual(['build']);
  expect(await client.stepsMade('run:a/2', ['build', 'test'])).toEqual(['test']);
  expect(await new LedgerClient(env.LEDGER, 'org_steps_other').stepsMade('run:a/1', ['build'])).toEqual([]);
});

it('forgets after seven days, and the oldest where there are too many', async () => {
  const stub = env.LEDGER.getByName('org_steps_old');
  await runInDurableObject(stub, (_object: Ledger, state) => {
    const steps = new RunSteps(state.storage.sql);
    steps.note('run', ['old'], 0);
    expect(steps.made('run', ['old'], 7 * DAY - 1)).toEqual(['old']);
    expect(steps.made('run', ['old'], 7 * DAY)).toEqual([]);
    steps.note('run', ['new'], 7 * DAY);
    steps.forget(7 * DAY);
    const count = () => [...state.storage.sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM run_steps')][0]?.n;
    expect(count()).toBe(1);
    state.storage.sql.exec(
      `INSERT INTO run_steps (run, step, at) WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100100)
       SELECT 'many', CAST(i AS TEXT), ${7 * DAY} + i FROM n`,
    );
    steps.forget(7 * DAY);
    expect(count()).toBe(100_000);
    expect(steps.made('many', ['1', '101', '100100'], 7 * DAY)).toEqual(['100100', '101']);
  });
});
