import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Clock } from '../../core/ports.ts';
import { Wire } from '../../core/wire.ts';
import { exposedName } from './names.ts';
import type { Sealer } from './seal.ts';
import type { McpLimits } from './settings.ts';
import { type Listing, type Offer, OMITTED, type Page, type SourceContext } from './sources/source.ts';
import { exposedItem } from './uris.ts';
import { nobody, type OpenSource } from './virtual.ts';
import { codes, RpcError } from './wire/errors.ts';

/** Where clients are told which servers are missing from an answer. */
export const MISSING = 'weir/missing';
/** Milliseconds for which names are remembered to find out whose they are. */
const NAMES_FOR = 30_000;
/** Milliseconds for which a cursor is good. */
const CURSOR_FOR = 3_600_000;
const CURSOR = 'cursor';
/** Pages of one list that are walked to find a name. */
const MOST_PAGES = 50;
/** Lists that are remembered at most. */
const MOST_LISTS = 256;

const CAPABILITY: { readonly [what in Listing]: string } = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  'resources/templates': 'resources',
};
const FIELD: { readonly [what in Listing]: string } = {
  tools: 'tools',
  prompts: 'prompts',
  resources: 'resources',
  'resources/templates': 'resourceTemplates',
};

/** Capabilities that make sense of several servers together. */
export const isListed = (capability: string): boolean =>
  ['tools', 'prompts', 'resources', 'completions', 'logging', 'experimental', 'extensions'].includes(capability);

interface Missing {
  readonly source: string;
  readonly code: string;
  readonly message: string;
}

type Asked<T> = { readonly source: OpenSource; readonly value: T } | { readonly missing: Missing };

/** What several servers have, put together: who fails is named, and the others answer. */
export class Catalogue {
  readonly #sources: readonly OpenSource[];
  readonly #limits: McpLimits;
  /** Of one caller's: what a server shows one it need not show another. */
  readonly #names = new Map<string, { readonly names: readonly string[]; readonly until: number }>();
  readonly #clock: Clock;

  constructor(sources: readonly OpenSource[], limits: McpLimits, clock: Clock) {
    this.#clock = clock;
    this.#sources = sources;
    this.#limits = limits;
  }

  async offers(context: SourceContext) {
    const { found, meta } = await this.#all(this.#sources, async ({ source }) => source.offer(context));
    return { offers: found.map(({ source, value }) => ({ ...source, offer: value as Offer })), meta };
  }

