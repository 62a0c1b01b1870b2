import { GatewayError } from '../../core/errors.ts';
import { isObject, type Json, type JsonObject } from '../../core/json.ts';
import type { PlanPolicy } from '../../core/plan.ts';
import type { Clock } from '../../core/ports.ts';
import { Wire } from '../../core/wire.ts';
import { audited } from './audited.ts';
import { consenting } from './auth/consent.ts';
import { Catalogue, isListed } from './catalogue.ts';
import { keepLists } from './lists/kept.ts';
import type { ListAnswer } from './lists/pages.ts';
import { ListRoom, ListStore } from './lists/store.ts';
import { exposedName, exposedUri, isOf, ownName, readUri } from './names.ts';
import { RoutePolicies } from './policies.ts';
import type { Sealer } from './seal.ts';
import type { McpLimits, McpSettings, McpTransform } from './settings.ts';
import type { Ask, ListenFilter, Listing, Offer, Source, SourceContext, SourceHome } from './sources/source.ts';
import { openState, sealState } from './state.ts';
import { isTaskMethod, sourceOfTask, Tasks, unknownTask } from './tasks.ts';
import { ToolFront } from './tools/front.ts';
import { listedBy } from './tools/listed.ts';
import { ALL_SHOWN, type Showing } from './tools/showing.ts';
import { exposedResult } from './uris.ts';
import { codes, RpcError } from './wire/errors.ts';
import { objectOf, textOf } from './wire/message.ts';

/** A source at work, and what stands before its names. */
export interface OpenSource {
  readonly name: string;
  readonly prefix: string;
  readonly source: Source;
  /** How often it has said that what it lists has changed. */
  changes(): number;
}

/** Characters of JSON that are kept of what the sources of a route list in an isolate; and of those of all sessions in it together. */
const MOST_KEPT = 16 * 1024 * 1024;
const inSessions = new ListRoom(MOST_KEPT);

