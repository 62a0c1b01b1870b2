/** A place beyond the isolate where bytes are kept by name for a time. */
export interface Layer {
  /** Milliseconds that a call waits for it, where that is not what it waits for most. */
  readonly patience?: number;
  read(name: string): Promise<Uint8Array | undefined>;
  write(name: string, bytes: Uint8Array, seconds: number): Promise<void>;
}

/** Seconds below which KV refuses to keep anything (developers.cloudflare.com/kv, "Expiring keys"). */
const SHORTEST = 60;

/** Read wherever the call comes in, within a minute of its being written anywhere. */
export const kvLayer = (namespace: KVNamespace): Layer => ({
  async read(name) {
    const bytes = await namespace.get(name, 'arrayBuffer');
    return bytes === null ? undefined : new Uint8Array(bytes);
  },
  async write(name, bytes, seconds) {
    // Each entry says by itself how long it holds.
    await namespace.put(name, bytes, { expirationTtl: Math.max(SHORTEST, seconds) });
  },
});

/** Bytes above which an answer is large: to keep a gigabyte for a month costs thirty times as much in KV as in R2. */
const LARGE = 256 * 1024;
/** Stands in the place of a large answer. What is sealed is longer by itself. */
const POINTER = new Uint8Array(1);
/** Megabytes come from R2 within tenths of a second; the model that is not asked takes many of those. */
const LARGE_PATIENCE = 500;

/**
 * Large answers in R2, and in their place, where all others are, only that they are there. R2 forgets nothing by itself:
 * the bucket has a rule for that (docs/storage.md).
 */
export const largeLayer = (bucket: R2Bucket, small: Layer): Layer => ({
  patience: LARGE_PATIENCE,
  async read(name) {
    const bytes = await soon(small.read(name));
    if (bytes?.length !== POINTER.length) return bytes;
    const object = await bucket.get(name);
    return object === null ? undefined : new Uint8Array(await object.arrayBuffer());
  },
  async write(name, bytes, seconds) {
    if (bytes.length <= LARGE) return small.write(name, bytes, seconds);
    await bucket.put(name, bytes);
    await small.write(name, POINTER, seconds);
  },
});

/** The cache of one data centre. It is there for Workers on a zone of their own; elsewhere it keeps nothing. */
export const cacheLayer = (cache: Cache): Layer => ({
  async read(name) {
    const response = await cache.match(urlOf(name));
    return response === undefined ? undefined : new Uint8Array(await response.arrayBuffer());
  },
  async write(name, bytes, seconds) {
    await cache.put(urlOf(name), new Response(bytes, { headers: { 'cache-control': `max-age=${seconds}` } }));
  },
});

/** Milliseconds that a call waits for a place that is near. */
const PATIENCE = 50;

/** What is there soon; `undefined` where nothing is. Rejects as `work` does. */
export const soon = <T>(work: Promise<T>, patience = PATIENCE): Promise<T | undefined> =>
  Promise.race([work, new Promise<undefined>((resolve) => setTimeout(resolve, patience))]);

/** No such host can be asked (RFC 6761 section 6.4). */
const urlOf = (name: string) => `https://answers.invalid/${name}`;
