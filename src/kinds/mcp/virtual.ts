import { GatewayError } from '../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { Clock } from '../../core/ports.ts';
import { Wire } from '../../core/wire.ts';
import { Catalogue, isListed } from './catalogue.ts';
import { exposedName, exposedUri, isOf, ownName, readUri } from './names.ts';
import type { Sealer } from './seal.ts';
import type { McpLimits, McpSettings, McpTransform } from './settings.ts';
import type { Ask, ListenFilter, Listing, Offer, Source, SourceContext, SourceHome } from './sources/source.ts';
import { openState, sealState } from './state.ts';
import { exposedResult } from './uris.ts';
import { codes, RpcError } from './wire/errors.ts';
import { objectOf, textOf } from './wire/message.ts';

/** A source at work, and what stands before its names. */
export interface OpenSource {
  readonly name: string;
  readonly prefix: string;
  readonly source: Source;
}

/** Opens every source of a route; asks nobody. */
export const openSources = (
  { sources, transforms, limits }: McpSettings,
  home: Omit<SourceHome, 'name' | 'limits'>,
): readonly OpenSource[] =>
  sources.map(({ kind, name, prefix, settings, transforms: own }) => {
    const inside = { ...home, name, limits };
    const exposed = (tool: string) => exposedName(prefix, tool, limits.longestName);
    const wrap = (isRoute: boolean) => (source: Source, each: McpTransform) =>
      each.kind.wrap(each.settings, source, { ...inside, isRoute, exposed });
    return { name, prefix, source: transforms.reduce(wrap(true), own.reduce(wrap(false), kind.open(settings, inside))) };
  });

