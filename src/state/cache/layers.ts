/** A place beyond the isolate where bytes are kept by name for a time. */
export interface Layer {
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

/** No such host can be asked (RFC 6761 section 6.4). */
const urlOf = (name: string) => `https://answers.invalid/${name}`;
