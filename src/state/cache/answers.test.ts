import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import { Answers } from './answers.ts';
import { cacheLayer, kvLayer, type Layer, largeLayer } from './layers.ts';
import { AnswerMemory } from './memory.ts';
import { Purges, purge } from './purges.ts';
import { SealedLayers } from './sealed-layers.ts';

const NOW = 1_800_000_000_000;
const OF = { org: 'org_1', app: 'app_1', model: 'm', tags: ['faq'] };
const answerAt = (at: number, more: Partial<StoredAnswer> = {}): StoredAnswer => ({
  of: OF,
  askedAt: at,
  at,
  until: at + 60_000,
  chunks: [{ type: 'text', part: 0, choice: 0, text: 'canary-answer' }, { type: 'end' }],
  bytes: 1_000,
  servedModel: 'up/m',
  loss: [],
  ...more,
});

let now = NOW;
let work: Promise<unknown>[] = [];
const clock = { now: () => now };
const after = (each: Promise<unknown>) => void work.push(each);
const settled = async () => {
  await Promise.all(work.splice(0));
};

class MapLayer implements Layer {
  readonly kept = new Map<string, Uint8Array>();
  async read(name: string) {
    return this.kept.get(name);
  }
  async write(name: string, bytes: Uint8Array) {
    this.kept.set(name, bytes);
  }
}
const isolate = (layers: readonly Layer[], secret = 's', purges?: Purges) =>
  new Answers({ clock, memory: new AnswerMemory(clock), layers: new SealedLayers(layers, secret), purges }).for(after);

