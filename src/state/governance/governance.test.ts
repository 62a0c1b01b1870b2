import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import fc from 'fast-check';
import { beforeEach, describe, expect, it } from 'vitest';
import { fakePorts } from '../../core/fakes.ts';
import type { ApprovalAsk, SeenTool } from '../../core/governance.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Announce } from './announce.ts';
import { MOST_WAITING, TableApprovals } from './approvals.ts';
import { ChainedCallAudit } from './call-audit.ts';
import { FRESH, TablePins } from './pins.ts';

const { DB: db } = env;

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const ids = () => {
  let next = 0;
  const own = crypto.randomUUID().slice(0, 8);
  return () => `${own}${(next++).toString().padStart(4, '0')}`;
};

describe('pins', () => {
  const place = { route: 'team', source: 'files' };
  const tool = (name: string, digest = 'a', flags: SeenTool['flags'] = []): SeenTool => ({
    name,
    digest,
    definition: { name, digest },
    flags,
  });
  const first = { isWhole: true, trust: 'first', holdsHidden: true, by: 'org_1' } as const;
  const later = { ...first, isWhole: false };
  const statuses = (book: ReadonlyMap<string, { readonly status: string }> | undefined) =>
    Object.fromEntries([...(book ?? [])].map(([name, { status }]) => [name, status]));

  function isolate(announce?: Announce) {
    const { clock } = fakePorts();
    return { pins: new TablePins(db, clock, ids(), announce), clock };
  }

  it('knows nothing of a source that was never read', async () => {
    const { pins } = isolate();
    expect(await pins.read(place)).toBeUndefined();
    expect(statuses(await pins.see(place, { ...first, tools: [] }))).toEqual({});
    expect(await pins.read(place)).toEqual(new Map());
  });

  it('trusts one first reading, of whichever isolate is first, and its own places alone', async () => {
    const two = [isolate().pins, isolate().pins];
    const [a, b] = await Promise.all([
      two[0]?.see(place, { ...first, tools: [tool('x'), tool('only-a')] }),
      two[1]?.see(place, { ...first, tools: [tool('x'), tool('only-b')] }),
    ]);
    expect([a?.get('x')?.status, b?.get('x')?.status]).toEqual(['approved', 'approved']);
    const { pins } = isolate();
    const book = statuses(await pins.read(place));
    expect(Object.values(book).sort()).toEqual(['approved', 'approved', 'pending']);
    for (const elsewhere of [
      { ...place, org: 'org_1' },
      { ...place, source: 'other' },
      { ...place, route: 'other' },
    ]) {
      expect(await pins.read(elsewhere)).toBeUndefined();
    }
  });

  it('holds back what hides something, what comes later, and everything where nothing is trusted', async () => {
    const { pins } = isolate();
    const flags = [{ at: '/description', kind: 'tags', count: 1 }] as const;
    expect(statuses(await pins.see(place, { ...first, tools: [tool('a'), tool('b', 'b', flags)] }))).toEqual({
      a: 'approved',
      b: 'pending',
    });
    expect(statuses(await pins.see(place, { ...later, tools: [tool('c')] }))).toEqual({ a: 'approved', b: 'pending', c: 'pending' });
    expect(statuses(await pins.see({ ...place, source: 's2' }, { ...first, trust: 'none', tools: [tool('a')] }))).toEqual({ a: 'pending' });
    const s3 = { ...place, source: 's3' };
    const all = { ...first, trust: 'all', holdsHidden: false } as const;
    expect(statuses(await pins.see(s3, { ...all, tools: [tool('b', 'b', flags)] }))).toEqual({ b: 'approved' });
  });

  it('never lets what was seen become what was approved, whatever is seen, in whatever order', async () => {
    const digest = fc.constantFrom('a', 'b', 'c');
    let round = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.constantFrom('x', 'y'), digest), { minLength: 1, maxLength: 8 }), async (sights) => {
        const { pins } = isolate();
        const own = { ...place, source: `s${round++}` };
        await pins.see(own, { ...first, tools: [tool('x', 'a')] });
        let hasMoved = false;
        for (const [name, seen] of sights) {
          const book = await pins.see(own, { ...later, tools: [tool(name, seen)] });
          hasMoved ||= name === 'x' && seen !== 'a';
          expect(book.get('x')).toMatchObject({ approved: 'a', status: hasMoved ? 'changed' : 'approved' });
          expect(book.get('y')?.status ?? 'pending').toBe('pending');
        }
      }),
      { numRuns: 25 },
    );
  });

  it('tells of each tool once that may not be used any more, or not yet, whoever sees it at the same moment', async () => {
    const told: [string, string, JsonObject][] = [];
    const announce: Announce = async (event, org, data) => void told.push([event, org, data]);
    const named = () => told.splice(0).map(([, , { tools }]) => (tools as JsonObject[]).map(({ name, status }) => `${name} ${status}`));
    const [a, b] = [isolate(announce).pins, isolate(announce).pins];
    await a.see(place, { ...first, tools: [tool('x'), tool('y')] });
    expect(told).toEqual([]);
    const changed = { ...later, tools: [tool('x', 'b'), tool('new'), tool('y')] };
    await Promise.all([a.see(place, changed), b.see(place, changed), a.see(place, changed)]);
    expect(told.map(([event, org, { place: where, count }]) => [event, org, where, count])).toEqual([
      ['tool.quarantined', 'org_1', { org: null, ...place }, 2],
    ]);
    expect(named()).toEqual([['x changed', 'new pending']]);
    // Neither a third face nor the first one again is news.
    await a.see(place, { ...later, tools: [tool('x', 'c'), tool('new', 'c')] });
    await a.see(place, { ...later, tools: [tool('x')] });
    expect(told).toEqual([]);
    await a.see(place, { ...later, tools: Array.from({ length: 3_000 }, (_, at) => tool(`t${at}`)) });
    expect([told[0]?.[2].count, named()[0]?.length, told.length]).toEqual([3_000, 20, 0]);
  });

  it('goes by what it has read for some seconds, and a minute where the database is away', async () => {
    const { pins, clock } = isolate();
    await pins.see(place, { ...first, tools: [tool('a')] });
    await db.prepare("UPDATE mcp_tools SET status = 'rejected'").run();
    expect(statuses(await pins.read(place))).toEqual({ a: 'approved' });
    clock.advance(FRESH);
    expect(statuses(await pins.read(place))).toEqual({ a: 'rejected' });
    await db.prepare('DROP TABLE mcp_tools').run();
    clock.advance(59_000);
    expect(statuses(await pins.read(place))).toEqual({ a: 'rejected' });
    clock.advance(2_000);
    await expect(pins.read(place)).rejects.toMatchObject({ code: 'overloaded' });
    await expect(pins.see(place, { ...later, tools: [tool('b')] })).rejects.toMatchObject({ code: 'overloaded' });
  });

  it('takes 5,000 tools at once, and not more than there may be', { timeout: 60_000 }, async () => {
    const { pins } = isolate();
    const many = Array.from({ length: 5_000 }, (_, at) => ({ ...tool(`tool-${at}`), definition: { description: 'x'.repeat(300) } }));
    const began = performance.now();
    const book = await pins.see(place, { ...first, tools: many });
    console.info(`5,000 tools noted in ${Math.round(performance.now() - began)} ms`);
    expect([...book.values()].filter(({ status }) => status === 'approved').length).toBe(5_000);
    for (let turn = 0; turn < 3; turn++) {
      await pins.see(place, { ...later, tools: Array.from({ length: 5_000 }, (_, at) => tool(`more-${turn}-${at}`)) });
    }
    const { total } = (await db.prepare('SELECT COUNT(*) AS total FROM mcp_tools').first<{ total: number }>()) ?? { total: 0 };
    expect(total).toBe(10_000);
    expect((await pins.see(place, { ...later, tools: [tool('tool-0', 'changed')] })).get('tool-0')?.status).toBe('changed');
  });

  it('keeps no definition that is too large to be looked at, and what it was all the same', async () => {
    const { pins } = isolate();
    await pins.see(place, { ...first, tools: [{ ...tool('a'), definition: { description: 'x'.repeat(200_000) } }] });
    const row = await db.prepare('SELECT approved, approved_digest FROM mcp_tools').first();
    expect(row).toEqual({ approved: null, approved_digest: 'a' });
  });
});

