import { decodeBase64, encodeBase64 } from '../../../../core/base64.ts';
import { GatewayError } from '../../../../core/errors.ts';
import type { Exchange } from '../../../../core/exchange.ts';
import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import type { Continuity, KeptRoom } from '../../../../core/ports.ts';

/** What a provider keeps for its callers, and how its own ids begin. */
const PREFIXES = { file: 'file-weir_', batch: 'batch_weir_' } as const;
export type StoredKind = keyof typeof PREFIXES;

/** Fields that hold an id, wherever they stand in an object of these APIs. */
const ID_FIELDS: { readonly [field: string]: StoredKind } = { input_file_id: 'file', output_file_id: 'file', error_file_id: 'file' };

/** Characters of the signature at an id's end: 132 bits. */
const SIGNATURE = 22;
/** Names remembered for one app's lists; the oldest go, and stay reachable by their ids. */
const ROOM: KeptRoom = { items: 50_000, bytes: 16 * 1024 * 1024 };
const YEAR = 365 * 24 * 3600 * 1000;

export interface StoredId {
  readonly provider: string;
  /** The provider's own. */
  readonly id: string;
}

const encoder = new TextEncoder();

/**
 * The ids an app's keys are handed instead of a provider's own. They say which provider's credential made the object and are
 * signed for the app, so that a call with one returns there, and another app's call with it finds nothing.
 */
export class StoredIds {
  readonly #continuity: Continuity;
  readonly #owner: string;
  readonly #now: number;

  /** Throws `not_supported` where the deployment has no secret to sign with. */
  constructor({ ports, who }: Exchange) {
    if (ports.continuity === undefined) {
      throw new GatewayError('not_supported', 'Files and batches need the secret WEIR_SECRET, which the operator has not set.');
    }
    this.#continuity = ports.continuity;
    this.#owner = `stored ${who.principal}`;
    this.#now = ports.clock.now();
  }

  async wrap(kind: StoredKind, { provider, id }: StoredId): Promise<string> {
    const signature = await this.#continuity.sign(this.#owner, `${kind} ${provider} ${id}`);
    return PREFIXES[kind] + base64url(`${provider}\n${id}`) + signature.slice(0, SIGNATURE);
  }

  /** Throws `not_found` for everything this app was not handed. */
  async unwrap(kind: StoredKind, wrapped: string): Promise<StoredId> {
    const prefix = PREFIXES[kind];
    const text = wrapped.startsWith(prefix) ? decodeBase64(wrapped.slice(prefix.length, -SIGNATURE)) : undefined;
    const [provider, id] = text === undefined ? [] : new TextDecoder().decode(text).split('\n');
    if (provider !== undefined && id !== undefined && (await this.wrap(kind, { provider, id })) === wrapped) return { provider, id };
    throw new GatewayError('not_found', `There is no ${kind} "${wrapped.slice(0, 64)}" for this app.`);
  }

  /** An object of a provider as the caller sees it: every id in it wrapped. */
  async wrapObject(kind: StoredKind, provider: string, object: JsonObject): Promise<JsonObject> {
    const wrapped: Record<string, Json | undefined> = { ...object };
    for (const [field, value] of Object.entries(object)) {
      const kindOfField = field === 'id' ? kind : ID_FIELDS[field];
      if (kindOfField !== undefined && typeof value === 'string') wrapped[field] = await this.wrap(kindOfField, { provider, id: value });
    }
    return wrapped;
  }

  /** Remembers objects as this app's, with what must be known of them later. Forgotten ones are missing in lists, and no more. */
  async own(kind: StoredKind, provider: string, objects: readonly JsonObject[], note: JsonObject = {}): Promise<void> {
    const entries = objects.flatMap(({ id, purpose = null }) =>
      typeof id === 'string' ? [{ kind, id: `${provider} ${id}`, value: { purpose, ...note }, expiresAt: this.#now + YEAR }] : [],
    );
    if (entries.length > 0) await this.#continuity.put(this.#owner, entries, ROOM);
  }

  /** Which of these are this app's. */
  async owned(kind: StoredKind, provider: string, ids: readonly string[]): Promise<ReadonlySet<string>> {
    const places = new Map(ids.map((id) => [`${provider} ${id}`, id]));
    const found = await this.#continuity.get(this.#owner, kind, [...places.keys()]);
    return new Set([...found.keys()].flatMap((place) => places.get(place) ?? []));
  }

  /** What is remembered of an object of this app; empty where nothing is. */
  async noteOf(kind: StoredKind, { provider, id }: StoredId): Promise<JsonObject> {
    const place = `${provider} ${id}`;
    const value = (await this.#continuity.get(this.#owner, kind, [place])).get(place);
    return isObject(value) ? value : {};
  }
}

const base64url = (text: string) => encodeBase64(encoder.encode(text)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
