import { GatewayError } from '../../../core/errors.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import type { Ask, Listing, Source, SourceContext, SourceHome } from '../sources/source.ts';
import { handedOn } from '../transforms/transform.ts';
import { RpcError } from '../wire/errors.ts';
import { textOf } from '../wire/message.ts';
import { ConsentNeeded, SourceAccount } from './account.ts';
import { linkTo } from './link.ts';
import type { SourceAccess } from './settings.ts';

/** The tool that stands for a source whose caller has to sign in before it shows its own. */
export const CONNECT_TOOL = 'weir_connect';
/** "URL elicitation required", 2025-11-25. */
const URL_ELICITATION_REQUIRED = -32042;
/** The key of our question among those that a modern client answers. */
const QUESTION = 'weir.connect';

/** A source that sends its caller to sign in where it must, in the way that the caller's client knows. */
export function consenting(source: Source, access: SourceAccess, home: Pick<SourceHome, 'name' | 'ports'>): Source {
  const desk = new ConsentDesk(source, access, home);
  return {
    ...handedOn(source),
    ...(source.speaks === undefined ? {} : { speaks: source.speaks }),
    offer: (context) =>
      unlessConsent(
        () => source.offer(context),
        () => ({
          capabilities: { tools: { listChanged: true } },
          serverInfo: { name: home.name, version: '0' },
          instructions: `Nobody has signed in to "${home.name}" yet: the tool ${CONNECT_TOOL} does.`,
        }),
      ),
    list: (what, cursor, context) =>
      unlessConsent(
        () => source.list(what, cursor, context),
        () => ({ items: what === 'tools' && cursor === undefined ? [connectTool(home.name)] : [], ttlMs: 0, cacheScope: 'private' }),
      ),
    request: (ask, context) => desk.request(ask, context),
    ...(source.listen === undefined
      ? {}
      : {
          listen: (filter, context) =>
            unlessConsent(
              () => source.listen?.(filter, context) ?? Promise.resolve(),
              () => undefined,
            ),
        }),
  };
}

async function unlessConsent<T>(work: () => T | Promise<T>, otherwise: (needed: ConsentNeeded) => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof ConsentNeeded)) throw thrown;
    return otherwise(thrown);
  }
}

const connectTool = (name: string): JsonObject => ({
  name: CONNECT_TOOL,
  title: `Connect ${name}`,
  description: `Signs in to "${name}": its tools can be used and listed once that is done. Gives the link where a person does it in the browser.`,
  inputSchema: { type: 'object', properties: {}, additionalProperties: false },
});

/** Of what speaks the protocol itself, lists come as requests. */
const LISTS: { readonly [method: string]: readonly [Listing, string] } = {
  'tools/list': ['tools', 'tools'],
  'prompts/list': ['prompts', 'prompts'],
  'resources/list': ['resources', 'resources'],
  'resources/templates/list': ['resources/templates', 'resourceTemplates'],
};

class ConsentDesk {
  readonly #source: Source;
  readonly #account: SourceAccount;
  readonly #home: Pick<SourceHome, 'name' | 'ports'>;

  constructor(source: Source, access: SourceAccess, home: Pick<SourceHome, 'name' | 'ports'>) {
    this.#source = source;
    this.#account = new SourceAccount(access, home);
    this.#home = home;
  }

  request(ask: Ask, context: SourceContext): Promise<Wire> {
    const resumed = withoutOurs(ask);
    return unlessConsent(
      () => (isConnect(resumed) ? this.#connect(context) : this.#source.request(resumed, context)),
      (needed) => this.#answer(needed, resumed, context),
    );
  }

  /** The tool that signs in: done already, or nothing but the question. The server itself says best what it wants. */
  async #connect(context: SourceContext): Promise<Wire> {
    await Promise.resolve(this.#source.list('tools', undefined, context)).catch((thrown: unknown) => {
      if (thrown instanceof ConsentNeeded) throw thrown;
    });
    if ((await this.#account.shown(context)) === undefined) throw this.#account.consent(context);
    context.notify('notifications/tools/list_changed', {});
    return said(`"${this.#home.name}" is connected. Its tools can be listed now.`, false);
  }

  async #answer({ source, link }: ConsentNeeded, ask: Ask, context: SourceContext): Promise<Wire> {
    const listed = Object.hasOwn(LISTS, ask.method) ? LISTS[ask.method] : undefined;
    if (listed !== undefined) {
      const [what, field] = listed;
      return Wire.of({ [field]: what === 'tools' ? [connectTool(source)] : [] });
    }
    const { credentials, clock } = this.#home.ports;
    const at = placeOf(context);
    if (link === undefined || credentials === undefined || at === undefined) {
      throw new GatewayError(
        'connection_needed',
        `Nobody has consented to the use of "${source}" for this organisation: the operator does so once (POST /admin/v1/connections).`,
      );
    }
    const url = await linkTo(at.origin, { ...link, route: at.route }, clock.now(), credentials);
    const message = `"${source}" wants to know who you are. Open this page, connect your account, and try again.`;
    const { client } = context;
    const takesUrls = isObject(client.capabilities.elicitation) && isObject(client.capabilities.elicitation.url);
    if (takesUrls && client.era === 'modern' && ANSWERABLE.has(ask.method)) {
      return Wire.of({
        resultType: 'input_required',
        inputRequests: { [QUESTION]: { method: 'elicitation/create', params: { mode: 'url', message, url } } },
        requestState: stateOf(ask),
      });
    }
    if (takesUrls && client.era === 'legacy') {
      const elicitationId = crypto.randomUUID();
      throw new RpcError(URL_ELICITATION_REQUIRED, message, { data: { elicitations: [{ mode: 'url', elicitationId, url, message }] } });
    }
    const whole = `${message}\n${url}`;
    if (ask.method === 'tools/call') return said(whole, true);
    throw new GatewayError('connection_needed', whole);
  }
}

/** What may be answered with a question (2026-07-28, "Multi round-trip requests"). */
const ANSWERABLE = new Set(['tools/call', 'prompts/get', 'resources/read']);

const said = (text: string, isError: boolean): Wire => Wire.of({ content: [{ type: 'text', text }], ...(isError ? { isError } : {}) });

const isConnect = ({ method, params }: Ask): boolean => method === 'tools/call' && textOf(params, 'name') === CONNECT_TOOL;

/** Where the caller came in: the link leads to the same gateway. */
function placeOf({ caller: { address } }: SourceContext): { readonly origin: string; readonly route: string } | undefined {
  const at = address === undefined ? null : URL.parse(address);
  const route = at === null ? undefined : /^\/mcp\/([^/]+)$/.exec(at.pathname)?.[1];
  return at === null || route === undefined ? undefined : { origin: at.origin, route: decodeURIComponent(route) };
}

/** The state that comes back with the answer: what the request had of the server's own stays with it. */
function stateOf({ params }: Ask): string {
  const held: { [name: string]: Json } = {};
  for (const name of ['requestState', 'inputResponses']) {
    const value = params.fields.get(name);
    if (value !== undefined) held[name] = value;
  }
  return JSON.stringify({ [QUESTION]: held });
}

/** The request without what belongs to our question, and with what it had before. */
function withoutOurs(ask: Ask): Ask {
  const state = textOf(ask.params, 'requestState');
  const held = state?.startsWith(`{"${QUESTION}":`) ? parseJson(state) : undefined;
  const before = isObject(held) ? held[QUESTION] : undefined;
  if (!isObject(before)) return ask;
  const { requestState, inputResponses } = before;
  return { ...ask, params: ask.params.with({ requestState, inputResponses }) };
}
