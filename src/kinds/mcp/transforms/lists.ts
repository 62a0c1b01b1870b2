import type { JsonObject } from '../../../core/json.ts';
import type { Page, Source, SourceContext, SourceHome } from '../sources/source.ts';

/** Milliseconds for which a list is remembered to find out what a name stands for. */
const KEPT_FOR = 30_000;
/** Pages of one list that are walked, and lists that are remembered at most. */
const MOST_PAGES = 50;
const MOST_LISTS = 64;

type Named = 'tools' | 'prompts';

interface Kept {
  readonly items: ReadonlyMap<string, JsonObject>;
  readonly until: number;
}

/** What a source lists for a caller, by name: for transforms that must know more of a tool than a call of it says. */
export class Lists {
  readonly #source: Source;
  readonly #home: SourceHome;
  readonly #kept = new Map<string, Kept>();

  constructor(source: Source, home: SourceHome) {
    this.#source = source;
    this.#home = home;
  }

  /** As the source lists it; `undefined` where it does not. */
  async find(what: Named, own: string, context: SourceContext): Promise<JsonObject | undefined> {
    const { principal, caller, client } = context;
    const key = JSON.stringify([what, principal, caller, client.era, client.capabilities]);
    const now = this.#home.ports.clock.now();
    const known = this.#kept.get(key);
    if (known !== undefined && known.until > now) return known.items.get(own);
    const items = await this.#walk(what, context);
    if (this.#kept.size >= MOST_LISTS) this.#kept.clear();
    this.#kept.set(key, { items, until: now + KEPT_FOR });
    return items.get(own);
  }

  forget(): void {
    this.#kept.clear();
  }

  async #walk(what: Named, context: SourceContext): Promise<ReadonlyMap<string, JsonObject>> {
    const items = new Map<string, JsonObject>();
    const { capabilities } = await this.#source.offer(context);
    if (!Object.hasOwn(capabilities, what)) return items;
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES; pages++) {
      const page: Page = await this.#source.list(what, cursor, context);
      for (const item of page.items) if (typeof item.name === 'string') items.set(item.name, item);
      if (page.nextCursor === undefined || page.nextCursor === cursor) break;
      cursor = page.nextCursor;
    }
    return items;
  }
}
