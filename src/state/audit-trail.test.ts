import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { GatewayError } from '../core/errors.ts';
import { type AuditEvent, DEPLOYMENT_CHAIN } from '../core/ledger/audit.ts';
import { AuditTrail } from './audit-trail.ts';
import { FakeChains } from './fake-audit.ts';
import type { AuditMark } from './ledger/audit-index.ts';

const { DB: db } = env;

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const change = { action: 'thing.change', subject: 'thing_1', org: 'org_1', detail: { to: 2 } };
const told = (chains: FakeChains, chain = 'org_1') => chains.of(chain).map(({ phase, detail }) => [phase, detail]);
const rows = async () => (await db.prepare('SELECT actor, action, subject, org, outcome FROM audit ORDER BY id').all()).results;
const row = { actor: 'ann', action: 'thing.change', subject: 'thing_1', org: 'org_1' };

/** What a change writes with itself. */
const insert = ({ change: id, seq, at, actor, action, subject, org, detail }: AuditMark) =>
  db
    .prepare('INSERT INTO audit (change, seq, at, actor, action, subject, org, detail) VALUES (?, ?, ?, ?, ?, ?, ?, ?)')
    .bind(id, seq, at, actor, action, subject, org, JSON.stringify(detail))
    .run();

function trail(refuses: (event: AuditEvent) => boolean = () => false, database: D1Database = db) {
  const chains = new FakeChains(() => 7);
  chains.before = (event) => {
    if (refuses(event)) throw new Error('the ledger is away');
  };
  const log = vi.fn();
  return { chains, log, trail: new AuditTrail({ db: database, chain: chains.chain, actor: 'ann', log }) };
}

describe('a change of the database', () => {
  it('is begun, made and told, in this order', async () => {
    const { chains, trail: own } = trail();
    const result = await own.inDatabase(change, async (mark) => {
      expect(told(chains)).toEqual([['intent', { to: 2 }]]);
      expect(mark).toMatchObject({ ...row, seq: 1, at: 7, detail: { to: 2 } });
      await insert(mark);
      return 'made';
    });
    expect(result).toBe('made');
    expect(told(chains)).toEqual([
      ['intent', { to: 2 }],
      ['done', { intent: 1 }],
    ]);
    expect(await rows()).toEqual([{ ...row, outcome: 'done' }]);
  });

  it('is not made where it cannot be begun', async () => {
    const { chains, trail: own } = trail(() => true);
    const apply = vi.fn();
    await expect(own.inDatabase(change, apply)).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    await expect(own.elsewhere(change, apply)).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    expect(apply).not.toHaveBeenCalled();
    expect(told(chains)).toEqual([]);
    expect(await rows()).toEqual([]);
  });

  it('that is refused is told as failed, with the code of why', async () => {
    const { chains, trail: own } = trail();
    const refused = own.inDatabase(change, () => Promise.reject(new GatewayError('conflict', 'x')));
    await expect(refused).rejects.toMatchObject({ code: 'conflict' });
    expect(told(chains)).toEqual([
      ['intent', { to: 2 }],
      ['failed', { intent: 1, code: 'conflict' }],
    ]);
    expect(await rows()).toEqual([{ ...row, outcome: 'failed' }]);
  });

  it('of which only the answer was lost is told as done', async () => {
    const { chains, trail: own } = trail();
    const lost = own.inDatabase(change, async (mark) => {
      await insert(mark);
      throw new Error('the network is away');
    });
    await expect(lost).rejects.toThrow('the network is away');
    expect(told(chains).at(-1)).toEqual(['done', { intent: 1 }]);
    expect(await rows()).toEqual([{ ...row, outcome: 'done' }]);
  });

  it('that was given up cannot be made any more', async () => {
    const { trail: own } = trail();
    let late: AuditMark | undefined;
    const failed = own.inDatabase(change, (mark) => {
      late = mark;
      return Promise.reject(new Error('no answer'));
    });
    await expect(failed).rejects.toThrow('no answer');
    if (late === undefined) throw new Error('no mark');
    await expect(insert(late)).rejects.toThrow('UNIQUE');
  });

  it('is left to the ledger where nobody can tell how it ended', async () => {
    const away = { batch: () => Promise.reject(new Error('D1 is away')), prepare: db.prepare.bind(db) } as unknown as D1Database;
    const { chains, log, trail: own } = trail(undefined, away);
    await expect(own.inDatabase(change, () => Promise.reject(new Error('D1 is away')))).rejects.toThrow('D1 is away');
    expect(told(chains)).toEqual([['intent', { to: 2 }]]);
    expect(log).toHaveBeenCalledOnce();
    const second = trail(({ phase }) => phase === 'done');
    await second.trail.inDatabase(change, insert);
    expect(told(second.chains)).toEqual([['intent', { to: 2 }]]);
    expect(second.log).toHaveBeenCalledOnce();
  });

  it('of much is told by its digest, with all of it in the index', async () => {
    const { chains, trail: own } = trail();
    const detail = { text: 'x'.repeat(40_000) };
    await own.inDatabase({ ...change, org: undefined, detail }, insert);
    expect(told(chains, DEPLOYMENT_CHAIN)[0]).toEqual(['intent', { digest: expect.stringMatching(/^[0-9a-f]{64}$/), length: 40_011 }]);
    expect(await db.prepare('SELECT detail FROM audit').first('detail')).toBe(JSON.stringify(detail));
  });
});

describe('a change of anything else', () => {
  it.each([
    ['done', undefined],
    ['failed', new GatewayError('not_found', 'x')],
    ['unknown', new GatewayError('overloaded', 'x')],
    ['unknown', new Error('x')],
  ] as const)('is told as %s, in the chain and the index', async (outcome, thrown) => {
    const { chains, trail: own } = trail();
    const made = own.elsewhere(change, () => (thrown === undefined ? Promise.resolve(1) : Promise.reject(thrown)));
    if (thrown === undefined) expect(await made).toBe(1);
    else await expect(made).rejects.toBe(thrown);
    expect(told(chains).map(([phase]) => phase)).toEqual(['intent', outcome]);
    expect(await rows()).toEqual([{ ...row, outcome }]);
  });
});