describe('approvals', () => {
  const ask: ApprovalAsk = {
    ...{ org: 'org_1', team: 'team_1', app: 'app_1', keyId: 'key_1', route: 'team', source: 'files', tool: 'delete' },
    ...{ call: 'call-1', digest: 'd', preview: '{}', ttl: 60_000 },
  };
  const decide = (id: string, status: string, now: number) =>
    db
      .prepare('UPDATE mcp_approvals SET status = ?, decided_at = ?, expires_at = ? WHERE id = ?')
      .bind(status, now, now + 60_000, id)
      .run();

  function isolate() {
    const { clock } = fakePorts();
    return { approvals: new TableApprovals(db, clock, ids()), clock };
  }

  it('is one question however often it is asked, and one yes is one call of whoever comes first', async () => {
    const { approvals, clock } = isolate();
    const asked = await Promise.all(Array.from({ length: 10 }, () => approvals.ask(ask)));
    const [{ id } = { id: '' }] = asked;
    expect(asked).toEqual(asked.map(() => ({ id, status: 'pending' })));
    await decide(id, 'approved', clock.now());
    const took = await Promise.all(
      Array.from({ length: 20 }, (_, at) => (at % 2 === 0 ? isolate().approvals.ask(ask) : isolate().approvals.look(id))),
    );
    expect(took.filter(({ status }) => status === 'granted')).toEqual([{ id, status: 'granted', claim: expect.stringMatching(/./) }]);
    expect(await approvals.look(id)).toEqual({ id, status: 'used' });
    expect((await approvals.ask(ask)).id).not.toBe(id);
  });

  it('lets a call go on that its server has interrupted, each time once', async () => {
    const { approvals, clock } = isolate();
    const { id } = await approvals.ask(ask);
    expect(await approvals.goOn(id, '')).toEqual({ id, status: 'pending' });
    await decide(id, 'approved', clock.now());
    const { claim = '' } = await approvals.look(id);
    const went = await Promise.all(Array.from({ length: 10 }, () => isolate().approvals.goOn(id, claim)));
    expect(went.filter(({ status }) => status === 'granted')).toHaveLength(1);
    const next = went.find(({ status }) => status === 'granted')?.claim ?? '';
    expect((await approvals.goOn(id, claim)).status).toBe('used');
    expect((await approvals.goOn(id, next)).status).toBe('granted');
    expect((await approvals.goOn('apr_nothing', next)).status).toBe('expired');
  });

  it('is of one call, and of no other', async () => {
    const { approvals, clock } = isolate();
    const { id } = await approvals.ask(ask);
    await decide(id, 'approved', clock.now());
    expect((await approvals.ask({ ...ask, call: 'call-2' })).status).toBe('pending');
    expect((await approvals.ask(ask)).status).toBe('granted');
  });

  it('is over when its time is, and no is no until then', async () => {
    const { approvals, clock } = isolate();
    const { id } = await approvals.ask(ask);
    await db.prepare("UPDATE mcp_approvals SET status = 'denied', reason = 'no' WHERE id = ?").bind(id).run();
    expect(await approvals.ask(ask)).toEqual({ id, status: 'denied', reason: 'no' });
    clock.advance(60_000);
    const again = await approvals.ask(ask);
    expect([again.status, again.id === id]).toEqual(['pending', false]);
    clock.advance(60_000);
    expect(await approvals.look(again.id)).toEqual({ id: again.id, status: 'expired' });
    await db.prepare("UPDATE mcp_approvals SET status = 'approved' WHERE id = ?").bind(again.id).run();
    expect(await approvals.look(again.id)).toEqual({ id: again.id, status: 'expired' });
    expect((await approvals.ask(ask)).status).toBe('pending');
  });

  it('is refused where an organisation has too many, and no other organisation notices', async () => {
    const { approvals, clock } = isolate();
    await approvals.ask(ask);
    await Promise.all(Array.from({ length: MOST_WAITING - 1 }, (_, at) => approvals.ask({ ...ask, call: `c${at}` })));
    await expect(approvals.ask({ ...ask, call: 'one-more' })).rejects.toMatchObject({ code: 'rate_limited' });
    expect((await approvals.ask(ask)).status).toBe('pending');
    expect((await approvals.ask({ ...ask, org: 'org_2', call: 'one-more' })).status).toBe('pending');
    clock.advance(60_000);
    expect((await approvals.ask({ ...ask, call: 'one-more' })).status).toBe('pending');
  });

  it('is forgotten after ninety days', async () => {
    const { approvals, clock } = isolate();
    await approvals.ask(ask);
    clock.advance(91 * 86_400_000);
    await approvals.ask({ ...ask, call: 'call-2' });
    const { results } = await db.prepare('SELECT call FROM mcp_approvals').all();
    expect(results).toEqual([{ call: 'call-2' }]);
  });

  it('is refused where nobody can be asked', async () => {
    const { approvals } = isolate();
    await db.prepare('DROP TABLE mcp_approvals').run();
    await expect(approvals.ask(ask)).rejects.toMatchObject({ code: 'overloaded' });
    await expect(approvals.look('apr_1')).rejects.toMatchObject({ code: 'overloaded' });
  });
});

