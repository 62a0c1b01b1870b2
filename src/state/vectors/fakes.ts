import { evictDurableObject, runInDurableObject } from 'cloudflare:test';
import { env } from 'cloudflare:workers';
import type { VectorEntry, VectorIndex, VectorPlace } from '../../core/meaning/vectors.ts';
import { systemClock } from '../ports.ts';
import type { VectorRoom } from './entries.ts';
import { FakeVectorize } from './fake-vectorize.ts';
import { OwnerSeals } from './owner-seal.ts';
import { StoredVectors } from './stored-vectors.ts';
import { VectorStore } from './vector-object.ts';
import { VectorizeVectors } from './vectorize-vectors.ts';

// Both implementations in one dress, and entries for them, for tests. Production code must not import this file.

export const SECRET = 'a secret of the tests';
/** The least that the machine of a test keeps, whatever else it does. */
const PATIENT = { patience: 20_000, writing: 20_000 };
export const HOUR = 3_600_000;
export const later = () => Date.now() + HOUR;
export const newOwner = () => `org_${crypto.randomUUID()} route`;
export const still = () => new AbortController().signal;
export const pause = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));

export interface Kept extends VectorIndex {
  clear(owner: string): Promise<void>;
}

export interface Implementation {
  readonly name: string;
  /** Of all vectors that the laws use. */
  make(dimensions: number, options?: { readonly room?: VectorRoom }): Made;
}

export interface Made {
  readonly index: Kept;
  /** Lets what was put and deleted be taken up. */
  settle(): void;
}

export const stored = (room?: VectorRoom, secret = SECRET) =>
  new StoredVectors({ object: (name) => env.VECTORS.getByName(name), secret, ...PATIENT, ...(room && { room }) });

export function inVectorize(index: FakeVectorize, { most, secret = SECRET }: { readonly most?: number; readonly secret?: string } = {}) {
  const object = (name: string) => {
    const stub = env.VECTORS.getByName(name);
    return {
      register: (entry: string, expiresAt: number, atMost: number) => stub.register(entry, expiresAt, atMost),
      unregister: (names: readonly string[]) => stub.unregister(names),
      async clear() {
        await boundTo(index, stub, (store) => store.clear());
        // The other instance does not know that its tables are gone.
        await evictDurableObject(stub);
      },
    };
  };
  return new VectorizeVectors({
    index,
    object,
    others: stored(undefined, secret),
    secret,
    clock: systemClock,
    ...PATIENT,
    ...(most && { most }),
  });
}

/** Asks an object as it is where Vectorize is bound, which it never is in tests. */
export const boundTo = <T>(
  index: FakeVectorize,
  stub: DurableObjectStub<VectorStore>,
  ask: (store: VectorStore) => Promise<T>,
): Promise<T> => runInDurableObject(stub, (_, state) => ask(new VectorStore(state, { VECTORIZE: index })));

export const implementations: readonly Implementation[] = [
  { name: 'in objects', make: (_, { room } = {}) => ({ index: stored(room), settle: () => undefined }) },
  {
    name: 'in Vectorize',
    make(dimensions, { room } = {}) {
      const index = new FakeVectorize(dimensions);
      return { index: inVectorize(index, room && { most: room.entries }), settle: () => index.settle() };
    },
  },
];

export const objectOf = async (owner: string, secret = SECRET) =>
  env.VECTORS.getByName(await (await new OwnerSeals(secret).of(owner)).owner());

/** Forgets what the owner's object has in memory. */
export async function evict(owner: string): Promise<void> {
  const object = await objectOf(owner);
  // One that does not run cannot be stopped.
  await object.size();
  await evictDurableObject(object);
}

export const entry = (id: string, vector: ArrayLike<number>, parts: Partial<VectorEntry> = {}): VectorEntry => ({
  id,
  vector: Int8Array.from(vector),
  data: `data of ${id}`,
  expiresAt: later(),
  ...parts,
});

export const at = (owner: string, partition = 'p'): VectorPlace => ({ owner, partition });

/** The same numbers for the same seed (mulberry32), 0…1. */
export function drawing(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export const randomVector = (dimensions: number, draw: () => number) =>
  Int8Array.from({ length: dimensions }, () => Math.round(draw() * 254 - 127));
