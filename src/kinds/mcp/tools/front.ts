import { asString, type Json, type JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import { type Catalogue, MISSING } from '../catalogue.ts';
import type { SourceContext } from '../sources/source.ts';
import type { Asked } from '../virtual.ts';
import { objectOf, textOf } from '../wire/message.ts';
import { CALL, callTool, DESCRIBE, FOUND, INSTRUCTIONS, MOST_FOUND, SEARCH, searchTools } from './own.ts';
import { ToolSearch } from './search.ts';
import type { Showing } from './showing.ts';

/** Characters of JSON that one search gives, about; the best tool is given whatever it is. */
const MOST_GIVEN = 512 * 1024;
/** Characters of a question that are read. */
const LONGEST_QUERY = 2_000;

/** What stands before the tools of a route whose list does not say all of them. */
export class ToolFront {
  readonly #showing: Showing;
  readonly #catalogue: Catalogue;
  readonly #search = new ToolSearch();

  constructor(showing: Showing, catalogue: Catalogue) {
    this.#showing = showing;
    this.#catalogue = catalogue;
  }

  get instructions(): string | undefined {
    return INSTRUCTIONS[this.#showing.show];
  }

  /** Whether a request is for what this adds. `call_tool` comes here only where it does not say what to call: else it is that call before it is served. */
  isOwn({ method, params }: Asked): boolean {
    const { show } = this.#showing;
    if (show === 'all') return false;
    if (method === 'tools/list') return true;
    const name = method === 'tools/call' ? textOf(params, 'name') : undefined;
    return show === 'search' ? name === SEARCH || name === CALL : name === DESCRIBE;
  }

  /** Of what is its own: whether it is answered without asking any source. */
  asksNobody({ method, params }: Asked): boolean {
    const { show, always } = this.#showing;
    return method === 'tools/list' ? show === 'search' && always.size === 0 : textOf(params, 'name') === CALL;
  }

  /** Whether it answers a list itself, and not the catalogue. */
  lists(method: string): boolean {
    return method === 'tools/list' && this.#showing.show === 'search';
  }

  async answer({ method, params }: Asked, context: SourceContext): Promise<Wire> {
    if (method === 'tools/list') return this.#list(context);
    const args = objectOf(params, 'arguments');
    switch (textOf(params, 'name')) {
      case SEARCH:
        return this.#find(args, context);
      case DESCRIBE:
        return this.#describe(args, context);
      default:
        return mistaken('arguments.name must be the name of a tool, and arguments.arguments an object.');
    }
  }

  async #list(context: SourceContext): Promise<Wire> {
    const { always } = this.#showing;
    const own = [searchTools, callTool];
    if (always.size === 0) return Wire.of({ tools: own });
    const { tools, meta } = await this.#tools(context);
    const shown = tools.filter((tool) => always.has(nameOf(tool)) && nameOf(tool) !== SEARCH && nameOf(tool) !== CALL);
    return Wire.of({ tools: [...own, ...shown], ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) });
  }

  async #find({ query, limit = FOUND }: JsonObject, context: SourceContext): Promise<Wire> {
    if (typeof query !== 'string' || query.trim() === '') return mistaken('arguments.query must say what the tool is to do.');
    if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1)
      return mistaken('arguments.limit must be a whole number from 1 up.');
    const { tools, meta } = await this.#tools(context);
    const embedder = context.call?.ports.embedder;
    const most = Math.min(limit, MOST_FOUND);
    const best = await this.#search.best(query.slice(0, LONGEST_QUERY), tools, most, embedder, context.signal);
    return found({ tools: fitting(best) }, meta);
  }

  async #describe({ name }: JsonObject, context: SourceContext): Promise<Wire> {
    if (typeof name !== 'string') return mistaken('arguments.name must be the name of a tool.');
    const { tools, meta } = await this.#tools(context);
    const tool = tools.find((each) => nameOf(each) === name);
    return tool === undefined ? mistaken('There is no tool of this name.', meta) : found({ tool }, meta);
  }

  /** Every tool that this caller would be listed. */
  async #tools(context: SourceContext): Promise<{ readonly tools: readonly JsonObject[]; readonly meta: JsonObject }> {
    const { parts, meta } = await this.#catalogue.everything('tools', context);
    const missing = meta[MISSING];
    return { tools: parts.flatMap(({ items }) => items), meta: missing === undefined ? {} : { [MISSING]: missing } };
  }
}

const nameOf = (tool: JsonObject): string => asString(tool.name) ?? '';

/** As many as there is room for. Pictures are for people: no model reads them. */
function fitting(tools: readonly JsonObject[]): readonly JsonObject[] {
  const given: JsonObject[] = [];
  let length = 0;
  for (const { icons: _, ...tool } of tools) {
    length += JSON.stringify(tool).length;
    if (given.length > 0 && length > MOST_GIVEN) break;
    given.push(tool);
  }
  return given;
}

function found(structuredContent: { readonly [name: string]: Json }, meta: JsonObject): Wire {
  const content = [{ type: 'text', text: JSON.stringify(structuredContent) }];
  return Wire.of({ content, structuredContent, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) });
}

/** What a model got wrong, told so that it can do better. */
const mistaken = (text: string, meta: JsonObject = {}): Wire =>
  Wire.of({ content: [{ type: 'text', text }], isError: true, ...(Object.keys(meta).length === 0 ? {} : { _meta: meta }) });
