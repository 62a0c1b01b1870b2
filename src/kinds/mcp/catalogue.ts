import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Clock } from '../../core/ports.ts';
import { Numbers } from './lists/numbers.ts';
import { ListAnswer, type Member, PageStore, type Place, type ReadyPage, readyPage } from './lists/pages.ts';
import { exposedName } from './names.ts';
import type { Sealer } from './seal.ts';
import type { McpLimits } from './settings.ts';
import { type Listing, OMITTED, type Page, type SourceContext } from './sources/source.ts';
import { AS_THEY_ARE, type Listed } from './tools/listed.ts';
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
/** Pages of one source's list. */
const MOST_PAGES = 50;
/** Characters of JSON of one page, about. */
const MOST_OF_PAGE = 4 * 1024 * 1024;
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
  ['tools', 'prompts', 'resources', 'completions', 'logging', 'tasks', 'experimental', 'extensions'].includes(capability);

interface Missing {
  readonly source: string;
  readonly code: string;
  readonly message: string;
  /** What it had before is listed. */
  readonly earlier?: true;
}

type Asked<T> = { readonly source: OpenSource; readonly value: T } | { readonly missing: Missing };

/** The source's own names, or addresses, by those that clients know. */
export type Names = ReadonlyMap<string, string>;

/** All that one source has of a sort, with its own names. */
interface Whole {
  readonly items: readonly JsonObject[];
  /** Milliseconds for which it may be kept; 0: not at all. */
  readonly ttlMs: number;
  readonly omitted: readonly JsonObject[];
  readonly failed?: GatewayError | undefined;
}

type Found<T> = readonly { readonly source: OpenSource; readonly value: T }[];

/** All that there is of a sort, as this caller sees it. */
export interface Everything {
  /** Of each source, in their order, with the names that clients see. */
  readonly parts: readonly { readonly source: string; readonly items: readonly JsonObject[] }[];
  readonly ttlMs: number;
  /** What to say of it: who is missing, what is in no list. */
  readonly meta: JsonObject;
}

/** What several servers have, put together: who fails is named, and the others answer. */
export class Catalogue {
  readonly #sources: readonly OpenSource[];
  readonly #limits: McpLimits;
  readonly #tools: Listed;
  /** Of one caller's: what a server shows one it need not show another. */
  readonly #names = new Map<string, { readonly names: Names; readonly until: number }>();
  /** Of each source's things: how clients see them, and that as JSON. Gone with them. */
  readonly #exposed: ReadonlyMap<string, WeakMap<JsonObject, JsonObject>>;
  readonly #texts = new WeakMap<JsonObject, string>();
  readonly #numbers = new Numbers();
  readonly #pages: PageStore;
  readonly #clock: Clock;

  constructor(sources: readonly OpenSource[], limits: McpLimits, clock: Clock, tools: Listed = AS_THEY_ARE) {
    this.#clock = clock;
    this.#sources = sources;
    this.#limits = limits;
    this.#tools = tools;
    this.#exposed = new Map(sources.map(({ name }) => [name, new WeakMap()]));
    this.#pages = new PageStore(limits.kept);
  }

  async offers(context: SourceContext) {
    const inside = this.together(context);
    const { found, lost } = await this.#all(this.#sources, async ({ source }) => source.offer(inside));
    return { offers: found.map(({ source, value }) => ({ ...source, offer: value })), meta: missingOf(lost) };
  }

  /** Where others wait with a source, it is not waited for long. */
  together(context: SourceContext): SourceContext {
    return this.#sources.length > 1 ? { ...context, listingWithin: this.#limits.listing } : context;
  }

