import type { VectorizeBinding, VectorizeHit, VectorizeQuestion, VectorizeRow } from './vectorize.ts';

// Vectorize as its documentation describes it (developers.cloudflare.com/vectorize, pages "Limits", "Vectorize API" and
// "Query vectors"), for tests: it has no local form. Production code must not import this file.

const LIMITS = { dimensions: 1_536, id: 64, namespace: 64, metadata: 10 * 1024, batch: 1_000, whole: 20, bare: 100, got: 20, deleted: 100 };

const bytesOf = (text: string) => new TextEncoder().encode(text).length;

/** In its own words. */
const refused = (operation: string, code: number, what: string) => new Error(`VECTOR_${operation}_ERROR (code = ${code}): ${what}`);

export class FakeVectorize implements VectorizeBinding {
  readonly #dimensions: number;
  readonly #rows = new Map<string, VectorizeRow>();
  /** Changes that it was told of and has not taken up. */
  #waiting: (() => void)[] = [];
  /** Operations, in order. */
  readonly asked: string[] = [];

  constructor(dimensions: number) {
    if (dimensions > LIMITS.dimensions) throw refused('INDEX', 40_000, 'too many dimensions');
    this.#dimensions = dimensions;
  }

  /** Entries that it has taken up. */
  get size(): number {
    return this.#rows.size;
  }

  /** Everything that stands in it, as one text. */
  get content(): string {
    return JSON.stringify([...this.#rows.values()]);
  }

  /** Takes up what it was told of, in order. In truth that is seconds later. */
  settle(): void {
    for (const change of this.#waiting.splice(0)) change();
  }

  async describe() {
    this.asked.push('describe');
    return { dimensions: this.#dimensions };
  }

  async query(vector: number[], { topK, namespace, returnValues, returnMetadata }: VectorizeQuestion) {
    this.asked.push('query');
    this.#checkLength('QUERY', vector);
    const most = returnValues || returnMetadata === 'all' ? LIMITS.whole : LIMITS.bare;
    if (topK > most) throw refused('QUERY', 40_025, `max top K is ${most}, but got ${topK}`);
    const scored = [...this.#rows.values()].flatMap((row) =>
      row.namespace === namespace ? [{ row, score: cosine(vector, row.values) }] : [],
    );
    const matches = scored
      .sort((one, other) => other.score - one.score)
      .slice(0, topK)
      // Without values the score is an approximation.
      .map(({ row, score }) => ({ ...hitOf(row, returnValues, returnMetadata === 'all'), score: returnValues ? score : score - 0.01 }));
    return { matches, count: matches.length };
  }

  async getByIds(ids: string[]): Promise<VectorizeHit[]> {
    this.asked.push('getByIds');
    if (ids.length > LIMITS.got) throw refused('GET', 40_007, `too many ids in payload; max id count is ${LIMITS.got}, got ${ids.length}`);
    return ids.flatMap((id) => this.#rows.get(id) ?? []).map((row) => hitOf(row, true, true));
  }

  async upsert(vectors: VectorizeRow[]) {
    this.asked.push('upsert');
    if (vectors.length > LIMITS.batch) throw refused('UPSERT', 40_008, 'too many vectors in payload');
    const kept = vectors.map((row) => {
      this.#checkLength('UPSERT', row.values);
      if (bytesOf(row.id) > LIMITS.id) throw refused('UPSERT', 40_005, `id too long; max is ${LIMITS.id} bytes, got ${row.id}`);
      if (bytesOf(row.namespace) > LIMITS.namespace) throw refused('UPSERT', 40_005, 'namespace too long');
      const metadata = JSON.stringify(row.metadata);
      if (bytesOf(metadata) > LIMITS.metadata) throw refused('UPSERT', 40_009, 'metadata too large');
      if (Object.keys(row.metadata).some((key) => key === '' || /[."]|^\$/.test(key))) throw refused('UPSERT', 40_009, 'bad metadata key');
      return { id: row.id, values: [...Float32Array.from(row.values)], namespace: row.namespace, metadata: JSON.parse(metadata) };
    });
    // An id is one vector in the whole index, whatever its namespace.
    return this.#change(() => {
      for (const row of kept) this.#rows.set(row.id, row);
    });
  }

  async deleteByIds(ids: string[]) {
    this.asked.push('deleteByIds');
    if (ids.length > LIMITS.deleted) {
      throw refused('DELETE', 40_007, `too many ids in payload; max id count is ${LIMITS.deleted}, got ${ids.length}`);
    }
    const gone = [...ids];
    return this.#change(() => {
      for (const id of gone) this.#rows.delete(id);
    });
  }

  #change(change: () => void) {
    this.#waiting.push(change);
    return { mutationId: crypto.randomUUID() };
  }

  #checkLength(operation: string, { length }: readonly number[]): void {
    if (length !== this.#dimensions) {
      throw refused(operation, 40_006, `invalid vector, expected ${this.#dimensions} dimensions, and got ${length} dimensions`);
    }
  }
}

const hitOf = ({ id, namespace, values, metadata }: VectorizeRow, withValues: boolean, withMetadata: boolean) => ({
  id,
  namespace,
  ...(withValues ? { values: [...values] } : {}),
  ...(withMetadata ? { metadata: { ...metadata } } : {}),
});

function cosine(one: readonly number[], other: readonly number[]): number {
  const product = (a: readonly number[], b: readonly number[]) => a.reduce((sum, value, at) => sum + value * (b[at] ?? 0), 0);
  return product(one, other) / Math.sqrt(product(one, one) * product(other, other));
}
