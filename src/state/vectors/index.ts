import type { VectorIndex } from '../../core/meaning/vectors.ts';
import { systemClock } from '../ports.ts';
import { StoredVectors } from './stored-vectors.ts';
import type { VectorStore } from './vector-object.ts';
import type { VectorizeBinding } from './vectorize.ts';
import { VectorizeVectors } from './vectorize-vectors.ts';

/** Milliseconds that a search may take in any case: whoever searches brings a deadline of its own, which operators may set. */
const LONGEST = 10_000;

export interface VectorBindings {
  readonly objects: DurableObjectNamespace<VectorStore> | undefined;
  readonly vectorize: VectorizeBinding | undefined;
  readonly secret: string | undefined;
}

/**
 * Where this deployment keeps vectors: in Vectorize where it is bound, else in objects of its own. Nowhere without the
 * objects, which have what Vectorize cannot take and the names of what it has; nor without a secret to seal with.
 */
export function vectorsOf({ objects, vectorize, secret }: VectorBindings): (() => VectorIndex) | undefined {
  if (objects === undefined || !secret) return undefined;
  let made: VectorIndex | undefined;
  return () => {
    made ??= indexOf(objects, vectorize, secret);
    return made;
  };
}

function indexOf(objects: DurableObjectNamespace<VectorStore>, vectorize: VectorizeBinding | undefined, secret: string): VectorIndex {
  const object = (name: string) => objects.getByName(name);
  const stored = new StoredVectors({ object, secret, patience: LONGEST });
  return vectorize === undefined
    ? stored
    : new VectorizeVectors({ index: vectorize, object, others: stored, secret, clock: systemClock, patience: LONGEST });
}
