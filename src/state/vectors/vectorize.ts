/** What is used of a Vectorize index: `Vectorize` of Cloudflare's types, or a fake of it. */
export interface VectorizeBinding {
  describe(): Promise<{ readonly dimensions: number }>;
  query(vector: number[], options: VectorizeQuestion): Promise<{ readonly matches: readonly VectorizeHit[] }>;
  getByIds(ids: string[]): Promise<readonly VectorizeHit[]>;
  upsert(vectors: VectorizeRow[]): Promise<unknown>;
  deleteByIds(ids: string[]): Promise<unknown>;
}

export interface VectorizeQuestion {
  readonly topK: number;
  readonly namespace: string;
  readonly returnValues: boolean;
  readonly returnMetadata: 'all' | 'none';
}

export interface VectorizeRow {
  id: string;
  values: number[];
  namespace: string;
  metadata: { [name: string]: string | number };
}

export interface VectorizeHit {
  readonly id: string;
  readonly values?: ArrayLike<number>;
  readonly metadata?: { readonly [name: string]: unknown };
}

/** Matches of one query with their values and metadata; without them. developers.cloudflare.com/vectorize/platform/limits */
export const WHOLE = 20;
export const BARE = 100;
/** Ids of one `getByIds`; of one `deleteByIds`. The limits page has neither; beyond them calls fail with code 40007. */
export const GOT = 20;
export const DELETED = 100;

/** In slices that one call takes. */
export function slices<T>(items: readonly T[], length: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, at) => items.slice(at * length, (at + 1) * length));
}

export async function deleteAll(index: VectorizeBinding, names: readonly string[]): Promise<void> {
  for (const some of slices(names, DELETED)) await index.deleteByIds(some);
}