beforeEach(async () => {
  now = NOW;
  work = [];
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

describe('answers', () => {
  it.each<[string, () => readonly Layer[]]>([
    ['a layer', () => [new MapLayer()]],
    ['KV', () => [kvLayer(env.CACHE)]],
    ['the data centre', () => [cacheLayer(caches.default)]],
    ['R2, as a small one', () => [largeLayer(env.LARGE_ANSWERS, kvLayer(env.CACHE))]],
  ])('are found by another isolate in %s', async (_what, layersOf) => {
    const layers = layersOf();
    isolate(layers).put('k', answerAt(NOW));
    await settled();
    const other = isolate(layers);
    expect(await other.get('k', OF)).toEqual(answerAt(NOW));
    expect(await other.get('l', OF)).toBeUndefined();
    expect(await other.get('k', { ...OF, org: 'org_2' })).toBeUndefined();
    expect(await isolate(layers, 'another').get('k', OF)).toBeUndefined();
    now += 60_000;
    expect(await isolate(layers).get('k', OF)).toBeUndefined();
  });

  it('tell nothing in storage, and cannot be forged or put in the place of others', async () => {
    const layer = new MapLayer();
    const one = isolate([layer]);
    one.put('k', answerAt(NOW));
    one.put('l', answerAt(NOW, { servedModel: 'up/l' }));
    await settled();
    const [[first = '', bytes = new Uint8Array()] = [], [second = '', others = new Uint8Array()] = []] = [...layer.kept];
    expect(new TextDecoder().decode(bytes)).not.toContain('canary');
    expect(first).toMatch(/^[\w-]{43}$/);
    layer.kept.set(first, others);
    layer.kept.set(second, bytes.with(20, (bytes[20] ?? 0) ^ 1));
    expect(await isolate([layer]).get('k', OF)).toBeUndefined();
    expect(await isolate([layer]).get('l', OF)).toBeUndefined();
  });

  it('are kept in R2 where they are large, and in their place only that they are there', async () => {
    const text = 'canary'.repeat(100_000);
    const large = answerAt(NOW, { chunks: [{ type: 'text', part: 0, choice: 0, text }, { type: 'end' }] });
    const layers = [largeLayer(env.LARGE_ANSWERS, kvLayer(env.CACHE))];
    isolate(layers).put('k', large);
    await settled();
    expect(await isolate(layers).get('k', OF)).toEqual(large);
    const { objects } = await env.LARGE_ANSWERS.list();
    const { keys } = await env.CACHE.list();
    expect(objects.map(({ key }) => key)).toEqual(keys.map(({ name }) => name));
    const [{ key = '', size = 0 } = {}] = objects;
    expect(size).toBeGreaterThan(text.length);
    expect((await env.CACHE.get(key, 'arrayBuffer'))?.byteLength).toBe(1);
    expect(await (await env.LARGE_ANSWERS.get(key))?.text()).not.toContain('canary');
    // A small one in its place is found where it is.
    isolate(layers).put('k', answerAt(NOW + 1));
    await settled();
    expect(await isolate(layers).get('k', OF)).toEqual(answerAt(NOW + 1));
    expect((await env.LARGE_ANSWERS.list()).objects).toHaveLength(1);
    await env.LARGE_ANSWERS.delete(key);
    isolate(layers).put('k', large);
    await settled();
    await env.LARGE_ANSWERS.delete(key);
    expect(await isolate(layers).get('k', OF)).toBeUndefined();
  });
});

describe('what is thrown away', () => {
  const layer = new MapLayer();
  const given = async (purges: Purges) => (await isolate([layer], 's', purges).get('k', OF)) !== undefined;

  it.each([{}, { org: 'org_1' }, { app: 'app_1' }, { model: 'm' }, { tag: 'faq' }, { key: 'k' }, { org: 'org_1', tag: 'faq', key: 'k' }])(
    'by %o is not given any more, save what was asked for later',
    async (scope) => {
      isolate([layer]).put('k', answerAt(NOW));
      await settled();
      const purges = new Purges(env.DB, clock);
      expect(await given(purges)).toBe(true);
      await purge(env.DB, scope, NOW);
      now += 1_000;
      expect(await given(purges)).toBe(false);
      isolate([layer]).put('k', answerAt(NOW + 1));
      await settled();
      expect(await given(purges)).toBe(true);
    },
  );

  it.each([{ org: 'org_2' }, { app: 'app_2' }, { model: 'n' }, { tag: 'else' }, { key: 'l' }, { tag: 'faq', model: 'n' }])(
    'by %o is not this one',
    async (scope) => {
      isolate([layer]).put('k', answerAt(NOW));
      await settled();
      await purge(env.DB, scope, NOW);
      expect(await given(new Purges(env.DB, clock))).toBe(true);
    },
  );

  it('is one row for one scope, and forgotten when it can say nothing any more', async () => {
    const rows = () => env.DB.prepare('SELECT scope, org, before FROM cache_purges ORDER BY before').all();
    await purge(env.DB, { tag: 'faq', org: 'org_1' }, NOW);
    await purge(env.DB, { org: 'org_1', tag: 'faq' }, NOW + 1);
    expect((await rows()).results).toEqual([{ scope: '{"tag":"faq","org":"org_1"}', org: 'org_1', before: NOW + 1 }]);
    await purge(env.DB, {}, NOW + 100 * 86_400_000);
    expect((await rows()).results).toHaveLength(1);
  });

  it('is read once a second, however many ask', async () => {
    let asked = 0;
    const prepare = (text: string) => {
      asked++;
      return env.DB.prepare(text);
    };
    const db = new Proxy(env.DB, { get: (target, name) => (name === 'prepare' ? prepare : Reflect.get(target, name)) });
    const purges = new Purges(db, clock);
    await purges.of('org_1', after);
    for (const at of [100, 500, 600, 700, 999]) {
      now = NOW + at;
      await Promise.all(Array.from({ length: 20 }, () => purges.of('org_1', after)));
    }
    await settled();
    expect(asked).toBe(2);
    await purge(env.DB, {}, NOW);
    now = NOW + 1_100;
    await purges.of('org_1', after);
    await settled();
    expect(await purges.of('org_1', after)).toEqual([{ scope: {}, before: NOW }]);
  });

  it('may be anything where it cannot be found out: nothing is given', async () => {
    isolate([layer]).put('k', answerAt(NOW));
    await settled();
    await env.DB.exec('DROP TABLE cache_purges');
    expect(await given(new Purges(env.DB, clock))).toBe(false);
  });
});

describe('the memory of an isolate', () => {
  it('keeps what was given last, within its bytes', () => {
    const memory = new AnswerMemory(clock, 3_000);
    for (const key of ['a', 'b', 'c']) memory.put(key, answerAt(NOW));
    memory.get('a');
    memory.put('d', answerAt(NOW));
    expect(['a', 'b', 'c', 'd'].map((key) => memory.get(key) !== undefined)).toEqual([true, false, true, true]);
    memory.put('large', answerAt(NOW, { bytes: 5_000 }));
    expect(memory.get('large')).toBeUndefined();
    memory.put('a', answerAt(NOW, { bytes: 3_000 }));
    expect(['a', 'c', 'd'].map((key) => memory.get(key) !== undefined)).toEqual([true, false, false]);
  });
});
