import type { VectorPlace } from '../../core/meaning/vectors.ts';
import { Snapshots } from '../../core/snapshots.ts';
import { joinBytes } from '../../core/sse.ts';
import { deriveBytes, OwnerKeys } from '../secret.ts';
import { BYTES, Isometry } from './isometry.ts';

/** Characters of base64url, six bits each: of a keyed hash, so many that no two names meet. */
const NAME = 24;
const REMEMBERED = 200;

const encoder = new TextEncoder();
/** What begins with a byte order mark keeps it. */
const decoder = new TextDecoder('utf-8', { fatal: false, ignoreBOM: true });

/** How an owner's entries are called and sealed where they are stored: it tells nothing without the deployment's secret. */
export class OwnerSeal {
  readonly #keys: OwnerKeys;
  readonly #bytesFor: (dimensions: number) => Promise<Uint8Array>;
  readonly #isometries = new Map<number, Isometry>();

  constructor(keys: OwnerKeys, bytesFor: (dimensions: number) => Promise<Uint8Array>) {
    this.#keys = keys;
    this.#bytesFor = bytesFor;
  }

  /** Of the owner's object. */
  owner(): Promise<string> {
    return this.#keys.name('object');
  }

  /** Vectors of different lengths cannot be compared, so they are in different partitions. */
  partition({ partition }: VectorPlace, dimensions: number): Promise<string> {
    return this.#name(`partition ${dimensions} ${partition}`);
  }

  entry(id: string): Promise<string> {
    return this.#name(`entry ${id}`);
  }

  /** Bound to the entry and its partition: nothing opens in another place. Before the data stands the id, behind its length. */
  seal(id: string, data: string, partition: string, entry: string): Promise<Uint8Array> {
    const name = encoder.encode(id);
    return this.#keys.sealBytes(joinBytes(Uint8Array.of(name.length), name, encoder.encode(data)), `${partition} ${entry}`);
  }

  async open(sealed: Uint8Array, partition: string, entry: string): Promise<{ readonly id: string; readonly data: string } | undefined> {
    const bytes = await this.#keys.openBytes(sealed, `${partition} ${entry}`);
    if (bytes === undefined) return undefined;
    const end = 1 + (bytes[0] ?? 0);
    return { id: decoder.decode(bytes.subarray(1, end)), data: decoder.decode(bytes.subarray(end)) };
  }

  /** A vector as it is stored: turned by the owner's key, which no angle between two of them tells. */
  async turned(vector: Int8Array): Promise<Int8Array> {
    let isometry = this.#isometries.get(vector.length);
    if (isometry === undefined) {
      isometry = new Isometry(await this.#bytesFor(vector.length));
      this.#isometries.set(vector.length, isometry);
    }
    return isometry.apply(vector);
  }

  async #name(text: string): Promise<string> {
    return (await this.#keys.name(text)).slice(0, NAME);
  }
}

/** The seals of an isolate, each derived once. */
export class OwnerSeals {
  readonly #secret: string;
  readonly #known = new Snapshots<OwnerSeal>(REMEMBERED);

  constructor(secret: string) {
    this.#secret = secret;
  }

  async of(owner: string): Promise<OwnerSeal> {
    const known = this.#known.get(owner);
    if (known !== undefined) return known;
    const keys = await OwnerKeys.derive(this.#secret, owner, 'vectors');
    const seal = new OwnerSeal(keys, (dimensions) => randomBytes(this.#secret, owner, dimensions));
    this.#known.put(owner, seal);
    return seal;
  }
}

/** HKDF gives 255 hashes at most (RFC 5869 section 2.3), which is less than the longest vectors need. */
const ONCE = 4_096;

async function randomBytes(secret: string, owner: string, dimensions: number): Promise<Uint8Array> {
  const whole = new Uint8Array(dimensions * BYTES);
  for (let at = 0; at < whole.length; at += ONCE) {
    const length = Math.min(ONCE, whole.length - at);
    whole.set(await deriveBytes(secret, `weir vectors 1 order ${dimensions} ${at} ${owner}`, length), at);
  }
  return whole;
}
