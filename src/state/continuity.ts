import { decodeBase64, encodeBase64 } from '../core/base64.ts';
import { within } from '../core/deadline.ts';
import { GatewayError } from '../core/errors.ts';
import { type Json, parseJson } from '../core/json.ts';
import type { Continuity, KeptEntry, KeptPlace, KeptRoom } from '../core/ports.ts';
import type { Continuity as ContinuityObject, SealedEntry, StoredEntry } from './continuity-object.ts';
import { OwnerKeys } from './secret.ts';

/** Milliseconds that the object may take: what is needed for an answer then fails, and what is kept behind it is not said to be kept. */
const DEADLINE = 2_000;

/** Where texts stand that the caller keeps itself. */
const HANDED_OUT = 'handed out';

/**
 * Seals what is kept before it leaves this isolate, under the names and keys of its owner. One for a request: what it
 * derives is not shared between requests.
 */
export class SealedContinuity implements Continuity {
  readonly #namespace: DurableObjectNamespace<ContinuityObject>;
  readonly #secret: string;
  #owner: { readonly id: string; readonly keys: Promise<OwnerKeys> } | undefined;

  constructor(namespace: DurableObjectNamespace<ContinuityObject>, secret: string) {
    this.#namespace = namespace;
    this.#secret = secret;
  }

  async put(owner: string, entries: readonly KeptEntry[], room: KeptRoom): Promise<void> {
    const keys = await this.#keys(owner);
    const sealed = await Promise.all(entries.map((entry) => sealEntry(entry, keys)));
    await inTime((await this.#object(keys)).put(sealed, room));
  }

  async get(owner: string, kind: string, ids: readonly string[]): Promise<ReadonlyMap<string, Json>> {
    const keys = await this.#keys(owner);
    const names = await Promise.all(ids.map((id) => nameOf({ kind, id }, keys)));
    const found = new Map((await inTime((await this.#object(keys)).get([...new Set(names)]))).map((entry) => [entry.name, entry]));
    const values = new Map<string, Json>();
    for (const [at, id] of ids.entries()) {
      const entry = found.get(names[at] ?? '');
      const value = entry === undefined ? undefined : await openEntry(entry, keys);
      if (value !== undefined) values.set(id, value);
    }
    return values;
  }

  async chain(owner: string, place: KeptPlace, keepUntil: number): Promise<readonly Json[] | undefined> {
    const keys = await this.#keys(owner);
    const found = await inTime((await this.#object(keys)).chain(await nameOf(place, keys), keepUntil));
    return found === undefined ? undefined : allOf(found, keys);
  }

  async children(owner: string, parent: KeptPlace, kind: string, keepUntil: number): Promise<readonly Json[]> {
    const keys = await this.#keys(owner);
    return (await allOf(await inTime((await this.#object(keys)).children(await nameOf(parent, keys), kind, keepUntil)), keys)) ?? [];
  }

  async delete(owner: string, place: KeptPlace, children?: string): Promise<boolean> {
    const keys = await this.#keys(owner);
    return (await inTime((await this.#object(keys)).delete([await nameOf(place, keys)], children))) > 0;
  }

  async sign(owner: string, text: string): Promise<string> {
    return (await this.#keys(owner)).name(`${HANDED_OUT} ${text}`);
  }

  async seal(owner: string, text: string): Promise<string> {
    const keys = await this.#keys(owner);
    return encodeBase64(await keys.seal(text, HANDED_OUT));
  }

  async open(owner: string, sealed: string): Promise<string | undefined> {
    const bytes = decodeBase64(sealed);
    return bytes === undefined ? undefined : (await this.#keys(owner)).open(bytes, HANDED_OUT);
  }

  #keys(owner: string): Promise<OwnerKeys> {
    if (this.#owner?.id !== owner) this.#owner = { id: owner, keys: OwnerKeys.derive(this.#secret, owner) };
    return this.#owner.keys;
  }

  /** Named by a keyed hash: who has the names of the objects still does not know whose they are. */
  async #object(keys: OwnerKeys) {
    return this.#namespace.getByName(await keys.name('object'));
  }
}

/** Throws `overloaded` for what is too late. */
async function inTime<T>(work: Promise<T>): Promise<T> {
  try {
    return await within(DEADLINE, work);
  } catch (cause) {
    throw new GatewayError('overloaded', 'What earlier calls left cannot be reached now. Try again in a moment.', { cause });
  }
}

const nameOf = ({ kind, id }: KeptPlace, keys: OwnerKeys): Promise<string> => keys.name(`${kind} ${id}`);

async function sealEntry(entry: KeptEntry, keys: OwnerKeys): Promise<SealedEntry> {
  const name = await nameOf(entry, keys);
  return {
    name,
    kind: entry.kind,
    parent: entry.parent === undefined ? null : await nameOf(entry.parent, keys),
    sealed: await keys.seal(JSON.stringify(entry.value), name),
    expiresAt: entry.expiresAt,
  };
}

async function openEntry({ name, sealed }: StoredEntry, keys: OwnerKeys): Promise<Json | undefined> {
  const text = await keys.open(sealed, name);
  return text === undefined ? undefined : parseJson(text);
}

/** All of them, or none where one cannot be read: a history with a hole in it is not the history. */
async function allOf(entries: readonly StoredEntry[], keys: OwnerKeys): Promise<readonly Json[] | undefined> {
  const values = await Promise.all(entries.map((entry) => openEntry(entry, keys)));
  return values.every((value) => value !== undefined) ? values : undefined;
}