const LISTINGS: { readonly [method: string]: Listing } = {
  'tools/list': 'tools',
  'prompts/list': 'prompts',
  'resources/list': 'resources',
  'resources/templates/list': 'resources/templates',
};
/** Of the old way alone. */
const LEGACY_METHODS = new Set(['ping', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);
/** Of results that may be kept, every modern client is told for how long. */
const KEPT = new Set([...Object.keys(LISTINGS), 'resources/read', 'server/discover']);

/** What is asked of the route as a whole. */
export interface Asked {
  readonly method: string;
  readonly params: Wire;
  readonly headers?: { readonly [name: string]: string };
}

/** Several servers as one: names and addresses lead back to where they came from. */
export class VirtualServer {
  readonly #sources: readonly OpenSource[];
  readonly #limits: McpLimits;
  readonly #catalogue: Catalogue;

  constructor(sources: readonly OpenSource[], limits: McpLimits, clock: Clock) {
    this.#sources = sources;
    this.#limits = limits;
    this.#catalogue = new Catalogue(sources, limits, clock);
  }

  /** The one server whose names stay as they are: then everything goes through as it came. */
  get #plain(): OpenSource | undefined {
    const [only, ...others] = this.#sources;
    return others.length === 0 && only?.prefix === '' && only.source.speaks === true ? only : undefined;
  }

  /** Whether this can be served only where things stay in memory between requests. Which servers fail is found out when they are asked. */
  async needsSession({ method, params }: Asked, context: SourceContext): Promise<boolean> {
    const asked = this.#named(method, params) ?? this.#sources;
    const needs = await Promise.all(asked.map(({ source }) => Promise.resolve(source.needsSession?.(context)).catch(() => false)));
    return needs.includes(true);
  }

  /** What all of them are together, and which of them cannot be reached. Throws where none can. */
  async offer(context: SourceContext): Promise<{ readonly offer: Offer; readonly meta: JsonObject }> {
    const plain = this.#plain;
    if (plain !== undefined) return { offer: await plain.source.offer(context), meta: {} };
    const { offers, meta } = await this.#catalogue.offers(context);
    const instructions = offers.flatMap(({ name, offer }) => (offer.instructions === undefined ? [] : [`${name}: ${offer.instructions}`]));
    return {
      offer: {
        capabilities: merged(offers.map(({ offer }) => offer.capabilities)),
        serverInfo: { name: 'weir', version: '0.1.0' },
        ...(instructions.length === 0 ? {} : { instructions: instructions.join('\n\n') }),
      },
      meta,
    };
  }

  /** The result as the client gets it. Throws `RpcError`, and `GatewayError` where a server could not serve it. */
  async request(asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const { method } = asked;
    if (context.client.era === 'modern' && LEGACY_METHODS.has(method)) throw notFound(method);
    if (method === 'ping') return Wire.of({});
    const result = await this.#answer(asked, context, sealer);
    return context.client.era === 'modern' ? finished(result, method) : result;
  }

  async notify(method: string, params: JsonObject, context: SourceContext): Promise<void> {
    await Promise.allSettled(this.#sources.map(({ source }) => source.notify?.(method, params, context)));
  }

  /** Tells what changes in any of them, until the signal is aborted. */
  async listen(filter: ListenFilter, context: SourceContext): Promise<void> {
    await Promise.allSettled(
      this.#sources.map(async ({ prefix, source }) => {
        const own = filter.resourceSubscriptions?.map(readUri).filter((each) => this.#plain !== undefined || each.prefix === prefix);
        const { resourceSubscriptions: _, ...rest } = filter;
        const wanted = own === undefined ? rest : { ...rest, resourceSubscriptions: own.map(({ uri }) => uri) };
        const notify: SourceContext['notify'] = (method, params) => {
          if (method.endsWith('/list_changed')) this.#catalogue.forget();
          const { uri } = params;
          context.notify(method, typeof uri === 'string' ? { ...params, uri: exposedUri(prefix, uri) } : params);
        };
        await source.listen?.(wanted, { ...context, notify });
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sources.map(({ source }) => source.close?.()));
  }

  async #answer(asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const { method } = asked;
    const plain = this.#plain;
    if (plain !== undefined) return this.#ask(plain, asked, asked, context, sealer);
    const listing = Object.hasOwn(LISTINGS, method) ? LISTINGS[method] : undefined;
    if (listing !== undefined) return this.#catalogue.page(listing, textOf(asked.params, 'cursor'), context, sealer);
    if (method === 'logging/setLevel') return this.#everybody(asked, context);
    const found = await this.#route(method, asked.params, context);
    return this.#ask(found.to, { ...asked, params: found.params }, asked, context, sealer);
  }

  /** Asks one source. What it wants its client to keep for it is sealed, so that it comes back to where it came from and to nobody else. */
  async #ask(to: OpenSource, own: Asked, asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const isModern = context.client.era === 'modern';
    const opened = isModern ? await openState(own.params, asked, to.name, sealer) : own.params;
    const ask: Ask = { method: own.method, params: opened, ...(own.headers === undefined ? {} : { headers: own.headers }) };
    const result = await to.source.request(ask, context);
    const sealed = isModern ? await sealState(result, asked, to.name, sealer) : result;
    return to.prefix === '' ? sealed : withAddresses(sealed, to.prefix);
  }

  /** What concerns every server is told to all; who does not know it is passed over. */
  async #everybody({ method, params }: Asked, context: SourceContext): Promise<Wire> {
    const { offers } = await this.#catalogue.offers(context);
    const concerned = offers.filter(({ offer }) => Object.hasOwn(offer.capabilities, 'logging'));
    await Promise.allSettled(concerned.map(({ source }) => source.request({ method, params }, context)));
    return Wire.of({});
  }

  async #route(method: string, params: Wire, context: SourceContext): Promise<{ readonly to: OpenSource; readonly params: Wire }> {
    if (method === 'tools/call' || method === 'prompts/get') {
      const name = textOf(params, 'name');
      if (name === undefined) throw new RpcError(codes.invalidParams, 'params.name must be a text.');
      const found = await this.#byName(method === 'tools/call' ? 'tools' : 'prompts', name, context);
      return { to: found.to, params: params.with({ name: found.name }) };
    }
    if (method.startsWith('resources/')) {
      const uri = textOf(params, 'uri');
      if (uri === undefined) throw new RpcError(codes.invalidParams, 'params.uri must be a text.');
      const found = await this.#byUri(uri, context);
      return { to: found.to, params: params.with({ uri: found.uri }) };
    }
    if (method === 'completion/complete') return this.#byReference(params, context);
    throw notFound(method);
  }

  async #byReference(params: Wire, context: SourceContext) {
    const ref = objectOf(params, 'ref');
    if (typeof ref.uri === 'string') {
      const { to, uri } = await this.#byUri(ref.uri, context);
      return { to, params: params.with({ ref: { ...ref, uri } }) };
    }
    if (typeof ref.name !== 'string') throw new RpcError(codes.invalidParams, 'params.ref must name a prompt or a resource.');
    const { to, name } = await this.#byName('prompts', ref.name, context);
    return { to, params: params.with({ ref: { ...ref, name } }) };
  }

  async #byName(
    what: 'tools' | 'prompts',
    exposed: string,
    context: SourceContext,
  ): Promise<{ readonly to: OpenSource; readonly name: string }> {
    const { longestName } = this.#limits;
    for (const to of this.#sources) {
      if (!isOf(to.prefix, exposed)) continue;
      const own = ownName(to.prefix, exposed, longestName);
      if (own !== undefined) return { to, name: own };
      const listed = await this.#catalogue.names(to, what, context);
      const name = listed.find((each) => exposedName(to.prefix, each, longestName) === exposed);
      if (name !== undefined) return { to, name };
    }
    const unnamed = this.#sources.filter(({ prefix }) => prefix === '');
    const [only, ...others] = unnamed;
    if (only !== undefined && others.length === 0) return { to: only, name: exposed };
    const to = await this.#catalogue.owner(unnamed, what, exposed, context);
    if (to === undefined)
      throw new RpcError(codes.invalidParams, `Unknown ${what === 'tools' ? 'tool' : 'prompt'}: ${exposed.slice(0, 128)}`);
    return { to, name: exposed };
  }

  async #byUri(exposed: string, context: SourceContext): Promise<{ readonly to: OpenSource; readonly uri: string }> {
    const { prefix, uri } = readUri(exposed);
    const named = prefix === '' ? undefined : this.#sources.find((each) => each.prefix === prefix);
    if (named !== undefined) return { to: named, uri };
    const unnamed = this.#sources.filter((each) => each.prefix === '');
    const to = unnamed.length === 1 ? unnamed[0] : await this.#catalogue.owner(unnamed, 'resources', exposed, context);
    if (to === undefined) throw new RpcError(codes.invalidParams, 'Resource not found', { data: { uri: exposed.slice(0, 1024) } });
    return { to, uri: exposed };
  }

  /** The sources that a request can only be for; `undefined`: all of them. */
  #named(method: string, params: Wire): readonly OpenSource[] | undefined {
    const name = method === 'tools/call' || method === 'prompts/get' ? textOf(params, 'name') : undefined;
    if (name !== undefined) {
      const found = this.#sources.filter(({ prefix }) => isOf(prefix, name));
      return found.length > 0 ? found : this.#sources.filter(({ prefix }) => prefix === '');
    }
    const uri = method === 'resources/read' ? textOf(params, 'uri') : undefined;
    const { prefix } = uri === undefined ? { prefix: '' } : readUri(uri);
    return prefix === '' ? undefined : this.#sources.filter((each) => each.prefix === prefix);
  }
}

