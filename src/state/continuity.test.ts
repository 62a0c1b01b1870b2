import { env, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test';
import { describe, expect, it } from 'vitest';
import type { Json } from '../core/json.ts';
import type { KeptEntry } from '../core/ports.ts';
import { SealedContinuity } from './continuity.ts';
import type { Continuity } from './continuity-object.ts';
import { OwnerKeys } from './secret.ts';

const SECRET = 'a secret of the tests';
const ROOM = { items: 1_000, bytes: 64 * 1024 * 1024 };
const HOUR = 3_600_000;
const later = () => Date.now() + HOUR;

const continuity = (secret = SECRET) => new SealedContinuity(env.CONTINUITY, secret);
const entry = (id: string, value: Json, parts: Partial<KeptEntry> = {}): KeptEntry => ({
  kind: 'response',
  id,
  value,
  expiresAt: later(),
  ...parts,
});
const following = (id: string) => ({ parent: { kind: 'response', id } });
const objectOf = async (owner: string, secret = SECRET) =>
  env.CONTINUITY.getByName(await (await OwnerKeys.derive(secret, owner)).name('object'));

/** Everything that stands in an owner's storage, as one text. */
async function stored(owner: string): Promise<string> {
  return runInDurableObject(await objectOf(owner), (_object: Continuity, state) => {
    const rows = [...state.storage.sql.exec('SELECT * FROM items'), ...state.storage.sql.exec('SELECT * FROM pieces')];
    const texts = rows
      .flatMap((row) => Object.values(row))
      .map((value) => (value instanceof ArrayBuffer ? new TextDecoder('latin1').decode(value) : String(value)));
    return texts.join('\n');
  });
}

describe('what is kept', () => {
  it('comes back to its owner, and to nobody else', async () => {
    await continuity().put('key_a', [entry('resp_1', { said: 'yes' }), entry('resp_2', 2)], ROOM);
    expect(await continuity().get('key_a', 'response', ['resp_1', 'resp_2', 'resp_3'])).toEqual(
      new Map<string, Json>([
        ['resp_1', { said: 'yes' }],
        ['resp_2', 2],
      ]),
    );
    expect((await continuity().get('key_b', 'response', ['resp_1'])).size).toBe(0);
    expect((await continuity().get('key_a', 'item', ['resp_1'])).size).toBe(0);
    expect((await continuity('another secret').get('key_a', 'response', ['resp_1'])).size).toBe(0);
  });

  it('cannot be read where it lies: not the content, not the ids', async () => {
    await continuity().put('key_sealed', [entry('resp_canary', { said: 'canary-in-the-content' })], ROOM);
    const text = await stored('key_sealed');
    expect(text.length).toBeGreaterThan(100);
    expect(text).not.toContain('canary');
    expect(text).not.toContain('key_sealed');
  });

  it('is bound to its place: a blob moved to another name does not open', async () => {
    const keys = await OwnerKeys.derive(SECRET, 'key_a');
    const sealed = await keys.seal('text', 'here');
    expect(await keys.open(sealed, 'here')).toBe('text');
    expect(await keys.open(sealed, 'there')).toBeUndefined();
    sealed[sealed.length - 1] = (sealed.at(-1) ?? 0) ^ 1;
    expect(await keys.open(sealed, 'here')).toBeUndefined();
  });

  it('is sealed anew each time, also where nothing is stored', async () => {
    const sealed = await continuity().seal('key_a', 'a summary');
    expect(await continuity().seal('key_a', 'a summary')).not.toBe(sealed);
    expect(await continuity().open('key_a', sealed)).toBe('a summary');
    expect(await continuity().open('key_b', sealed)).toBeUndefined();
    expect(await continuity().open('key_a', 'bm90IHNlYWxlZA==')).toBeUndefined();
    expect(await continuity().open('key_a', '!')).toBeUndefined();
  });

  it('may be larger than one value of the database', async () => {
    const text = 'Zürich '.repeat(500_000);
    await continuity().put('key_large', [entry('resp_1', text)], ROOM);
    expect((await continuity().get('key_large', 'response', ['resp_1'])).get('resp_1')).toBe(text);
  });

  it('replaces what had its name', async () => {
    await continuity().put('key_again', [entry('resp_1', 'old'), entry('resp_2', 'other')], ROOM);
    await continuity().put('key_again', [entry('resp_1', 'new')], ROOM);
    expect((await continuity().get('key_again', 'response', ['resp_1'])).get('resp_1')).toBe('new');
    expect(await (await objectOf('key_again')).size()).toMatchObject({ items: 2 });
  });
});

describe('a chain', () => {
  it('is everything that was said before, oldest first', async () => {
    const owner = 'key_chain';
    await continuity().put(owner, [entry('resp_1', 1)], ROOM);
    await continuity().put(owner, [entry('resp_2', 2, following('resp_1'))], ROOM);
    await continuity().put(owner, [entry('resp_3', 3, following('resp_2')), entry('resp_2b', 4, following('resp_1'))], ROOM);
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_3' }, later())).toEqual([1, 2, 3]);
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_2b' }, later())).toEqual([1, 4]);
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_0' }, later())).toBeUndefined();
  });

  it('is none when a link is gone', async () => {
    const owner = 'key_broken';
    await continuity().put(
      owner,
      [entry('resp_1', 1), entry('resp_2', 2, following('resp_1')), entry('resp_3', 3, following('resp_2'))],
      ROOM,
    );
    expect(await continuity().delete(owner, { kind: 'response', id: 'resp_1' })).toBe(true);
    expect(await continuity().delete(owner, { kind: 'response', id: 'resp_1' })).toBe(false);
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_3' }, later())).toBeUndefined();
  });

  it('of a thousand turns is read whole, and lives on as long as its end', async () => {
    const owner = 'key_long';
    const turns = Array.from({ length: 300 }, (_, at) =>
      entry(`resp_${at}`, at, { ...(at === 0 ? {} : following(`resp_${at - 1}`)), expiresAt: Date.now() + 60_000 }),
    );
    await continuity().put(owner, turns, ROOM);
    const until = later();
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_299' }, until)).toHaveLength(300);
    await runInDurableObject(await objectOf(owner), (_object: Continuity, state) => {
      expect([...state.storage.sql.exec('SELECT DISTINCT expires_at FROM items')]).toEqual([{ expires_at: until }]);
    });
  });
});

it('what belongs to a thing comes in order, and goes with it', async () => {
  const owner = 'key_children';
  const parent = { kind: 'conversation', id: 'conv_1' };
  await continuity().put(owner, [entry('conv_1', {}, { kind: 'conversation' })], ROOM);
  for (const at of [3, 1, 2]) await continuity().put(owner, [entry(`msg_${at}`, at, { kind: 'item', parent })], ROOM);
  expect(await continuity().children(owner, parent, 'item', later())).toEqual([3, 1, 2]);
  expect(await continuity().delete(owner, parent, 'item')).toBe(true);
  expect(await continuity().children(owner, parent, 'item', later())).toEqual([]);
  expect(await (await objectOf(owner)).size()).toEqual({ items: 0, bytes: 0 });
});

describe('room and time', () => {
  it('lets the oldest go where there is no room for all', async () => {
    const owner = 'key_room';
    for (let at = 0; at < 5; at++) await continuity().put(owner, [entry(`resp_${at}`, at)], { items: 3, bytes: ROOM.bytes });
    expect([...(await continuity().get(owner, 'response', ['resp_0', 'resp_1', 'resp_2', 'resp_3', 'resp_4'])).values()]).toEqual([
      2, 3, 4,
    ]);
    await continuity().put(owner, [entry('resp_5', 'x'.repeat(900))], { items: 3, bytes: 980 });
    expect([...(await continuity().get(owner, 'response', ['resp_3', 'resp_4', 'resp_5'])).keys()]).toEqual(['resp_4', 'resp_5']);
    expect((await (await objectOf(owner)).size()).bytes).toBeLessThanOrEqual(980);
  });

  it('lets a conversation go rather than one of its items', async () => {
    const owner = 'key_hole';
    const room = { items: 3, bytes: ROOM.bytes };
    const parent = { kind: 'conversation', id: 'conv_1' };
    await continuity().put(owner, [entry('msg_1', 1, { kind: 'item', parent }), entry('conv_1', {}, { kind: 'conversation' })], room);
    await continuity().put(owner, [entry('msg_2', 2, { kind: 'item', parent }), entry('msg_3', 3, { kind: 'item', parent })], room);
    expect((await continuity().get(owner, 'conversation', ['conv_1'])).size).toBe(0);
  });

  it('keeps a conversation that goes on', async () => {
    const owner = 'key_going_on';
    const parent = { kind: 'conversation', id: 'conv_1' };
    const soon = { expiresAt: Date.now() + 60_000 };
    await continuity().put(
      owner,
      [entry('conv_1', {}, { kind: 'conversation', ...soon }), entry('msg_1', 1, { kind: 'item', parent, ...soon })],
      ROOM,
    );
    const until = later();
    await continuity().children(owner, parent, 'item', until);
    await runInDurableObject(await objectOf(owner), (_object: Continuity, state) => {
      expect([...state.storage.sql.exec('SELECT DISTINCT expires_at FROM items')]).toEqual([{ expires_at: until }]);
    });
  });

  it('forgets what has expired at once, and sweeps it away', async () => {
    const owner = 'key_time';
    await continuity().put(owner, [entry('resp_1', 1, { expiresAt: Date.now() - 1 }), entry('resp_2', 2)], ROOM);
    expect([...(await continuity().get(owner, 'response', ['resp_1', 'resp_2'])).keys()]).toEqual(['resp_2']);
    expect(await continuity().chain(owner, { kind: 'response', id: 'resp_1' }, later())).toBeUndefined();
    const object = await objectOf(owner);
    expect(await object.size()).toMatchObject({ items: 2 });
    expect(await runDurableObjectAlarm(object)).toBe(true);
    expect(await object.size()).toMatchObject({ items: 1 });
    expect(await runDurableObjectAlarm(object)).toBe(true);
  });
});