/** Opens every source of a route; asks nobody. */
export const openSources = (
  { sources, transforms, limits, audits }: McpSettings,
  home: Omit<SourceHome, 'name' | 'limits'>,
): readonly OpenSource[] => {
  const store = new ListStore(home.kept === undefined ? new ListRoom(MOST_KEPT) : inSessions);
  return sources.map(({ kind, name, prefix, settings, transforms: own }) => {
    const inside = { ...home, name, limits };
    const names = {
      exposed: (own: string) => exposedName(prefix, own, limits.longestName),
      exposedUri: (own: string) => exposedUri(prefix, own),
      own: (exposed: string) => (prefix === '' || isOf(prefix, exposed) ? ownName(prefix, exposed, limits.longestName) : undefined),
    };
    const wrap = (isRoute: boolean) => (source: Source, each: McpTransform) =>
      each.kind.wrap(each.settings, source, { ...inside, isRoute, ...names });
    const access = kind.access?.(settings);
    const opened = kind.open(settings, inside);
    const kept = keepLists(opened, store, { name, clock: home.ports.clock, fresh: limits.fresh });
    const changed = transforms.reduce(wrap(true), own.reduce(wrap(false), kept));
    const allowed = access === undefined ? changed : consenting(changed, access, inside);
    const source = audits ? audited(allowed, { name, exposed: names.exposed }) : allowed;
    return { name, prefix, source, changes: () => store.changes(name) };
  });
};

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
  readonly #policies: RoutePolicies;
  readonly #front: ToolFront;
  readonly #tasks = new Tasks();

  constructor(
    sources: readonly OpenSource[],
    limits: McpLimits,
    clock: Clock,
    policies: readonly PlanPolicy[] = [],
    showing: Showing = ALL_SHOWN,
  ) {
    this.#policies = new RoutePolicies(policies);
    this.#sources = sources;
    this.#limits = limits;
    this.#catalogue = new Catalogue(sources, limits, clock, listedBy(showing));
    this.#front = new ToolFront(showing, this.#catalogue);
  }

  /** The one server whose names stay as they are: then everything goes through as it came. */
  get #plain(): OpenSource | undefined {
    const [only, ...others] = this.#sources;
    return others.length === 0 && only?.prefix === '' && only.source.speaks === true ? only : undefined;
  }

  /** Whether this can be served only where things stay in memory between requests. Which servers fail is found out when they are asked. */
  async needsSession(asked: Asked, context: SourceContext): Promise<boolean> {
    const isOwn = this.#front.isOwn(asked);
    if (isOwn && this.#front.asksNobody(asked)) return false;
    const named = isOwn ? undefined : this.#named(asked.method, asked.params);
    const inside = named === undefined ? this.#catalogue.together(context) : context;
    const needs = await Promise.all((named ?? this.#sources).map(({ source }) => needsSession(source, inside)));
    return needs.includes(true);
  }

  /** What all of them are together, and which of them cannot be reached. Throws where none can. */
  async offer(context: SourceContext): Promise<{ readonly offer: Offer; readonly meta: JsonObject }> {
    const { instructions: said } = this.#front;
    const plain = this.#plain;
    if (plain !== undefined) {
      const offer = await plain.source.offer(context);
      const instructions = [offer.instructions, said].filter((each) => each !== undefined);
      return { offer: instructions.length === 0 ? offer : { ...offer, instructions: instructions.join('\n\n') }, meta: {} };
    }
    const { offers, meta } = await this.#catalogue.offers(context);
    const instructions = offers.flatMap(({ name, offer }) => (offer.instructions === undefined ? [] : [`${name}: ${offer.instructions}`]));
    if (said !== undefined) instructions.push(said);
    return {
      offer: {
        capabilities: merged(offers.map(({ offer }) => offer.capabilities)),
        serverInfo: { name: 'weir', version: '0.1.0' },
        ...(instructions.length === 0 ? {} : { instructions: instructions.join('\n\n') }),
      },
      meta,
    };
  }

  /**
   * A page of what several servers list together; `undefined` where something else is asked for. Policies do not look at lists.
   * Throws as `request` does.
   */
  async page({ method, params }: Asked, context: SourceContext, sealer: Sealer): Promise<ListAnswer | undefined> {
    const listing = Object.hasOwn(LISTINGS, method) ? LISTINGS[method] : undefined;
    if (listing === undefined || this.#front.lists(method)) return undefined;
    if (this.#plain !== undefined && !this.#front.isOwn({ method, params })) return undefined;
    return this.#catalogue.page(listing, textOf(params, 'cursor'), context, sealer);
  }

  /** The result as the client gets it. Throws `RpcError`, and `GatewayError` where a server could not serve it. */
  async request(asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const { method } = asked;
    if (context.client.era === 'modern' && LEGACY_METHODS.has(method)) throw notFound(method);
    if (method === 'ping') return Wire.of({});
    const result = await this.#policies.request(asked, context, (passed, inside) => this.#answer(passed, inside, sealer));
    return context.client.era === 'modern' ? finished(result, method) : result;
  }

  async notify(method: string, params: JsonObject, context: SourceContext): Promise<void> {
    await this.#policies.notify({ method, params: Wire.of(params) }, context, async (passed) => {
      await Promise.allSettled(this.#sources.map(({ source }) => source.notify?.(method, passed, context)));
    });
  }

  /** Tells what changes in any of them, until the signal is aborted. `sealer`: where tasks are listened to. */
  listen(filter: ListenFilter, context: SourceContext, sealer?: Sealer): Promise<void> {
    return this.#policies.listen(context, (inside) => this.#listen(filter, inside, sealer));
  }

  async #listen({ taskIds: ids = [], ...filter }: ListenFilter, context: SourceContext, sealer: Sealer | undefined): Promise<void> {
    const places = sealer === undefined ? [] : await Promise.all(ids.map((id) => this.#tasks.place(id, context, sealer)));
    await Promise.allSettled(
      this.#sources.map(async ({ name, prefix, source }) => {
        const own = filter.resourceSubscriptions?.map(readUri).filter((each) => this.#plain !== undefined || each.prefix === prefix);
        const { resourceSubscriptions: _, ...rest } = filter;
        const taskIds = places.filter((place) => place.source === name).map((place) => place.own);
        const wanted = {
          ...rest,
          ...(own === undefined ? {} : { resourceSubscriptions: own.map(({ uri }) => uri) }),
          ...(taskIds.length === 0 ? {} : { taskIds }),
        };
        const notify: SourceContext['notify'] = (method, params) => {
          const { uri } = params;
          context.notify(method, typeof uri === 'string' ? { ...params, uri: exposedUri(prefix, uri) } : params);
        };
        await source.listen?.(wanted, this.#tasks.inside({ ...context, notify }, name));
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#sources.map(({ source }) => source.close?.()));
  }

  async #answer(asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const { method } = asked;
    const page = await this.page(asked, context, sealer);
    if (page !== undefined) return page.wire;
    if (this.#front.isOwn(asked)) return this.#front.answer(asked, context);
    if (isTaskMethod(method)) return this.#task(asked, context, sealer);
    const plain = this.#plain;
    if (plain !== undefined) return this.#ask(plain, asked, asked, context, sealer);
    if (method === 'logging/setLevel') return this.#everybody(asked, context);
    const found = await this.#route(method, asked.params, context);
    return this.#ask(found.to, { ...asked, params: found.params }, asked, context, sealer);
  }

  /** Asks one source. What it wants its client to keep for it is sealed, so that it comes back to where it came from and to nobody else. */
  async #ask(to: OpenSource, own: Asked, asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const isModern = context.client.era === 'modern';
    const opened = isModern ? await openState(own.params, asked, to.name, sealer) : own.params;
    const ask: Ask = { method: own.method, params: opened, ...(own.headers === undefined ? {} : { headers: own.headers }) };
    const told = await to.source.request(ask, this.#tasks.inside(context, to.name));
    const result = mayTask(asked.method) ? await this.#tasks.exposed(told, to.name, context, sealer, textOf(asked.params, 'taskId')) : told;
    const sealed = isModern ? await sealState(result, asked, to.name, sealer) : result;
    return to.prefix === '' ? sealed : withAddresses(sealed, to.prefix);
  }

  /** What is asked of a task goes to where it runs. */
  async #task(asked: Asked, context: SourceContext, sealer: Sealer): Promise<Wire> {
    const { offers } = await this.#catalogue.offers(context);
    this.#tasks.check(
      asked.method,
      context.client,
      offers.map(({ offer }) => offer.capabilities),
    );
    if (asked.method === 'tasks/list') {
      const having = offers.filter(({ offer: { capabilities } }) => isObject(capabilities.tasks) && isObject(capabilities.tasks.list));
      const among = having.map(({ name, source }) => ({ name, request: (ask: Ask, by: SourceContext) => source.request(ask, by) }));
      return this.#tasks.list(among, textOf(asked.params, 'cursor'), context, sealer);
    }
    const place = await this.#tasks.place(textOf(asked.params, 'taskId'), context, sealer);
    const to = this.#sources.find(({ name }) => name === place.source);
    if (to === undefined) throw unknownTask();
    return this.#ask(to, { ...asked, params: asked.params.with({ taskId: place.own }) }, asked, context, sealer);
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
      const name = (await this.#catalogue.names(to, what, context)).get(exposed);
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
    const task = isTaskMethod(method) ? sourceOfTask(textOf(params, 'taskId')) : undefined;
    if (task !== undefined) return this.#sources.filter((each) => each.name === task);
    const uri = method === 'resources/read' ? textOf(params, 'uri') : undefined;
    const { prefix } = uri === undefined ? { prefix: '' } : readUri(uri);
    return prefix === '' ? undefined : this.#sources.filter((each) => each.prefix === prefix);
  }
}

async function needsSession(source: Source, context: SourceContext): Promise<boolean> {
  try {
    return (await source.needsSession?.(context)) ?? false;
  } catch {
    return false;
  }
}

/** What is answered with a task, or is about one. */
const mayTask = (method: string) => method === 'tools/call' || isTaskMethod(method);

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
