import { applyD1Migrations, env, evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { AUDIT_START, type AuditEntry, type AuditEvent, type AuditPhase, verifyChain } from '../../core/ledger/audit.ts';
import { markOf, outcomeOf } from './audit-index.ts';
import { LedgerClient } from './client.ts';
import type { Ledger } from './ledger-object.ts';

/** Later than the machine's own clock: no alarm comes by itself. */
const NOW = Date.UTC(2040, 10, 21, 12);
const MINUTE = 60_000;

const at = (now: number) => vi.useFakeTimers({ now, toFake: ['Date'] });
const ledgerOf = (org: string) => ({ client: new LedgerClient(env.LEDGER, org), stub: env.LEDGER.getByName(org) });
const eventOf = (chain: string, change: string, phase: AuditPhase = 'intent', parts: Partial<AuditEvent> = {}): AuditEvent => ({
  ...{
    chain,
    actor: 'admin',
    action: 'key.create',
    subject: 'key_1',
    change,
    phase,
    detail: phase === 'intent' ? { to: { name: change } } : {},
  },
  ...parts,
});

/** All entries, oldest first, page by page. */
async function entriesOf(client: LedgerClient, limit = 1_000): Promise<readonly AuditEntry[]> {
  const entries: AuditEntry[] = [];
  for (;;) {
    const page = await client.auditAfter(entries.length, limit);
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}
const phasesOf = async (client: LedgerClient) => (await entriesOf(client)).map(({ actor, change, phase }) => `${actor} ${change} ${phase}`);
const rowsOf = async (org: string) =>
  (await env.DB.prepare('SELECT change, seq, actor, outcome FROM audit WHERE org = ? ORDER BY id').bind(org).all()).results;

beforeAll(() => applyD1Migrations(env.DB, env.TEST_MIGRATIONS));
afterEach(() => {
  vi.useRealTimers();
  vi.restoreAllMocks();
});

describe('the chain', { timeout: 60_000 }, () => {
  it('is one and whole, however many write at once', async () => {
    const { client, stub } = ledgerOf('org_audit');
    const write = (from: number) =>
      Promise.all(Array.from({ length: 50 }, (_, n) => client.audit(eventOf('org_audit', `chg_${from + n}`))));
    await write(0);
    await evictDurableObject(stub);
    await write(50);
    // Also within one turn of the object.
    await runInDurableObject(stub, async (object: Ledger) => {
      await Promise.all(['a', 'b', 'c'].map((change) => object.audit(JSON.stringify(eventOf('org_audit', change)), 'database')));
    });
    const entries = await entriesOf(client, 40);
    expect(entries).toHaveLength(103);
    expect(await verifyChain(entries)).toEqual({ whole: true, head: await client.auditHead() });
    expect(await new LedgerClient(env.LEDGER, 'org_no_audit').auditHead()).toEqual(AUDIT_START);
  });

  it('cannot be changed where it lies', async () => {
    const { client, stub } = ledgerOf('org_immutable');
    await client.audit(eventOf('org_immutable', 'c1'));
    for (const statement of ['UPDATE audit SET entry = 1', 'DELETE FROM audit']) {
      const changed = runInDurableObject(stub, (_object: Ledger, state) => void state.storage.sql.exec(statement));
      await expect(changed).rejects.toThrow('append-only');
    }
  });

  it('says each thing once, however often it is told, and no outcome of what was never begun', async () => {
    const { client } = ledgerOf('org_once');
    const first = await client.audit(eventOf('org_once', 'c1'));
    expect(await client.audit(eventOf('org_once', 'c1', 'intent', { actor: 'other' }))).toEqual(first);
    const ended = await client.audit(eventOf('org_once', 'c1', 'failed'));
    expect(await client.audit(eventOf('org_once', 'c1', 'done'))).toEqual(ended);
    await expect(client.audit(eventOf('org_once', 'c2', 'done'))).rejects.toMatchObject({ code: 'overloaded' });
    expect(await phasesOf(client)).toEqual(['admin c1 intent', 'admin c1 failed']);
  });

  it('is whole after the object was killed in the midst of writing', async () => {
    const { client, stub } = ledgerOf('org_killed');
    for (let round = 0; round < 5; round++) {
      const writes = Array.from({ length: 20 }, (_, n) => client.audit(eventOf('org_killed', `chg_${round}_${n}`)).catch(() => undefined));
      await runInDurableObject(stub, (_object: Ledger, state) => state.abort('killed')).catch(() => undefined);
      const told = (await Promise.all(writes)).filter((entry) => entry !== undefined);
      const entries = await entriesOf(client);
      expect(await verifyChain(entries)).toEqual({ whole: true, head: await client.auditHead() });
      // What was acknowledged is there.
      for (const entry of told) expect(entries[entry.seq - 1]).toEqual(entry);
    }
  });
});

describe('a change of which nobody says how it ended', () => {
  const begun = async (org: string, change: string, place: 'database' | 'elsewhere' = 'database') => {
    at(NOW);
    return ledgerOf(org).client.audit(eventOf(org, change), place);
  };
  const aMinuteLater = async (org: string) => {
    at(NOW + MINUTE);
    expect(await runDurableObjectAlarm(ledgerOf(org).stub)).toBe(true);
  };

  it('is given up where the database knows nothing of it, and can never be made any more', async () => {
    const { client } = ledgerOf('org_lost');
    const intent = await begun('org_lost', 'lost_1');
    await aMinuteLater('org_lost');
    expect(await phasesOf(client)).toEqual(['admin lost_1 intent', 'ledger lost_1 failed']);
    expect(await rowsOf('org_lost')).toEqual([{ change: 'lost_1', seq: 1, actor: 'admin', outcome: 'failed' }]);
    const late = env.DB.prepare("INSERT INTO audit (change, at, actor, action, detail) VALUES (?, 1, 'x', 'x', '{}')").bind('lost_1').run();
    await expect(late).rejects.toThrow('UNIQUE');
    expect(await outcomeOf(env.DB, markOf(intent))).toBe('failed');
  });

  it('is done where its row is there', async () => {
    const { client } = ledgerOf('org_made');
    const intent = await begun('org_made', 'made_1');
    await env.DB.prepare("INSERT INTO audit (change, seq, at, actor, action, detail, org) VALUES (?, 1, 1, 'admin', 'x', '{}', 'org_made')")
      .bind(intent.change)
      .run();
    await aMinuteLater('org_made');
    expect(await phasesOf(client)).toEqual(['admin made_1 intent', 'ledger made_1 done']);
    expect(await rowsOf('org_made')).toHaveLength(1);
  });

  it('is not known where it was made elsewhere', async () => {
    const { client } = ledgerOf('org_elsewhere');
    await begun('org_elsewhere', 'else_1', 'elsewhere');
    await aMinuteLater('org_elsewhere');
    expect(await phasesOf(client)).toEqual(['admin else_1 intent', 'ledger else_1 unknown']);
    expect(await rowsOf('org_elsewhere')).toMatchObject([{ change: 'else_1', outcome: 'unknown' }]);
  });

  it('is looked up again where the database does not answer, and is left alone before its time', async () => {
    const { client, stub } = ledgerOf('org_down');
    const errors = vi.spyOn(console, 'error').mockReturnValue();
    await begun('org_down', 'down_1');
    at(NOW + MINUTE - 1_000);
    await runDurableObjectAlarm(stub);
    expect(await phasesOf(client)).toHaveLength(1);
    await env.DB.prepare('ALTER TABLE audit RENAME TO elsewhere').run();
    await aMinuteLater('org_down');
    await env.DB.prepare('ALTER TABLE elsewhere RENAME TO audit').run();
    expect(errors).toHaveBeenCalledOnce();
    expect(await phasesOf(client)).toHaveLength(1);
    at(NOW + 2 * MINUTE);
    expect(await runDurableObjectAlarm(stub)).toBe(true);
    expect(await phasesOf(client)).toEqual(['admin down_1 intent', 'ledger down_1 failed']);
    expect(await runInDurableObject(stub, (_object: Ledger, state) => state.storage.getAlarm())).toBeNull();
  });
});
