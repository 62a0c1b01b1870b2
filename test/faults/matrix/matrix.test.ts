import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { admin, type GatewayProcess, startProcess } from '../../ledger/gateway-process.ts';
import { type BreakingVendor, startBreakingVendor } from '../../upstream/breaking-vendor.ts';
import { type Account, accountOf, leftOpen, mischarged } from './account.ts';
import { cases, faults, ways } from './cases.ts';
import { faultsOf, wordsOf } from './judge.ts';
import { configOf, type Key, makeKey, type Outcome, runAll, scriptsOf } from './run.ts';

// Every way in which an upstream fails, before every dialect. The calls are made once, many at the same time, by a key
// with limits; then each case is looked at, and the account of all of them.

let stateDir: string;
let gateway: GatewayProcess;
let vendor: BreakingVendor;
let key: Key;
let outcomes: ReadonlyMap<number, Outcome>;
let account: Account;

beforeAll(async () => {
  stateDir = await mkdtemp(path.join(tmpdir(), 'weir-matrix-'));
  [gateway, vendor] = await Promise.all([startProcess(stateDir), startBreakingVendor(scriptsOf(faults))]);
  await admin(gateway.url, 'PUT', '/config', configOf(cases, vendor));
  key = await makeKey(gateway);
  outcomes = await runAll(cases, gateway, key);
  account = await accountOf(stateDir, key, cases.length);
}, 240_000);
afterAll(async () => {
  await gateway?.stop();
  await vendor?.close();
  await rm(stateDir, { recursive: true, force: true });
}, 60_000);

describe('the table', () => {
  it('has every dialect, and cases enough', () => {
    expect(new Set(ways.map(({ reader }) => reader.dialect)).size).toBe(5);
    expect(cases.length).toBeGreaterThanOrEqual(800);
  });
});

describe('an upstream that fails', () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', (_name, each) => {
    const outcome = outcomes.get(each.number);
    const wrong = [...faultsOf(each, outcome, vendor.journal)];
    if (outcome !== undefined)
      wrong.push(...mischarged(each, outcome, account, wordsOf(each, outcome)), ...leftOpen(each, outcome, vendor.journal));
    expect(wrong, wrong.join('; ')).toEqual([]);
  });
});

describe('the account of all of it', () => {
  it('has one row for each call, and holds nothing any more', () => {
    expect([...account.rows.values()].flat()).toHaveLength(cases.length);
    expect({ holds: account.holds, reserved: account.reserved }).toEqual({ holds: 0, reserved: 0 });
  });

  it('adds up: what its rows cost is what the limit has counted', () => {
    const sum = [...account.rows.values()].flat().reduce((total, { cost }) => total + (cost ?? 0), 0);
    expect(sum).toBeGreaterThan(0);
    expect(account.spent).toBe(sum);
  });
});
