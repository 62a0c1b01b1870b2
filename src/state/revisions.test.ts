import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import { digestOf } from '../core/ledger/canonical.ts';
import { FakeChains } from './fake-audit.ts';
import { listRevisions, movePointer, publish, readDocument, readHead, readReplaced, revisionReader } from './revisions.ts';

const { DB: db } = env;
const chains = new FakeChains(() => 5);
const ann = chains.trail(db);
const bob = chains.trail(db, 'bob');

beforeEach(async () => {
  await reset();
  await applyD1Migrations(db, env.TEST_MIGRATIONS);
});

const put = async (document: unknown, head = readHead(db)) =>
  publish(db, { ...(await head), document, trail: ann, note: undefined, now: 5 });

const audit = async (outcome = 'done') =>
  (await db.prepare('SELECT actor, action, detail FROM audit WHERE outcome = ? ORDER BY id').bind(outcome).all()).results;
const published = (from: number, digest: string) => ({
  ...{ actor: 'ann', action: 'config.publish' },
  detail: JSON.stringify({ from, to: from + 1, digest }),
});

describe('revisions', () => {
  it('start at the bundled one', async () => {
    expect(await readHead(db)).toEqual({ pointer: 0, latest: 0 });
    expect(await revisionReader(db).pointer()).toBe(0);
    expect(await readReplaced(db, 0)).toBeUndefined();
  });

  it('are published one after the other, each audited', async () => {
    expect(await put({ a: 1 })).toBe(1);
    expect(await put({ a: 'ü\u2028"' })).toBe(2);
    expect(await readHead(db)).toEqual({ pointer: 2, latest: 2 });
    expect(await readDocument(db, 1)).toEqual({ a: 1 });
    expect(await revisionReader(db).document(2)).toEqual({ a: 'ü\u2028"' });
    expect(await readDocument(db, 3)).toBeUndefined();
    expect(await audit()).toEqual([published(0, await digestOf({ a: 1 })), published(1, await digestOf({ a: 'ü\u2028"' }))]);
  });

  it('let only one of two publications at the same moment through, and leave nothing of the other', async () => {
    const head = readHead(db);
    const results = await Promise.allSettled([put({ a: 1 }, head), put({ a: 2 }, head)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'conflict', status: 412 } });
    expect(await readHead(db)).toEqual({ pointer: 1, latest: 1 });
    expect(await audit()).toHaveLength(1);
    expect(await audit('failed')).toHaveLength(1);
  });

  it('refuse a publication, or a move, that a rollback has overtaken', async () => {
    await put({ a: 1 });
    const head = readHead(db);
    await head;
    await movePointer(db, { from: 1, to: 0, trail: bob, now: 6 });
    await expect(put({ a: 2 }, head)).rejects.toMatchObject({ code: 'conflict' });
    await expect(movePointer(db, { from: 1, to: 0, trail: bob, now: 7 })).rejects.toMatchObject({ code: 'conflict' });
    expect(await readHead(db)).toEqual({ pointer: 0, latest: 1 });
    expect((await audit()).at(-1)).toEqual({ actor: 'bob', action: 'config.rollback', detail: '{"from":1,"to":0}' });
  });

  it('remember what they replaced, which after a rollback is not the number before', async () => {
    await put({ a: 1 });
    await put({ a: 2 });
    await movePointer(db, { from: 2, to: 1, trail: ann, now: 6 });
    expect(await put({ a: 3 })).toBe(3);
    expect(await readReplaced(db, 3)).toBe(1);
  });

  it('cannot be changed once published, nor the audit', async () => {
    await put({ a: 1 });
    for (const statement of [
      "UPDATE config_revisions SET document = '{}'",
      "UPDATE audit SET actor = 'x'",
      'DELETE FROM audit',
      "INSERT INTO config_revisions VALUES (9, 'not json', 0, 'x', NULL, 0)",
    ]) {
      await expect(db.prepare(statement).run()).rejects.toThrow();
    }
    expect(await readDocument(db, 1)).toEqual({ a: 1 });
  });

  it('are listed newest first in pages, the bundled one last', async () => {
    for (const a of [1, 2, 3]) await put({ a });
    await movePointer(db, { from: 3, to: 2, trail: ann, now: 6 });
    const first = await listRevisions(db, { limit: 2 });
    expect(first.items).toEqual([
      { revision: 3, author: 'ann', note: null, createdAt: 5, current: false },
      { revision: 2, author: 'ann', note: null, createdAt: 5, current: true },
    ]);
    const second = await listRevisions(db, { limit: 2, cursor: first.next ?? undefined });
    expect(second).toEqual({
      items: [
        { revision: 1, author: 'ann', note: null, createdAt: 5, current: false },
        { revision: 0, author: 'bundled', note: null, createdAt: null, current: false },
      ],
      next: null,
    });
  });

  it.each(['', 'x', '%', 'W10', 'WyJhIl0', 'bnVsbA'])('refuse the cursor %j', async (cursor) => {
    await expect(listRevisions(db, { limit: 1, cursor })).rejects.toMatchObject({ code: 'invalid_request', details: { param: 'cursor' } });
  });
});
