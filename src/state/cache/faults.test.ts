import { applyD1Migrations, reset } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import { beforeEach, describe, expect, it } from 'vitest';
import type { StoredAnswer } from '../../core/cache/stored-answer.ts';
import { Answers } from './answers.ts';
import { cacheLayer, kvLayer, type Layer, largeLayer } from './layers.ts';
import { AnswerMemory } from './memory.ts';
import { Purges } from './purges.ts';
import { SealedLayers } from './sealed-layers.ts';

// Each place where answers are kept, down, slow, silent or wrong: a miss within its time, and never an error.

const clock = { now: () => Date.now() };
const OF = { org: 'org_1', app: 'app_1', model: 'm', tags: [] };
/** A small one, and one that is kept in R2. */
const answerOf = (letters: number): StoredAnswer => ({
  of: OF,
  askedAt: Date.now(),
  at: Date.now(),
  until: Date.now() + 600_000,
  chunks: [{ type: 'text', part: 0, choice: 0, text: 'x'.repeat(letters) }, { type: 'end' }],
  bytes: letters,
  servedModel: 'up/m',
  loss: [],
});
const SMALL = answerOf(10);
const LARGE = answerOf(400_000);

/** What a binding's methods do. */
type Fault = (real: () => Promise<unknown>) => Promise<unknown>;
const after = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const faults: { readonly [name: string]: Fault } = {
  'is down': () => Promise.reject(new Error('down')),
  'is down, and says so late': () => after(400).then(() => Promise.reject(new Error('down'))),
  'takes an hour': (real) => after(3_600_000).then(real),
  'says nothing': () => new Promise(() => undefined),
};

/** The binding, each of whose methods fails so. */
function faulty<Binding extends object>(binding: Binding, fault: Fault): Binding {
  return new Proxy(binding, {
    get(target, name) {
      const member: unknown = Reflect.get(target, name);
      return typeof member === 'function' ? (...given: unknown[]) => fault(async () => Reflect.apply(member, target, given)) : member;
    },
  });
}

/** A database whose statements fail so when they are asked. */
function faultyDatabase(db: D1Database, fault: Fault): D1Database {
  const statement = (real: D1PreparedStatement): D1PreparedStatement =>
    new Proxy(real, {
      get(target, name) {
        if (name === 'bind') return (...values: unknown[]) => statement(target.bind(...values));
        return name === 'all' ? () => fault(() => target.all()) : Reflect.get(target, name);
      },
    });
  return new Proxy(db, {
    get: (target, name) => (name === 'prepare' ? (text: string) => statement(target.prepare(text)) : Reflect.get(target, name)),
  });
}

const work: Promise<unknown>[] = [];
const isolate = (layers: readonly Layer[], purges?: Purges) =>
  new Answers({ clock, memory: new AnswerMemory(clock), layers: new SealedLayers(layers, 's'), purges }).for(
    (each) => void work.push(each),
  );

async function keep(layers: readonly Layer[], answer: StoredAnswer): Promise<void> {
  isolate(layers).put('k', answer);
  await Promise.all(work.splice(0));
}

/** What is given. Who waits for what takes an hour, or says nothing, waits longer than a test may take. */
const given = async (layers: readonly Layer[], purges?: Purges): Promise<StoredAnswer | undefined> => isolate(layers, purges).get('k', OF);

/** What is given at last: on a slow machine a good layer may be given up now and then, which is a miss like any other. */
async function found(layers: readonly Layer[], purges: () => Purges | undefined = () => undefined): Promise<StoredAnswer | undefined> {
  for (let turn = 0; turn < 20; turn++) {
    const answer = await given(layers, purges());
    if (answer !== undefined) return answer;
  }
  return undefined;
}

const kv = (fault?: Fault) => kvLayer(fault === undefined ? env.CACHE : faulty(env.CACHE, fault));
const places: readonly (readonly [name: string, answer: StoredAnswer, layers: (fault?: Fault) => readonly Layer[]])[] = [
  ['KV', SMALL, (fault) => [kv(fault)]],
  ['the Cache API', SMALL, (fault) => [cacheLayer(fault === undefined ? caches.default : faulty(caches.default, fault))]],
  ['R2', LARGE, (fault) => [largeLayer(fault === undefined ? env.LARGE_ANSWERS : faulty(env.LARGE_ANSWERS, fault), kv())]],
  ['KV before R2', LARGE, (fault) => [largeLayer(env.LARGE_ANSWERS, kv(fault))]],
];

beforeEach(async () => {
  await reset();
  await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
});

describe.each(places)('%s', (_name, answer, layersOf) => {
  it('gives what it has, also where it takes 20 ms', async () => {
    await keep(layersOf(), answer);
    expect(await found(layersOf())).toEqual(answer);
    expect(await found(layersOf((real) => after(20).then(real)))).toEqual(answer);
  });

  it.each(Object.entries(faults))('is a miss where it %s', async (_what, fault) => {
    await keep(layersOf(), answer);
    expect(await given(layersOf(fault))).toBeUndefined();
  });

  it.each(Object.entries(faults))('is passed over for the one behind it where it %s', async (_what, fault) => {
    const behind: Layer = { read: async (name) => kept.get(name), write: async (name, bytes) => void kept.set(name, bytes) };
    const kept = new Map<string, Uint8Array>();
    await keep([behind], answer);
    expect(await given([...layersOf(fault), behind])).toEqual(answer);
  });

  it('is a miss where what stands there is cut off, or another one’s', async () => {
    await keep(layersOf(), answer);
    const spoiled = layersOf().map((layer): Layer => ({ ...layer, read: async (name) => (await layer.read(name))?.slice(0, 40) }));
    expect(await given(spoiled)).toBeUndefined();
    const strange = layersOf().map((layer): Layer => ({ ...layer, read: async () => new Uint8Array(200) }));
    expect(await given(strange)).toBeUndefined();
  });

  it('loses nothing but the answer where it is down when that is written', async () => {
    await keep(layersOf(faults['is down']), answer);
    expect(await given(layersOf())).toBeUndefined();
  });
});

describe('the database of what was thrown away', () => {
  it.each(Object.entries(faults))('makes every answer a miss where it %s', async (_what, fault) => {
    await keep([kv()], SMALL);
    expect(await found([kv()], () => new Purges(env.DB, clock))).toEqual(SMALL);
    expect(await given([kv()], new Purges(faultyDatabase(env.DB, fault), clock))).toBeUndefined();
  });

  it('is waited for where it takes 20 ms', async () => {
    await keep([kv()], SMALL);
    const slow = () =>
      new Purges(
        faultyDatabase(env.DB, (real) => after(20).then(real)),
        clock,
      );
    expect(await found([kv()], slow)).toEqual(SMALL);
  });
});
