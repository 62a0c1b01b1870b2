import { type ErrorCode, GatewayError } from '../../../../core/errors.ts';
import type { Pin, PinBook, PinPlace, PinTrust, SeenTool, ToolPins } from '../../../../core/governance.ts';
import type { JsonObject } from '../../../../core/json.ts';
import { Snapshots } from '../../../../core/snapshots.ts';
import type { Page, Source, SourceContext } from '../../sources/source.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import type { TransformHome } from '../transform.ts';
import { isMended, seenTool } from './definition.ts';

/** Pages of one list that are walked. */
const MOST_PAGES = 50;
/** Callers whose lists are remembered. */
const REMEMBERED = 256;

export interface PinSettings {
  readonly trust: PinTrust;
  readonly hidden: 'flag' | 'strip' | 'quarantine';
  readonly perOrg: boolean;
  /** Milliseconds. */
  readonly recheck: number;
  readonly except: readonly string[];
}

/** What a source listed for one caller. Plain data: it outlives the request that read it. */
interface Reading {
  /** By name; of names that stood there twice there is none. */
  readonly tools: ReadonlyMap<string, SeenTool>;
  readonly at: number;
}

/** The tools of one source, held against what was approved of them. */
export class PinnedTools {
  readonly #settings: PinSettings;
  readonly #source: Source;
  readonly #home: TransformHome;
  readonly #readings = new Snapshots<Reading>(REMEMBERED);
  /** Gone with the things. */
  readonly #looked = new WeakMap<JsonObject, { readonly tool: SeenTool | undefined }>();

  constructor(settings: PinSettings, source: Source, home: TransformHome) {
    this.#settings = settings;
    this.#source = source;
    this.#home = home;
  }

