import { within } from '../../core/deadline.ts';
import type { ClaimPlace, ClaimVerdict, Idempotency, KeptAnswer } from '../../core/idempotency/port.ts';
import { isObject, parseJson } from '../../core/json.ts';
import type { KeptRoom } from '../../core/ports.ts';
import { joinBytes } from '../../core/sse.ts';
import { OwnerKeys } from '../secret.ts';
import type { Idempotency as IdempotencyObject } from './idempotency-object.ts';

/** Milliseconds that the object may take to say whether a key is taken. */
const DEADLINE = 5_000;
/** Bytes in front of a head that say how long it is. */
const LENGTH = 4;

/** Where a call's key stands: the object of its owner, and the name in it. */
interface Place {
  readonly keys: OwnerKeys;
  readonly object: DurableObjectStub<IdempotencyObject>;
  readonly name: string;
}

/**
 * Seals answers before they leave this isolate, under the names and keys of their owner. One for a request: what it
 * derives is not shared between requests.
 */
export class SealedIdempotency implements Idempotency {
  readonly #namespace: DurableObjectNamespace<IdempotencyObject>;
  readonly #secret: string;
  #place: { readonly of: ClaimPlace; readonly found: Promise<Place> } | undefined;

  constructor(namespace: DurableObjectNamespace<IdempotencyObject>, secret: string) {
    this.#namespace = namespace;
    this.#secret = secret;
  }

  async claim(at: ClaimPlace, fingerprint: string, lease: number): Promise<ClaimVerdict> {
    const { keys, object, name } = await this.#placeOf(at);
    const asked = await keys.name(`asks ${fingerprint}`);
    const claiming = async () => object.claim(name, asked, at.holder, lease);
    const verdict = await within(DEADLINE, claiming());
    if (verdict.state !== 'done') return { state: verdict.state };
    const answer = readAnswer(await keys.openBytes(verdict.sealed, name));
    return answer === undefined ? { state: 'unkept' } : { state: 'done', answer };
  }

  async wait(at: ClaimPlace, most: number): Promise<void> {
    const { object, name } = await this.#placeOf(at);
    await object.wait(name, most);
  }

  async renew(at: ClaimPlace, lease: number): Promise<boolean> {
    const { object, name } = await this.#placeOf(at);
    return object.renew(name, at.holder, lease);
  }

  async keep(at: ClaimPlace, answer: KeptAnswer | undefined, keepFor: number, room: KeptRoom): Promise<void> {
    const { keys, object, name } = await this.#placeOf(at);
    const sealed = answer === undefined ? undefined : await keys.sealBytes(writeAnswer(answer), name);
    await object.keep(name, at.holder, sealed, keepFor, room);
  }

  async release(at: ClaimPlace): Promise<void> {
    const { object, name } = await this.#placeOf(at);
    await object.release(name, at.holder);
  }

  #placeOf(at: ClaimPlace): Promise<Place> {
    if (this.#place?.of !== at) this.#place = { of: at, found: this.#find(at) };
    return this.#place.found;
  }

  /** Named by keyed hashes: who has the names of the objects, or reads one, still does not know whose they are. */
  async #find({ owner, key }: ClaimPlace): Promise<Place> {
    const keys = await OwnerKeys.derive(this.#secret, owner, 'idempotency');
    const [object, name] = await Promise.all([keys.name('object'), keys.name(`key ${key}`)]);
    return { keys, object: this.#namespace.getByName(object), name };
  }
}

/** The head as JSON behind its length, then the body as it is. */
function writeAnswer({ body, ...head }: KeptAnswer): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(head));
  const length = new Uint8Array(LENGTH);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return joinBytes(length, bytes, body);
}

function readAnswer(bytes: Uint8Array | undefined): KeptAnswer | undefined {
  if (bytes === undefined) return undefined;
  const end = LENGTH + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0);
  const head = parseJson(new TextDecoder().decode(bytes.subarray(LENGTH, end)));
  if (!isObject(head) || !isObject(head.headers)) return undefined;
  const { requestId, status, stream, headers } = head;
  if (typeof requestId !== 'string' || typeof status !== 'number' || typeof stream !== 'boolean') return undefined;
  const told = Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value] as const] : []));
  return { requestId, status, stream, headers: Object.fromEntries(told), body: bytes.subarray(end) };
}
