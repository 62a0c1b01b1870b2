import { z } from 'zod';
import { addressFault } from '../../../../core/address.ts';
import { isArray, isObject, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { textOf } from '../../wire/message.ts';
import { type ParamHeader, paramHeadersOf, paramHeaderValues } from '../../wire/params.ts';
import { MODERN } from '../../wire/versions.ts';
import { accessOf, credentialProblems, credentialShape, SourceCredential } from '../credential.ts';
import type { Ask, Era, ListenFilter, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource } from '../source.ts';
import { afterConsent } from './elicitation.ts';
import { Patience, send } from './http.ts';
import { LegacyLink } from './legacy.ts';
import { NotLegacy } from './link-session.ts';
import { listenModern } from './listen.ts';
import { askModern } from './modern.ts';
import { readPage } from './page.ts';
import { probe } from './probe.ts';
import { callAsTask, hasTasks, knowingTasks, OwnTasks, offeredTo, runsTasks, waitedFor } from './tasks.ts';
import type { Upstream } from './wire.ts';

const config = z.strictObject({
  url: z.string().max(2048).describe('Where the server answers, path included.'),
  ...credentialShape,
});

type Config = z.output<typeof config>;

/** Milliseconds after which it is asked again how a server speaks: it may have learnt the new way. One that speaks it already does not unlearn it. */
const LEGACY_FOR = 10 * 60_000;
/** Milliseconds for which what a server says of itself is kept. */
const OFFER_FOR = 30_000;
/** Milliseconds for which it is kept which tools want arguments in headers. */
const HEADERS_FOR = 60_000;

/** Milliseconds for which is kept which tools run as tasks alone. */
const TASK_TOOLS_FOR = 60_000;

/** Methods that 2026-07-28 has no more. */
const GONE: ReadonlySet<string> = new Set(['logging/setLevel', 'resources/subscribe', 'resources/unsubscribe']);

interface Verdict {
  readonly era: Era;
  readonly at: number;
}

/** A server of the protocol, over Streamable HTTP. */
class Remote implements Source {
  readonly speaks = true;
  readonly #upstream: Upstream;
  readonly #home: SourceHome;
  readonly #credential: SourceCredential;
  #verdict: Verdict | undefined;
  #offer: { readonly offer: Offer; readonly at: number; readonly whose: string } | undefined;
  /** Of a session: one for every set of things that clients can be asked for. */
  readonly #tasks: OwnTasks;
  /** Tools of a server of the old way that run as tasks alone. */
  #taskTools: { readonly names: ReadonlySet<string>; readonly at: number } | undefined;
  readonly #links = new Map<string, LegacyLink>();
  /** By whom they were asked for: a server need not list the same to all. */
  readonly #toolHeaders = new Map<string, { readonly found: ReadonlyMap<string, readonly ParamHeader[]>; readonly at: number }>();

  constructor({ url, ...settings }: Config, home: SourceHome) {
    this.#home = home;
    this.#tasks = new OwnTasks(home.kept, home.name);
    const credential = new SourceCredential(settings, home);
    this.#credential = credential;
    this.#upstream = { url, home, send: (request, context) => send(credential.through(context, url), request) };
  }

  async needsSession(context: SourceContext): Promise<boolean> {
    return context.client.era === 'modern' && (await this.#era(context)) === 'legacy';
  }

  async offer(context: SourceContext): Promise<Offer> {
    return offeredTo(await this.#offerOf(context), await this.#era(context), context.client.era);
  }

  async #offerOf(context: SourceContext): Promise<Offer> {
    if ((await this.#era(context)) === 'legacy') return this.#link(context).offer(context);
    const { clock } = this.#home.ports;
    const known = this.#offer;
    if (known !== undefined && known.whose === this.#credential.whose(context) && clock.now() - known.at < OFFER_FOR) return known.offer;
    const said = (
      await askModern(this.#upstream, { method: 'server/discover', params: Wire.read('{"_meta":{}}') }, ownEra(context))
    ).json();
    return this.#discovered(said, context);
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    const own = cursor === undefined ? {} : { cursor };
    const era = await this.#era(context);
    const params = Wire.of(era === 'modern' ? { ...own, _meta: envelopeOf(context) } : own);
    const read = readPage(await this.request({ method: `${what}/list`, params }, context), what, this.#home.limits.capabilities);
    const page = this.#credential.isPersonal ? { ...read, cacheScope: 'private' } : read;
    if (era !== 'modern' || what !== 'tools') return page;
    return { ...page, items: page.items.filter(({ inputSchema }) => paramHeadersOf(inputSchema) !== undefined) };
  }

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const { request: most } = this.#home.limits;
    if (ask.params.text.length > most) {
      throw new RpcError(codes.invalidParams, `The request is larger than the ${most} bytes that the operator allows for this server.`);
    }
    if ((await this.#era(context)) === 'legacy') return this.#askLegacy(ask, context);
    if (context.client.era === 'legacy' && GONE.has(ask.method)) return this.#settled(ask.method, context);
    const headers = ask.headers ?? (ask.method === 'tools/call' ? await this.#headersOf(ask, context) : undefined);
    const whole = headers === undefined ? ask : { ...ask, headers };
    if (context.client.era === 'legacy' && ask.method === 'tools/call') return this.#callModern(whole, context);
    const result = await askModern(this.#upstream, whole, context);
    return context.client.era === 'legacy' && ask.method === 'tools/list' ? callable(result) : result;
  }

  /** What a client of the old way asks for once, a server of the new one is told with every request, and on the stream that listens. */
  async #settled(method: string, context: SourceContext): Promise<Wire> {
    const { resources, logging } = (await this.#offerOf(context)).capabilities;
    const can = method === 'logging/setLevel' ? logging !== undefined : isObject(resources) && resources.subscribe === true;
    if (!can) throw new RpcError(codes.methodNotFound, `Method not found: ${method}`);
    return Wire.of({});
  }

  /** A client of the old way knows no tasks of the new one: a call that becomes one is waited for. */
  async #callModern(ask: Ask, context: SourceContext): Promise<Wire> {
    const { capabilities } = context.client;
    const known = this.#offer;
    const offer = known?.whose === this.#credential.whose(context) ? known.offer : await this.#offerOf(context);
    const own = { ...ask, params: ask.params.with({ task: undefined }) };
    if (!hasTasks(offer.capabilities)) return askModern(this.#upstream, own, context);
    const request = (each: Ask, by: SourceContext) =>
      askModern(this.#upstream, { ...each, params: knowingTasks(each.params, capabilities) }, by);
    const result = await request(own, context);
    return textOf(result, 'resultType') === 'task' ? this.#patiently(context, (inside) => waitedFor(result, inside, request)) : result;
  }

  async #askLegacy(ask: Ask, context: SourceContext): Promise<Wire> {
    const link = this.#link(context);
    const isCall = ask.method === 'tools/call';
    if (context.client.era === 'legacy') {
      const result = await link.request(ask, context);
      if (isCall) this.#tasks.note(result);
      return ask.method === 'tasks/list' ? this.#tasks.only(result) : result;
    }
    if (!isCall) return afterConsent(context, () => link.request(ask, context));
    const own = { ...ask, params: ask.params.with({ task: undefined }) };
    const isTask = runsTasks(await link.offer(context)) && (await this.#onlyAsTasks(context)).has(textOf(ask.params, 'name') ?? '');
    return isTask
      ? this.#patiently(context, (inside) => callAsTask(own, inside, (each, by) => link.request(each, by)))
      : afterConsent(context, () => link.request(own, context));
  }

  async #onlyAsTasks(context: SourceContext): Promise<ReadonlySet<string>> {
    const { clock } = this.#home.ports;
    const known = this.#taskTools;
    if (known !== undefined && clock.now() - known.at < TASK_TOOLS_FOR) return known.names;
    const names = new Set<string>();
    for (const { name, execution } of await this.#everyTool(context))
      if (typeof name === 'string' && isObject(execution) && execution.taskSupport === 'required') names.add(name);
    this.#taskTools = { names, at: clock.now() };
    return names;
  }

  /** Several requests that are one to the client: together they have the time that one has in all. */
  async #patiently<T>(context: SourceContext, work: (inside: SourceContext) => Promise<T>): Promise<T> {
    const { total } = this.#home.limits;
    const patience = new Patience({ timeout: total, total }, this.#home.ports.clock, context.signal);
    try {
      return await work({ ...context, signal: patience.signal, ask: (question) => patience.during(context.ask(question)) });
    } finally {
      patience.end();
    }
  }

  async notify(method: string, params: JsonObject, context: SourceContext): Promise<void> {
    if ((await this.#era(context)) === 'legacy') await this.#link(context).notify(method, params, context);
  }

  async listen(filter: ListenFilter, context: SourceContext): Promise<void> {
    if ((await this.#era(context)) === 'modern') return listenModern(this.#upstream, filter, context);
    const link = this.#link(context);
    if (context.client.era === 'modern') {
      for (const uri of filter.resourceSubscriptions ?? [])
        await link.request({ method: 'resources/subscribe', params: Wire.of({ uri }) }, context);
    }
    return link.listen(context);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#links.values()].map((link) => link.close()));
    this.#links.clear();
  }

  /** How the server speaks. A client of the old way is served in it where the server still knows it: nothing is lost on the way then. */
  async #era(context: SourceContext): Promise<Era> {
    const { clock } = this.#home.ports;
    const known = this.#verdict;
    if (known !== undefined && (known.era === 'modern' || clock.now() - known.at < LEGACY_FOR || context.client.era === 'legacy'))
      return known.era;
    const found = context.client.era === 'legacy' ? await this.#tryLegacy(context) : await probe(this.#upstream, context);
    if (found.offer !== undefined) this.#discovered(found.offer, context);
    this.#verdict = { era: found.era, at: clock.now() };
    return found.era;
  }

  async #tryLegacy(context: SourceContext): Promise<{ readonly era: Era; readonly offer?: JsonObject }> {
    try {
      await this.#link(context).offer(context);
      return { era: 'legacy' };
    } catch (thrown) {
      if (!(thrown instanceof NotLegacy)) throw thrown;
      return probe(this.#upstream, context);
    }
  }

  #discovered(said: JsonObject, context: SourceContext): Offer {
    const { capabilities, instructions } = said;
    const serverInfo = isObject(said._meta) ? said._meta['io.modelcontextprotocol/serverInfo'] : said.serverInfo;
    const offer = {
      capabilities: isObject(capabilities) ? capabilities : {},
      serverInfo: serverInfo ?? said.serverInfo,
      ...(typeof instructions === 'string' ? { instructions } : {}),
    };
    this.#offer = { offer, at: this.#home.ports.clock.now(), whose: this.#credential.whose(context) };
    return offer;
  }

  #link({ client }: SourceContext): LegacyLink {
    const key = client.era === 'legacy' ? 'own' : JSON.stringify(client.capabilities);
    let link = this.#links.get(key);
    if (link === undefined) {
      if (this.#links.size >= 16) this.#links.clear();
      link = new LegacyLink(this.#upstream, `link ${this.#home.name} ${key.slice(0, 256)}`);
      this.#links.set(key, link);
    }
    return link;
  }

  /** The headers that a tool wants of its caller, whose own way has none. */
  async #headersOf({ params }: Ask, context: SourceContext): Promise<Ask['headers']> {
    const now = this.#home.ports.clock.now();
    let known = this.#toolHeaders.get(context.principal);
    if (known === undefined || now - known.at > HEADERS_FOR) {
      known = { found: await this.#declared(context), at: now };
      if (this.#toolHeaders.size >= 64) this.#toolHeaders.clear();
      this.#toolHeaders.set(context.principal, known);
    }
    const name = params.fields.get('name');
    const declared = typeof name === 'string' ? known.found.get(name) : undefined;
    return declared === undefined ? {} : paramHeaderValues(declared, params.fields.get('arguments'));
  }

  async #declared(context: SourceContext): Promise<ReadonlyMap<string, readonly ParamHeader[]>> {
    const found = new Map<string, readonly ParamHeader[]>();
    for (const { name, inputSchema } of await this.#everyTool(context)) {
      const declared = paramHeadersOf(inputSchema);
      if (typeof name === 'string' && declared !== undefined && declared.length > 0) found.set(name, declared);
    }
    return found;
  }

  async #everyTool(context: SourceContext): Promise<readonly JsonObject[]> {
    const found: JsonObject[] = [];
    let cursor: string | undefined;
    for (let pages = 0; pages < 20; pages++) {
      const page: Page = await this.list('tools', cursor, context);
      found.push(...page.items);
      if (page.nextCursor === undefined) break;
      cursor = page.nextCursor;
    }
    return found;
  }
}

/** A page of tools without those that declare headers as no client may follow: clients of the old way cannot tell. */
function callable(page: Wire): Wire {
  const tools = page.fields.get('tools');
  if (!isArray(tools)) return page;
  const kept = tools.filter((tool) => isObject(tool) && paramHeadersOf(tool.inputSchema) !== undefined);
  return kept.length === tools.length ? page : page.with({ tools: kept });
}

/** Asked for the gateway's own sake, in the gateway's own words. */
const ownEra = (context: SourceContext): SourceContext => ({ ...context, client: { era: 'legacy', version: MODERN, capabilities: {} } });

const envelopeOf = ({ client }: SourceContext): JsonObject =>
  client.era === 'legacy'
    ? {}
    : {
        'io.modelcontextprotocol/protocolVersion': client.version,
        'io.modelcontextprotocol/clientCapabilities': client.capabilities,
        ...(client.info === undefined ? {} : { 'io.modelcontextprotocol/clientInfo': client.info }),
      };

/** A server of the protocol somewhere on the network. */
export const remote = defineSource({
  kind: 'remote',
  config,
  examples: [
    { url: 'https://mcp.example.com/mcp', key: { secret: 'EXAMPLE_KEY' } },
    { url: 'https://mcp.example.com/mcp', header: 'x-api-key', key: { secret: 'K' } },
  ],
  problems({ url, ...settings }, place) {
    const parsed = URL.parse(url);
    const fault = parsed === null ? 'it is not a URL' : addressFault(parsed, place.local);
    return [...(fault === undefined ? [] : [{ path: 'url', message: `is refused: ${fault}` }]), ...credentialProblems(settings, place)];
  },
  access: ({ url, ...settings }) => accessOf(settings, url),
  open: (settings, home) => new Remote(settings, home),
});