const notFound = (method: string) => new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`, { status: 404 });

function withAddresses(result: Wire, prefix: string): Wire {
  const before = result.json();
  const after = exposedResult(before, prefix);
  const changed = Object.keys(after).filter((key) => after[key] !== before[key]);
  return changed.length === 0 ? result : result.with(Object.fromEntries(changed.map((key) => [key, after[key]])));
}

/** What a modern client is told with every result, where the server speaks the old way or left it out. */
function finished(result: Wire, method: string): Wire {
  const { fields } = result;
  const added: { [key: string]: Json } = {};
  if (!fields.has('resultType')) added.resultType = 'complete';
  if (KEPT.has(method) && textOf(result, 'resultType') !== 'input_required') {
    if (!fields.has('ttlMs')) added.ttlMs = 0;
    // The gateway lets in some and not others: what it answered one must not be told to another by whoever keeps it.
    if (textOf(result, 'cacheScope') !== 'private') added.cacheScope = 'private';
  }
  return Object.keys(added).length === 0 ? result : result.with(added);
}

/** What any of them can, all can together. */
function merged(all: readonly JsonObject[]): JsonObject {
  const together: { [name: string]: Json } = {};
  for (const capabilities of all) {
    for (const [name, value] of Object.entries(capabilities)) {
      if (value === undefined || !isListed(name)) continue;
      const before = together[name];
      together[name] = isObject(before) && isObject(value) ? { ...before, ...value } : value;
    }
  }
  return together;
}

/** A route whose every server fails. */
export const nobody = (names: readonly string[]) =>
  new GatewayError('upstream_error', `None of the MCP servers behind this route answers: ${names.join(', ')}.`);