  /** A page of the list of all: the first pages of all of them, then the second ones. */
  async page(what: Listing, cursor: string | undefined, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const from = cursor === undefined ? undefined : await this.#opened(what, cursor, sealer);
    const asked = from === undefined ? this.#sources : this.#sources.filter(({ name }) => from.has(name));
    const { found, meta } = await this.#all(asked, async (each) => {
      const offer = await each.source.offer(context);
      if (!Object.hasOwn(offer.capabilities, CAPABILITY[what])) return { items: [] };
      return each.source.list(what, from?.get(each.name), context);
    });
    const next = found.flatMap(({ source, value }) => (value.nextCursor === undefined ? [] : [[source.name, value.nextCursor]]));
    const result: { [key: string]: Json } = { [FIELD[what]]: this.#items(found) };
    if (next.length > 0) result.nextCursor = await sealer.seal(`${CURSOR} ${what}`, { next }, CURSOR_FOR);
    const ttl = found.reduce((least, { value }) => Math.min(least, value.ttlMs ?? 0), Number.POSITIVE_INFINITY);
    if (context.client.era === 'modern') result.ttlMs = Number.isFinite(ttl) && Object.keys(meta).length === 0 ? ttl : 0;
    const omitted = found.flatMap(({ source: { name }, value }) => omittedIn(name, value));
    const told = omitted.length === 0 ? meta : { ...meta, [OMITTED]: omitted };
    if (Object.keys(told).length > 0) result._meta = told;
    return Wire.of(result);
  }

  /** The source's own names. */
  async names({ name, source }: OpenSource, what: 'tools' | 'prompts' | 'resources', context: SourceContext): Promise<readonly string[]> {
    const key = JSON.stringify([name, what, context.principal, context.client.era]);
    const known = this.#names.get(key);
    const now = this.#clock.now();
    if (known !== undefined && known.until > now) return known.names;
    const names: string[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page: Page = await source.list(what, cursor, context);
      for (const item of page.items) {
        const own = what === 'resources' ? item.uri : item.name;
        if (typeof own === 'string') names.push(own);
      }
      if (page.nextCursor === undefined || page.nextCursor === cursor || names.length >= this.#limits.capabilities) break;
      cursor = page.nextCursor;
    }
    if (this.#names.size >= MOST_LISTS) this.#names.clear();
    this.#names.set(key, { names, until: now + NAMES_FOR });
    return names;
  }

  /** Of sources without a prefix, the one that has a thing; nobody where several have one of the same name: which was meant cannot be told. */
  async owner(among: readonly OpenSource[], what: 'tools' | 'prompts' | 'resources', own: string, context: SourceContext) {
    const { found } = await this.#all(among, async (each) => (await this.names(each, what, context)).includes(own));
    const owners = found.filter(({ value }) => value);
    return owners.length === 1 ? owners[0]?.source : undefined;
  }

  forget(): void {
    this.#names.clear();
  }

  #items(found: readonly { readonly source: OpenSource; readonly value: Page }[]): readonly JsonObject[] {
    const items = found.flatMap(({ source: { prefix }, value }) =>
      value.items.map((item) => exposedItem(item, prefix, (own) => exposedName(prefix, own, this.#limits.longestName))),
    );
    const identity = (item: JsonObject) => item.uri ?? item.uriTemplate ?? item.name;
    const seen = new Map<Json | undefined, number>();
    for (const item of items) seen.set(identity(item), (seen.get(identity(item)) ?? 0) + 1);
    // Of two things that look the same to a client nobody can say which is meant: neither is shown.
    return items.filter((item) => seen.get(identity(item)) === 1);
  }

  async #opened(what: Listing, cursor: string, sealer: Sealer): Promise<ReadonlyMap<string, string>> {
    const said = await sealer.open(`${CURSOR} ${what}`, cursor);
    const next = said?.next;
    if (!isArray(next)) throw new RpcError(codes.invalidParams, 'The cursor is none of this list, or it is too old: begin anew.');
    return new Map(
      next.flatMap((entry) => {
        const [name, own] = isArray(entry) ? entry : [];
        return typeof name === 'string' && typeof own === 'string' ? [[name, own] as const] : [];
      }),
    );
  }

  /** Throws where every one of them fails. */
  async #all<T>(sources: readonly OpenSource[], ask: (source: OpenSource) => Promise<T>) {
    const asked = await Promise.all(
      sources.map(
        (source): Promise<Asked<T>> =>
          ask(source).then(
            (value) => ({ source, value }),
            (thrown: unknown) => ({ missing: missing(source, thrown) }),
          ),
      ),
    );
    const found = asked.flatMap((each) => ('value' in each ? [each] : []));
    const lost = asked.flatMap((each) => ('missing' in each ? [each.missing] : []));
    if (found.length === 0 && lost.length > 0) throw nobody(lost.map(({ source }) => source));
    const meta: JsonObject = lost.length === 0 ? {} : { [MISSING]: lost.map((each) => ({ ...each })) };
    return { found, meta };
  }
}

/** What a source has that is in no list, with its own name. */
function omittedIn(source: string, { meta }: Page): readonly JsonObject[] {
  const omitted = meta?.[OMITTED];
  return isArray(omitted) ? omitted.filter(isObject).map((each) => ({ source, ...each })) : [];
}

function missing({ name }: OpenSource, thrown: unknown): Missing {
  if (thrown instanceof RpcError) return { source: name, code: 'upstream_rejected', message: thrown.message };
  const error = GatewayError.from(thrown);
  return { source: name, code: error.code, message: error.message };
}

export const missingIn = (result: Wire): Json | undefined => {
  const meta = result.fields.has('_meta') ? result.fields.get('_meta') : undefined;
  return isObject(meta) ? meta[MISSING] : undefined;
};
