import { applyD1Migrations, reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { fakeRolls as rolls } from '../config/fake-rolls.ts';
import { PlanSource } from '../config/load.ts';
import { isObject } from '../core/json.ts';
import { type AuditEntry, DEPLOYMENT_CHAIN, verifyChain } from '../core/ledger/audit.ts';
import { verifyFile } from '../core/ledger/audit-file.ts';
import type { Ledger } from '../state/ledger/ledger-object.ts';
import { systemClock } from '../state/ports.ts';
import { revisionReader } from '../state/revisions.ts';
import { adminApp } from './app.ts';
import { call, cases, contents, entriesOf, family, HARMLESS, ledgerOf } from './fake-writes.ts';

// Through the Worker as it is deployed, with the database and the ledgers that it has.

const { DB: db } = env;

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

afterEach(() => {
  vi.useRealTimers();
});

/** Every route that writes, as the API describes itself. */
async function writes(): Promise<readonly string[]> {
  const { paths } = (await call('GET', '/openapi.json')).body;
  return Object.entries(isObject(paths) ? paths : {}).flatMap(([path, methods]) =>
    Object.keys(isObject(methods) ? methods : {}).flatMap((method) => (method === 'get' ? [] : [`${method.toUpperCase()} ${path}`])),
  );
}

const spoil = (chain: string, statement: string) =>
  runInDurableObject(env.LEDGER.getByName(chain), (_object: Ledger, state) => void state.storage.sql.exec(statement));
const BREAK = "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(ABORT, 'disk full'); END";

const phases = (entries: readonly AuditEntry[]) => entries.map(({ actor, action, phase }) => `${actor} ${action} ${phase}`);

describe('every write', { timeout: 60_000 }, () => {
  it('of the admin API stands here', async () => {
    expect((await writes()).toSorted()).toEqual([...Object.keys(cases), ...HARMLESS].toSorted());
  });

  it.each(Object.entries(cases))('%s is in the chain, by whom and to what, and in the index', async (route, prepare) => {
    const made = await family();
    const { path, body, chain, action, subject } = await prepare(made);
    const before = chain === undefined ? [] : await entriesOf(chain);
    const answer = await call(route.split(' ')[0] ?? '', path, body);
    expect(answer.status).toBeLessThan(300);
    const own = chain ?? String(answer.body.id);
    const entries = await entriesOf(own);
    expect(await verifyChain(entries)).toMatchObject({ whole: true });
    const [intent, outcome, ...more] = entries.slice(before.length);
    const said = { chain: own, actor: 'admin-token', action, subject: subject ?? answer.body.id };
    expect(intent).toMatchObject({ ...said, phase: 'intent' });
    expect(outcome).toMatchObject({ ...said, phase: 'done', change: intent?.change, detail: { intent: intent?.seq } });
    expect(more).toEqual([]);
    const listed = await call('GET', `/audit?limit=1&action=${action}`);
    expect(listed.body.items).toMatchObject([
      {
        ...{ actor: 'admin-token', action, subject: said.subject, outcome: 'done', change: intent?.change, seq: intent?.seq },
        org: own === DEPLOYMENT_CHAIN ? null : own,
      },
    ]);
  });

  it.each(Object.entries(cases).filter(([route]) => route !== 'POST /orgs'))(
    '%s does nothing where the chain cannot be written',
    async (route, prepare) => {
      const made = await family();
      const { path, body, chain = '' } = await prepare(made);
      const before = await contents(chain);
      await spoil(chain, BREAK);
      const answer = await call(route.split(' ')[0] ?? '', path, body);
      expect(answer).toMatchObject({ status: 503, body: { code: 'overloaded', detail: expect.stringContaining('nothing was changed') } });
      expect(await contents(chain)).toEqual(before);
      await spoil(chain, 'DROP TRIGGER broken');
      expect((await call(route.split(' ')[0] ?? '', path, body)).status).toBeLessThan(300);
      expect(await contents(chain)).not.toEqual(before);
    },
  );

  it('makes no organisation whose chain cannot begin', async () => {
    const planSource = new PlanSource({ bundled: {}, local: true, rolls, clock: systemClock, revisions: revisionReader(db) });
    const ledger = (org: string) => Object.assign(ledgerOf(org), { audit: () => Promise.reject(new Error('away')) });
    const before = await contents('org_dev');
    const app = adminApp({ db, planSource, rolls, token: 't', clock: systemClock, ledger });
    const request = { method: 'POST', headers: { authorization: 'Bearer t' }, body: '{"name":"new"}' };
    expect((await app.request('http://gateway/orgs', request)).status).toBe(503);
    expect(await contents('org_dev')).toEqual(before);
    expect((await adminApp({ db, planSource, rolls, token: 't', clock: systemClock }).request('http://gateway/orgs', request)).status).toBe(
      501,
    );
    expect(await contents('org_dev')).toEqual(before);
  });

  it('that fails is followed by what says so, and changes nothing', async () => {
    const { org, team } = await family();
    const before = await contents(org);
    const { length } = await entriesOf(org);
    expect(await call('POST', '/teams', { name: 'red', org })).toMatchObject({ status: 409 });
    await db.prepare("CREATE TRIGGER full BEFORE UPDATE ON teams BEGIN SELECT RAISE(ABORT, 'disk full'); END").run();
    expect(await call('PATCH', `/teams/${team}`, { disabled: true })).toMatchObject({ status: 500 });
    const entries = (await entriesOf(org)).slice(length);
    expect(phases(entries)).toEqual([
      'admin-token team.create intent',
      'admin-token team.create failed',
      'admin-token team.change intent',
      'admin-token team.change failed',
    ]);
    expect(entries.map(({ detail }) => detail.code)).toEqual([undefined, 'already_exists', undefined, 'internal']);
    expect(await contents(org)).toEqual(before);
    const { body } = await call('GET', `/audit?org=${org}&outcome=failed`);
    expect(body.items).toMatchObject([{ action: 'team.change' }, { action: 'team.create' }]);
  });

  it('is one of one unbroken chain, however many are made at once', async () => {
    const { org, app, team } = await family();
    const calls = Array.from({ length: 24 }, (_, n) =>
      n % 3 === 0
        ? call('POST', '/keys', { app, name: `k${n}` })
        : call('PATCH', n % 3 === 1 ? `/teams/${team}` : `/apps/${app}`, { metadata: { n } }),
    );
    const statuses = (await Promise.all(calls)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 201)).toHaveLength(8);
    const entries = await entriesOf(org);
    expect(await verifyChain(entries)).toMatchObject({ whole: true });
    // Every intent has one outcome; those who were overtaken are told so, and the chain with them.
    const outcomes = (phase: string) => entries.filter((entry) => entry.phase === phase).map(({ change }) => change);
    expect([...outcomes('done'), ...outcomes('failed')].toSorted()).toEqual(outcomes('intent').toSorted());
    expect(outcomes('done')).toHaveLength(4 + statuses.filter((status) => status < 300).length);
  });

  it('leaves a whole chain that knows in a minute how each ended, though the ledger is killed and every other entry refused', async () => {
    const { org, app } = await family();
    await spoil(org, `${BREAK.replace('BEGIN', 'WHEN random() % 2 = 0 BEGIN')}`);
    const calls = Array.from({ length: 20 }, (_, n) => call('POST', '/keys', { app, name: `k${n}` }));
    let under = calls.length;
    for (const each of calls) {
      void each.finally(() => {
        under -= 1;
      });
    }
    while (under > 0) {
      await runInDurableObject(env.LEDGER.getByName(org), (_object: Ledger, state) => state.abort('killed')).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    for (const { status } of await Promise.all(calls)) expect([201, 503]).toContain(status);
    await spoil(org, 'DROP TRIGGER broken');
    expect(await verifyChain(await entriesOf(org))).toMatchObject({ whole: true });
    vi.useFakeTimers({ now: Date.now() + 120_000, toFake: ['Date'] });
    await runDurableObjectAlarm(env.LEDGER.getByName(org));
    const entries = await entriesOf(org);
    expect(await verifyChain(entries)).toMatchObject({ whole: true });
    const of = (phase: string) => entries.filter((entry) => entry.action === 'key.create' && entry.phase === phase);
    expect([...of('done'), ...of('failed')].map(({ change }) => change).toSorted()).toEqual(
      of('intent')
        .map(({ change }) => change)
        .toSorted(),
    );
    const { results } = await db.prepare('SELECT id FROM keys WHERE org_id = ?').bind(org).all();
    expect(
      of('done')
        .map(({ subject }) => subject)
        .toSorted(),
    ).toEqual(results.map(({ id }) => id).toSorted());
  });

  it('makes no organisation of a name that is taken, nor a chain for it', async () => {
    await family();
    const before = await db.prepare('SELECT COUNT(*) AS n FROM audit').first('n');
    expect(await call('POST', '/orgs', { name: 'acme' })).toMatchObject({ status: 409, body: { code: 'already_exists' } });
    expect(await db.prepare('SELECT COUNT(*) AS n FROM audit').first('n')).toBe(before);
  });

  it('leaves no secret behind', async () => {
    const { app, org } = await family();
    const first = (await call('POST', '/keys', { app, name: 'secret' })).body;
    const second = (await call('POST', `/keys/${first.id}/rotate`)).body;
    await call('PUT', '/config', { providers: { openai: { key: { value: 'sk-literal-key' } } } });
    const told = JSON.stringify([
      await entriesOf(org),
      await entriesOf(DEPLOYMENT_CHAIN),
      (await db.prepare('SELECT * FROM audit').all()).results,
    ]);
    const { results } = await db.prepare('SELECT digest, previous_digest FROM keys WHERE id = ?').bind(first.id).all();
    expect(told).toContain(String(first.id));
    for (const secret of [first.key, second.key, 'sk-literal-key', ...Object.values(results[0] ?? {})]) {
      expect(String(secret).length).toBeGreaterThan(10);
      expect(told).not.toContain(String(secret));
    }
  });
});

describe('an export', { timeout: 60_000 }, () => {
  const exported = async (query: string) => {
    const { status, bytes } = await call('GET', `/audit/export${query}`);
    expect(status).toBe(200);
    return bytes;
  };

  it('is checked with the public key alone, and by a checkpoint that was kept', async () => {
    const { org, app } = await family();
    const { body: keys } = await call('GET', '/audit/key');
    const { body } = await call('GET', `/audit/checkpoint?org=${org}`);
    const kept = isObject(body.checkpoint) ? body.checkpoint : {};
    expect(kept).toMatchObject({ chain: org, seq: 8, key: keys.key });
    await call('PATCH', `/apps/${app}`, { disabled: true });
    const bytes = await exported(`?org=acme`);
    const verdict = await verifyFile(bytes, { key: String(keys.key), kept: { chain: org, seq: 8, hash: String(kept.hash), at: 0 } });
    expect(verdict).toMatchObject({ whole: true, chain: org, entries: 10, open: 0, checkpoint: await ledgerOf(org).auditHead() });
    const rest = await exported(`?org=${org}&after=8`);
    expect(await verifyFile(rest, { kept: { chain: org, seq: 8, hash: String(kept.hash), at: 0 } })).toMatchObject({
      whole: true,
      entries: 2,
    });
    expect(await verifyFile(rest)).toMatchObject({ whole: false, fault: 'missing', seq: 1 });
  });

  it('shows what was changed where the chain lies', async () => {
    const { org, key } = await family();
    await spoil(org, 'DROP TRIGGER audit_immutable');
    await spoil(org, `UPDATE audit SET entry = replace(entry, '"action":"app.create"', '"action":"app.delete"') WHERE seq = 5`);
    expect(await verifyFile(await exported(`?org=${org}`))).toEqual({ whole: false, fault: 'changed', line: 5, seq: 5 });
    await spoil(org, 'DROP TRIGGER audit_undeletable');
    await spoil(org, 'DELETE FROM audit WHERE seq = 5');
    expect(await verifyFile(await exported(`?org=${org}`))).toEqual({ whole: false, fault: 'missing', line: 5, seq: 5 });
    // Cut off at its end, it is signed as it is now: what was kept shows it.
    const kept = { chain: org, ...(await ledgerOf(org).auditHead()), at: 0 };
    await spoil(org, 'DELETE FROM audit WHERE seq >= 5');
    const cut = await exported(`?org=${org}`);
    expect(await verifyFile(cut)).toMatchObject({ whole: true, entries: 4 });
    expect(await verifyFile(cut, { kept })).toMatchObject({ whole: false, fault: 'rewritten', seq: 5 });
    expect(await call('GET', `/keys/${key}`)).toMatchObject({ status: 200 });
  });

  it('of a long chain comes whole', async () => {
    const chain = DEPLOYMENT_CHAIN;
    await runInDurableObject(env.LEDGER.getByName(chain), async (object: Ledger) => {
      for (let n = 0; n < 1_203; n++) {
        const event = { chain, actor: 'a', action: 'x', subject: 's', change: `c${n}`, phase: 'intent', detail: { n, 'ü\u2028': '😀' } };
        await object.audit(JSON.stringify(event), 'database');
      }
    });
    expect(await verifyFile(await exported(''))).toMatchObject({ whole: true, chain, entries: 1_203, open: 1_203 });
  });

  it('is there of the deployment and of what was deleted, and of nobody that never was', async () => {
    const { org } = await family();
    expect(await verifyFile(await exported(''))).toMatchObject({ whole: true, chain: DEPLOYMENT_CHAIN, entries: 0 });
    await call('DELETE', `/orgs/${org}`);
    expect(await verifyFile(await exported(`?org=${org}`))).toMatchObject({ whole: true, entries: 10 });
    for (const path of ['/audit/export?org=nobody', '/audit/checkpoint?org=deployment']) {
      expect(await call('GET', path)).toMatchObject({ status: 404 });
    }
    expect(await call('GET', `/audit/export?org=${org}&after=11`)).toMatchObject({ status: 400, body: { param: 'after' } });
  });
});
