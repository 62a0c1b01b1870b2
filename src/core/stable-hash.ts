// A hash that stays the same in every isolate and release: who is kept on a target by it would otherwise move at each
// deployment. Not for secrets: whoever may choose the text can find two with the same hash.

const encoder = new TextEncoder();

/** Two seeds, so that two 32-bit hashes make one of 64 bits. Changing them moves every subject. */
const SEEDS = [0x9747b28c, 0x51ed270b] as const;

/** A point of [0, 1), with 53 bits. */
export function pointOf(text: string): number {
  const bytes = encoder.encode(text);
  const high = murmur3(bytes, SEEDS[0]);
  const low = murmur3(bytes, SEEDS[1]);
  return (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
}

/** 64 bits as 16 hexadecimal digits. */
export function hashOf(text: string): string {
  const bytes = encoder.encode(text);
  return SEEDS.map((seed) => murmur3(bytes, seed).toString(16).padStart(8, '0')).join('');
}

/** MurmurHash3_x86_32 (Appleby, 2011, in the public domain). */
export function murmur3(bytes: Uint8Array, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const blocks = bytes.length & ~3;
  let hash = seed | 0;
  for (let at = 0; at < blocks; at += 4) {
    hash ^= scrambled(view.getUint32(at, true));
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = bytes.length - 1; at >= blocks; at--) tail = (tail << 8) | view.getUint8(at);
  hash ^= scrambled(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function scrambled(block: number): number {
  const mixed = Math.imul(block, 0xcc9e2d51);
  return Math.imul((mixed << 15) | (mixed >>> 17), 0x1b873593);
}