  /** The tools of a page that may be used. */
  async ofPage(page: Page, cursor: string | undefined, context: SourceContext): Promise<readonly JsonObject[]> {
    const { items, nextCursor } = page;
    const isWhole = cursor === undefined && nextCursor === undefined && page.failed === undefined;
    const seen = await Promise.all(items.map((item) => this.#look(item)));
    const tools = once(seen);
    const book = await this.#book(tools, isWhole, context);
    return items.filter((_, at) => {
      const name = seen[at]?.name;
      const tool = name === undefined ? undefined : tools.get(name);
      return tool !== undefined && this.#isGood(tool, book);
    });
  }

  /** Throws -32602 with `tool_quarantined` for a tool that may not be used, and what the list throws where it cannot be read. */
  async check(name: string, context: SourceContext): Promise<void> {
    const known = this.#reading(context);
    const tool = known?.get(name) ?? (await this.#walk(context)).get(name);
    const book = tool === undefined ? undefined : await this.#book(new Map([[name, tool]]), false, context);
    if (tool !== undefined && book !== undefined && this.#isGood(tool, book)) return;
    throw quarantined(told(this.#home.exposed(name), tool, book?.get(name)), context);
  }

  /** Of what was approved, in one text that changes with it. */
  async standing(context: SourceContext): Promise<string> {
    const book = await this.#pins(context).read(this.#place(context));
    return book === undefined
      ? ''
      : JSON.stringify(
          [...book]
            .filter(([, { status }]) => status === 'approved')
            .map(([name, { approved }]) => [name, approved])
            .sort(),
        );
  }

  /** What was read is not so any more. */
  forget(): void {
    this.#readings.clear();
  }

  /** What is read may be as old as half of what is allowed, since it is gone by for the other half. */
  get #half(): number {
    return this.#settings.recheck / 2;
  }

  #isGood(tool: SeenTool, book: PinBook): boolean {
    const pin = book.get(tool.name);
    if (pin?.status !== 'approved' || pin.approved !== tool.digest) return false;
    return this.#settings.hidden !== 'strip' || tool.flags.length === 0 || isMended(tool.definition);
  }

  #reading(context: SourceContext): ReadonlyMap<string, SeenTool> | undefined {
    const reading = this.#readings.get(readerOf(context));
    return reading !== undefined && this.#home.ports.clock.now() - reading.at < this.#half ? reading.tools : undefined;
  }

  #keep(context: SourceContext, tools: ReadonlyMap<string, SeenTool>): void {
    this.#readings.put(readerOf(context), { tools, at: this.#home.ports.clock.now() });
  }

  /** What is pinned of a tool. A list that is kept holds the same objects, which are looked through and digested once. */
  async #look(item: JsonObject): Promise<SeenTool | undefined> {
    const known = this.#looked.get(item);
    if (known !== undefined) return known.tool;
    const tool = await seenTool(item, this.#settings.except);
    this.#looked.set(item, { tool });
    return tool;
  }

  /** The whole list. */
  async #walk(context: SourceContext): Promise<ReadonlyMap<string, SeenTool>> {
    const seen: (SeenTool | undefined)[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < MOST_PAGES && seen.length < this.#home.limits.capabilities; pages++) {
      const page: Page = await this.#source.list('tools', cursor, { ...context, listedWithin: this.#half });
      // An earlier list says nothing of the tools that are called now.
      if (page.failed !== undefined) throw page.failed;
      seen.push(...(await Promise.all(page.items.map((item) => this.#look(item)))));
      if (page.nextCursor === undefined || page.nextCursor === cursor) break;
      cursor = page.nextCursor;
    }
    const tools = once(seen);
    this.#keep(context, tools);
    return tools;
  }

  /** What was approved, after what is new has been noted. A source is read whole the first time: what first use trusts is all of it. */
  async #book(tools: ReadonlyMap<string, SeenTool>, isWhole: boolean, context: SourceContext): Promise<PinBook> {
    const pins = this.#pins(context);
    const place = this.#place(context);
    const book = await pins.read(place);
    const all = book !== undefined || isWhole ? tools : await this.#walk(context);
    const news = [...all.values()].filter((tool) => isNews(tool, book?.get(tool.name)));
    if (book !== undefined && news.length === 0) return book;
    const { trust, hidden } = this.#settings;
    return pins.see(place, {
      tools: news,
      isWhole: book === undefined,
      trust,
      holdsHidden: hidden === 'quarantine',
      by: context.caller.org,
    });
  }

  #pins({ call }: SourceContext): ToolPins {
    const pins = call?.ports.governance?.pins;
    if (pins === undefined) {
      throw new GatewayError(
        'not_supported',
        'The tools of this route are pinned, and there is no database for it. The operator binds DB.',
      );
    }
    return pins;
  }

  #place({ call, caller }: SourceContext): PinPlace {
    const { name, isRoute } = this.#home;
    // What stands at the route sees other names and texts than what stands at the source: both may be there.
    return { route: call?.route ?? '', source: isRoute ? `${name}@route` : name, ...(this.#settings.perOrg ? { org: caller.org } : {}) };
  }
}

/** Who may be shown other tools than others are; what a run is called is nothing to go by. */
const readerOf = ({ principal, caller: { run: _, ...caller }, client }: SourceContext) =>
  JSON.stringify([principal, caller, client.era, client.capabilities]);

/** What the book does not know of a tool. */
const isNews = ({ digest }: SeenTool, pin: Pin | undefined): boolean =>
  pin === undefined || (digest !== pin.approved && digest !== pin.seen);

/** Of two tools of one name nobody could say which was approved: neither is there. */
function once(seen: readonly (SeenTool | undefined)[]): ReadonlyMap<string, SeenTool> {
  const tools = new Map<string, SeenTool>();
  const twice = new Set<string>();
  for (const tool of seen) {
    if (tool === undefined) continue;
    if (tools.has(tool.name)) twice.add(tool.name);
    tools.set(tool.name, tool);
  }
  for (const name of twice) tools.delete(name);
  return tools;
}

const CODE: ErrorCode = 'tool_quarantined';

const quarantined = (message: string, { call }: SourceContext) =>
  new RpcError(codes.invalidParams, message, { data: { code: CODE, ...(call === undefined ? {} : { requestId: call.requestId }) } });

function told(name: string, tool: SeenTool | undefined, pin: Pin | undefined): string {
  const shown = `Unknown tool: ${name.slice(0, 128)}.`;
  if (tool === undefined) return `${shown} Its server does not list it now, and only what it lists can be approved.`;
  if (pin?.status === 'rejected') return `${shown} The operator has rejected it.`;
  if (pin === undefined || pin.status === 'pending') return `${shown} It is new, and waits for the operator to approve it.`;
  return `${shown} Its server has changed it, and it is not any more what was approved: it waits for the operator to look at it.`;
}
