import { z } from 'zod';
import { addressFault } from '../../../../core/address.ts';
import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type JsonObject } from '../../../../core/json.ts';
import { SECRET_NAME } from '../../../../core/secret-name.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { type ParamHeader, paramHeadersOf, paramHeaderValues } from '../../wire/params.ts';
import { MODERN } from '../../wire/versions.ts';
import type { Ask, Era, ListenFilter, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource } from '../source.ts';
import { LegacyLink, NotLegacy } from './legacy.ts';
import { listenModern } from './listen.ts';
import { askModern } from './modern.ts';
import { readPage } from './page.ts';
import { probe } from './probe.ts';
import type { Upstream } from './wire.ts';

const config = z.strictObject({
  url: z.string().max(2048).describe('Where the server answers, path included.'),
  key: z
    .strictObject({
      secret: z.string().regex(SECRET_NAME, { error: 'is not the name of a secret that sources may use' }).optional(),
      value: z.string().min(1).optional().describe('The key itself. Local runs only.'),
    })
    .refine((value) => (value.secret === undefined) !== (value.value === undefined), { error: 'must have exactly one of secret, value' })
    .optional()
    .describe("The gateway's own credential, sent as `Authorization: Bearer`. A caller's never goes there."),
  header: z
    .string()
    .regex(/^(?!(?:host|cookie|mcp-.*|content-.*|connection)$)[A-Za-z0-9-]{1,64}$/i, { error: 'is not a header for a credential' })
    .optional()
    .describe('The header that the credential stands in by itself, where it is not `Authorization`.'),
});

type Config = z.output<typeof config>;

/** Milliseconds after which it is asked again how a server speaks: it may have learnt the new way. One that speaks it already does not unlearn it. */
const LEGACY_FOR = 10 * 60_000;
/** Milliseconds for which what a server says of itself is kept. */
const OFFER_FOR = 30_000;

interface Verdict {
  readonly era: Era;
  readonly at: number;
}

/** A server of the protocol, over Streamable HTTP. */
class Remote implements Source {
  readonly speaks = true;
  readonly #upstream: Upstream;
  readonly #home: SourceHome;
  #verdict: Verdict | undefined;
  #offer: { readonly offer: Offer; readonly at: number } | undefined;
  /** Of a session: one for every set of things that clients can be asked for. */
  readonly #links = new Map<string, LegacyLink>();
  #toolHeaders: ReadonlyMap<string, readonly ParamHeader[]> | undefined;

  constructor({ url, key, header }: Config, home: SourceHome) {
    this.#home = home;
    const name = (header ?? 'authorization').toLowerCase();
    this.#upstream = {
      url,
      home,
      headers({ trace }) {
        if (key === undefined) return { ...trace };
        const credential = key.secret === undefined ? key.value : home.ports.secrets.get(key.secret);
        if (credential === undefined) {
          throw new GatewayError(
            'provider_key_missing',
            `The source "${home.name}" has no credential: the operator sets the secret ${key.secret}.`,
          );
        }
        return { ...trace, [name]: header === undefined ? `Bearer ${credential}` : credential };
      },
    };
  }

  async needsSession(context: SourceContext): Promise<boolean> {
    return context.client.era === 'modern' && (await this.#era(context)) === 'legacy';
  }

  async offer(context: SourceContext): Promise<Offer> {
    if ((await this.#era(context)) === 'legacy') return this.#link(context).offer(context);
    const { clock } = this.#home.ports;
    const known = this.#offer;
    if (known !== undefined && clock.now() - known.at < OFFER_FOR) return known.offer;
    const said = (
      await askModern(this.#upstream, { method: 'server/discover', params: Wire.read('{"_meta":{}}') }, ownEra(context))
    ).json();
    return this.#discovered(said);
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    const own = cursor === undefined ? {} : { cursor };
    const era = await this.#era(context);
    const params = Wire.of(era === 'modern' ? { ...own, _meta: envelopeOf(context) } : own);
    const page = readPage(await this.request({ method: `${what}/list`, params }, context), what, this.#home.limits.capabilities);
    if (era !== 'modern' || what !== 'tools') return page;
    return { ...page, items: page.items.filter(({ inputSchema }) => paramHeadersOf(inputSchema) !== undefined) };
  }

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const { request: most } = this.#home.limits;
    if (ask.params.text.length > most) {
      throw new RpcError(codes.invalidParams, `The request is larger than the ${most} bytes that the operator allows for this server.`);
    }
    if ((await this.#era(context)) === 'legacy') return this.#link(context).request(ask, context);
    const headers = context.client.era === 'legacy' && ask.method === 'tools/call' ? await this.#headersOf(ask, context) : ask.headers;
    return askModern(this.#upstream, headers === undefined ? ask : { ...ask, headers }, context);
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
    await Promise.all([...this.#links.values()].map((link) => link.close({})));
    this.#links.clear();
  }

  /** How the server speaks. A client of the old way is served in it where the server still knows it: nothing is lost on the way then. */
  async #era(context: SourceContext): Promise<Era> {
    const { clock } = this.#home.ports;
    const known = this.#verdict;
    if (known !== undefined && (known.era === 'modern' || clock.now() - known.at < LEGACY_FOR || context.client.era === 'legacy'))
      return known.era;
    const found = context.client.era === 'legacy' ? await this.#tryLegacy(context) : await probe(this.#upstream, context);
    if (found.offer !== undefined) this.#discovered(found.offer);
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

  #discovered(said: JsonObject): Offer {
    const { capabilities, instructions } = said;
    const serverInfo = isObject(said._meta) ? said._meta['io.modelcontextprotocol/serverInfo'] : said.serverInfo;
    const offer = {
      capabilities: isObject(capabilities) ? capabilities : {},
      serverInfo: serverInfo ?? said.serverInfo,
      ...(typeof instructions === 'string' ? { instructions } : {}),
    };
    this.#offer = { offer, at: this.#home.ports.clock.now() };
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
    this.#toolHeaders ??= await this.#declared(context);
    const name = params.fields.get('name');
    const declared = typeof name === 'string' ? this.#toolHeaders.get(name) : undefined;
    return declared === undefined ? {} : paramHeaderValues(declared, params.fields.get('arguments'));
  }

  async #declared(context: SourceContext): Promise<ReadonlyMap<string, readonly ParamHeader[]>> {
    const found = new Map<string, readonly ParamHeader[]>();
    let cursor: string | undefined;
    for (let pages = 0; pages < 20; pages++) {
      const page: Page = await this.list('tools', cursor, context);
      for (const { name, inputSchema } of page.items) {
        const declared = paramHeadersOf(inputSchema);
        if (typeof name === 'string' && declared !== undefined && declared.length > 0) found.set(name, declared);
      }
      if (page.nextCursor === undefined) break;
      cursor = page.nextCursor;
    }
    return found;
  }
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
  problems({ url, key }, { local }) {
    const parsed = URL.parse(url);
    const fault = parsed === null ? 'it is not a URL' : addressFault(parsed, local);
    return [
      ...(fault === undefined ? [] : [{ path: 'url', message: `is refused: ${fault}` }]),
      ...(key?.value === undefined || local
        ? []
        : [{ path: 'key', message: 'holds the key itself, which only local runs may: use {"secret": "NAME"}' }]),
    ];
  },
  open: (settings, home) => new Remote(settings, home),
});