  async everything(what: Listing, context: SourceContext): Promise<Everything> {
    const { found, ...rest } = await this.#gathered(what, context);
    return { ...rest, parts: this.#parts(found) };
  }

  /**
   * A page of the list of all, the sources' things in the order of the sources. The cursor says how many of which source were
   * on the pages before.
   */
  async page(what: Listing, cursor: string | undefined, context: SourceContext, sealer: Sealer): Promise<ListAnswer> {
    const from = cursor === undefined ? undefined : await this.#opened(what, cursor, sealer);
    const { found, ttlMs, meta } = await this.#gathered(what, context);
    const page = this.#page(what, found, from);
    const said: Member[] = [];
    if (page.next !== undefined)
      said.push(['nextCursor', JSON.stringify(await sealer.seal(`${CURSOR} ${what}`, { ...page.next }, CURSOR_FOR))]);
    // The gateway lets in some and not others: what it lists for one must not be told to another by whoever keeps it.
    if (context.client.era === 'modern')
      said.push(['resultType', '"complete"'], ['ttlMs', String(Number.isFinite(ttlMs) ? ttlMs : 0)], ['cacheScope', '"private"']);
    if (Object.keys(meta).length > 0) said.push(['_meta', JSON.stringify(meta)]);
    return new ListAnswer(FIELD[what], page, said);
  }

  /** What each source has for this caller now. */
  async #gathered(what: Listing, context: SourceContext) {
    const inside = this.together(context);
    const { found, lost } = await this.#all(this.#sources, async (each): Promise<Whole> => {
      const offer = await each.source.offer(inside);
      return Object.hasOwn(offer.capabilities, CAPABILITY[what]) ? this.#whole(each, what, inside) : NOTHING;
    });
    const stale = found.flatMap(({ source, value: { failed } }) =>
      failed === undefined ? [] : [{ ...missing(source, failed), earlier: true as const }],
    );
    const omitted = found.flatMap(({ value }) => value.omitted);
    const meta = missingOf([...lost, ...stale]);
    return {
      found,
      ttlMs: lost.length > 0 ? 0 : found.reduce((least, { value }) => Math.min(least, value.ttlMs), Number.POSITIVE_INFINITY),
      meta: omitted.length === 0 ? meta : { ...meta, [OMITTED]: omitted },
    };
  }

  /** A page as bytes: the one that was made before of the very same things, or a new one. */
  #page(what: Listing, found: Found<Whole>, from: Place | undefined): ReadyPage {
    const prints = found.map(({ source, value }) => ({ source: source.name, ...this.#numbers.of(value.items) }));
    const list = `${what} ${prints.map(({ source, text }) => `${source}:${text}`).join(';')}`;
    const known = this.#pages.get(list, from);
    if (known !== undefined) return known;
    // What is listed anew each time will not be met again.
    const isNew = prints.some((print) => print.isNew);
    const page = this.#made(what, this.#parts(found), from, !isNew);
    if (!isNew) this.#pages.put(list, from, page);
    return page;
  }

  #made(what: Listing, parts: Everything['parts'], from: Place | undefined, isKept: boolean): ReadyPage {
    const shown = what === 'tools' ? this.#tools : AS_THEY_ARE;
    const first = from === undefined ? shown.first.map((item) => JSON.stringify(item)) : [];
    const names = new Set(shown.first.map(({ name }) => name));
    const start = from === undefined ? 0 : this.#sources.findIndex(({ name }) => name === from.source);
    const later = new Set(this.#sources.slice(start).map(({ name }) => name));
    const among = parts.filter(({ source }) => later.has(source));
    const { texts, next } = cut(among, from, this.#limits.page, (item) => {
      if (names.has(item.name)) return undefined;
      const known = this.#texts.get(item);
      if (known !== undefined) return known;
      const text = JSON.stringify(shown.as(item));
      if (isKept) this.#texts.set(item, text);
      return text;
    });
    return readyPage(FIELD[what], [...first, ...texts], next);
  }

  /** What a source calls its things, and how clients see that. */
  async names(each: OpenSource, what: 'tools' | 'prompts' | 'resources', context: SourceContext): Promise<Names> {
    const { principal, caller, client } = context;
    // The whole of who asks: rules may show one caller what they hide from the next, and a run what they hide from another.
    const key = JSON.stringify([each.name, what, each.changes(), principal, caller, client]);
    const known = this.#names.get(key);
    const now = this.#clock.now();
    if (known !== undefined && known.until > now) return known.names;
    const { items } = await this.#whole(each, what, context);
    const names = new Map<string, string>();
    for (const item of items) {
      const own = what === 'resources' ? item.uri : item.name;
      if (typeof own !== 'string') continue;
      const exposed = what === 'resources' ? own : exposedName(each.prefix, own, this.#limits.longestName);
      if (!names.has(exposed)) names.set(exposed, own);
    }
    if (this.#names.size >= MOST_LISTS) this.#names.clear();
    this.#names.set(key, { names, until: now + NAMES_FOR });
    return names;
  }

  /** Of sources without a prefix, the one that has a thing; nobody where several have one of the same name: which was meant cannot be told. */
  async owner(among: readonly OpenSource[], what: 'tools' | 'prompts' | 'resources', own: string, context: SourceContext) {
    const { found } = await this.#all(among, async (each) => (await this.names(each, what, context)).has(own));
    const owners = found.filter(({ value }) => value);
    return owners.length === 1 ? owners[0]?.source : undefined;
  }

  /** Every page of a source's list, to what a source may have at most. */
  async #whole({ name, source }: OpenSource, what: Listing, context: SourceContext): Promise<Whole> {
    const { capabilities } = this.#limits;
    const items: JsonObject[] = [];
    const omitted: JsonObject[] = [];
    const seen = new Set<string>();
    let ttlMs = Number.POSITIVE_INFINITY;
    let failed: GatewayError | undefined;
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES && items.length < capabilities; pages++) {
      const page: Page = await source.list(what, cursor, context);
      // The list itself, which is known again sooner than one that holds the same.
      if (pages === 0 && page.nextCursor === undefined && page.items.length <= capabilities)
        return { items: page.items, omitted: omittedIn(name, page), ttlMs: page.ttlMs ?? 0, failed: page.failed };
      items.push(...page.items.slice(0, capabilities - items.length));
      omitted.push(...omittedIn(name, page));
      ttlMs = Math.min(ttlMs, page.ttlMs ?? 0);
      failed ??= page.failed;
      cursor = page.nextCursor;
      if (cursor === undefined || seen.has(cursor)) break;
      seen.add(cursor);
    }
    return { items, omitted, ttlMs, failed };
  }

  #parts(found: Found<Whole>): Everything['parts'] {
    const parts = found.map(({ source, value: { items } }) => ({
      source: source.name,
      items: items.map((item) => this.#seen(item, source)),
    }));
    const seen = new Map<Json | undefined, number>();
    for (const { items } of parts) for (const item of items) seen.set(identityOf(item), (seen.get(identityOf(item)) ?? 0) + 1);
    // Of two things that look the same to a client nobody can say which is meant: neither is shown.
    return parts.map(({ source, items }) => ({ source, items: items.filter((item) => seen.get(identityOf(item)) === 1) }));
  }

  /** As clients see it: the same object for the same thing. */
  #seen(item: JsonObject, { name, prefix }: OpenSource): JsonObject {
    const known = this.#exposed.get(name);
    let exposed = known?.get(item);
    if (exposed === undefined) {
      exposed = exposedItem(item, prefix, (own) => exposedName(prefix, own, this.#limits.longestName));
      known?.set(item, exposed);
    }
    return exposed;
  }

  async #opened(what: Listing, cursor: string, sealer: Sealer): Promise<Place> {
    const said = await sealer.open(`${CURSOR} ${what}`, cursor);
    const { source, taken } = said ?? {};
    if (typeof source === 'string' && typeof taken === 'number' && this.#sources.some(({ name }) => name === source))
      return { source, taken };
    throw new RpcError(codes.invalidParams, 'The cursor is none of this list, or it is too old: begin anew.');
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
    return { found, lost };
  }
}

const NOTHING: Whole = { items: [], omitted: [], ttlMs: Number.POSITIVE_INFINITY };

const identityOf = (item: JsonObject) => item.uri ?? item.uriTemplate ?? item.name;

const missingOf = (lost: readonly Missing[]): JsonObject => (lost.length === 0 ? {} : { [MISSING]: lost.map((each) => ({ ...each })) });

/** So many things from a place on, as JSON, and the place behind them where there are more. */
function cut(
  parts: Everything['parts'],
  from: Place | undefined,
  most: number,
  textOf: (item: JsonObject) => string | undefined,
): { readonly texts: readonly string[]; readonly next?: Place } {
  const texts: string[] = [];
  let length = 0;
  for (const { source, items } of parts) {
    for (let taken = source === from?.source ? from.taken : 0; taken < items.length; taken++) {
      if (texts.length >= most || length > MOST_OF_PAGE) return { texts, next: { source, taken } };
      const item = items[taken];
      const text = item === undefined ? undefined : textOf(item);
      if (text === undefined) continue;
      length += text.length;
      texts.push(text);
    }
  }
  return { texts };
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