describe('the audit of calls', () => {
  it('lets nothing be called where the chain does not answer, and tells the log what it lost', async () => {
    const { clock } = fakePorts();
    let isAway = false;
    let heads = 0;
    const lost: string[] = [];
    const answer = <T>(value: T) => (isAway ? Promise.reject(new Error('away')) : Promise.resolve(value));
    const chain = { auditWhole: () => answer({} as never), auditHead: () => answer({ seq: heads++, hash: '' }) };
    const audit = new ChainedCallAudit(
      () => chain,
      clock,
      (message) => void lost.push(message),
    );
    const entry = { org: 'org_1', actor: 'key_1', tool: 'fs__delete', isDone: true, detail: { outcome: 'complete' } };
    await audit.ready('org_1');
    await audit.note(entry);
    await audit.ready('org_1');
    expect([heads, lost]).toEqual([1, []]);
    isAway = true;
    await audit.note(entry);
    expect(lost).toEqual([expect.stringContaining('fs__delete')]);
    await expect(audit.ready('org_1')).rejects.toMatchObject({ code: 'overloaded', message: expect.stringContaining('not called') });
    isAway = false;
    await audit.ready('org_1');
    isAway = true;
    clock.advance(10_000);
    await expect(audit.ready('org_1')).rejects.toMatchObject({ code: 'overloaded' });
  });
});
