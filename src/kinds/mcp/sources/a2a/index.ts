import { z } from 'zod';
import { addressFault } from '../../../../core/address.ts';
import { GatewayError } from '../../../../core/errors.ts';
import { isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import { readText } from '../../../../core/reader.ts';
import { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { accessOf, credentialProblems, credentialShape, SourceCredential } from '../credential.ts';
import type { Ask, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { defineSource } from '../source.ts';
import { toolNames } from '../tool-names.ts';
import { failed, Misuse } from '../tool-result.ts';
import { Agent, type Said, send, statusError } from './agent.ts';
import { type Card, cardUrl, readCard } from './card.ts';
import { Errand } from './errand.ts';
import type { Turn } from './parts.ts';

const config = z.strictObject({
  url: z
    .string()
    .max(2048)
    .describe('The host of the agent, whose card stands at /.well-known/agent-card.json, or the address of its card.'),
  ...credentialShape,
  tools: z
    .enum(['skills', 'message'])
    .default('skills')
    .describe('A tool for each skill that the card lists, or one, `send_message`, for all of them.'),
  origins: z
    .array(z.string().max(256))
    .max(8)
    .optional()
    .describe(
      'Origins at which the agent may be asked beside its card\'s own, such as "https://agents.example.com": the credential goes there.',
    ),
  conversations: z.boolean().default(false).describe('Whether callers are told how to go on where the agent stopped, and may.'),
  poll: z.int().min(200).max(60_000).default(3_000).describe('Milliseconds after which a task is looked at again at most.'),
});

type Config = z.output<typeof config>;

/** Milliseconds for which a card is kept, and clients may keep the list. */
const CARD_FOR = 5 * 60_000;
const LARGEST_CARD = 1024 * 1024;
const SEND_MESSAGE = 'send_message';

/** What a tool is: a skill of the agent, or the agent as a whole. */
interface Tool {
  readonly skill: string | undefined;
  readonly item: JsonObject;
}

/** An A2A agent, whose skills are tools. */
class A2a implements Source {
  readonly #config: Config;
  readonly #home: SourceHome;
  readonly #credential: SourceCredential;
  #card: { readonly card: Card; readonly at: number } | undefined;

  constructor(settings: Config, home: SourceHome) {
    this.#config = settings;
    this.#home = home;
    this.#credential = new SourceCredential(settings, home);
  }

  /** Nothing of it depends on the card, so an agent that is not there fails when it is used, and not before. */
  offer(): Offer {
    return { capabilities: { tools: {} }, serverInfo: { name: this.#home.name, version: '0' } };
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    if (what !== 'tools') return { items: [] };
    if (cursor !== undefined) throw new RpcError(codes.invalidParams, 'There is one page only.');
    const items = [...this.#tools(await this.#opened(context)).values()].map(({ item }) => item);
    return { items, ttlMs: CARD_FOR, cacheScope: this.#credential.isPersonal ? 'private' : 'public' };
  }

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const { method, params } = ask;
    if (method !== 'tools/call') throw new RpcError(codes.methodNotFound, `Method not found: ${method.slice(0, 128)}`);
    const { limits } = this.#home;
    if (params.text.length > limits.request)
      throw new RpcError(codes.invalidParams, `The request is larger than the ${limits.request} bytes that the operator allows.`);
    const card = await this.#opened(context);
    const name = params.fields.get('name');
    const tool = typeof name === 'string' ? this.#tools(card).get(name) : undefined;
    if (tool === undefined) throw new RpcError(codes.invalidParams, `Unknown tool: ${String(name).slice(0, 128)}`);
    const args = params.fields.get('arguments') ?? {};
    if (!isObject(args)) throw new RpcError(codes.invalidParams, '`arguments` must be an object.');
    try {
      const said = await this.#said(tool, args, context);
      const agent = new Agent(card.endpoint, this.#credential.through(context, card.endpoint.url), limits.result);
      const end = await new Errand(agent, ask, context, { limits, poll: this.#config.poll, clock: this.#home.ports.clock }).run(said);
      return end instanceof Wire ? end : Wire.of(await this.#result(end, context));
    } catch (thrown) {
      if (thrown instanceof Misuse) return Wire.of(failed(thrown.message));
      throw thrown;
    }
  }

  #tools({ name, description, skills }: Card): ReadonlyMap<string, Tool> {
    const input = inputSchema(this.#config.conversations);
    if (this.#config.tools === 'message' || skills.length === 0) {
      const can = skills.map((each) => `- ${each.name}: ${each.description}`);
      const text = [`Sends a message to the agent "${name}". ${description}`, ...(can.length === 0 ? [] : ['It can:', ...can])].join('\n');
      return new Map([
        [SEND_MESSAGE, { skill: undefined, item: { name: SEND_MESSAGE, title: name, description: text, inputSchema: input } }],
      ]);
    }
    const names = toolNames(skills.map(({ id }) => ({ id, place: id })));
    return new Map(
      skills.map(({ id, name: title, description: about, examples }, at) => {
        const own = names[at] ?? id;
        const text = [about, ...(examples.length === 0 ? [] : ['Such as:', ...examples.map((each) => `- ${each}`)])].join('\n');
        return [own, { skill: id, item: { name: own, title, description: text, inputSchema: input } }];
      }),
    );
  }

  /** Throws `Misuse`: a model called the tool, and may call it better. */
  async #said({ skill }: Tool, { message, data, conversation, ...rest }: JsonObject, context: SourceContext): Promise<Said> {
    if (typeof message !== 'string' || message === '') throw new Misuse('`message` must be a text.');
    if (data !== undefined && !isObject(data)) throw new Misuse('`data` must be an object.');
    const [unknown] = Object.keys(rest);
    if (unknown !== undefined || (conversation !== undefined && !this.#config.conversations))
      throw new Misuse(`There is no argument \`${(unknown ?? 'conversation').slice(0, 64)}\`.`);
    return { text: message, data, skill, contextId: conversation === undefined ? undefined : await this.#contextOf(conversation, context) };
  }

  async #result(turn: Turn, context: SourceContext): Promise<JsonObject> {
    const { state, said, content } = turn;
    if (state === 'auth-required') return failed(`The agent wants its user to sign in with it: ${said}`);
    if (state !== 'completed') return failed(said === '' ? `The task was ${state}.` : said);
    const on = await this.#onwards(turn, context);
    const all = content.length === 0 ? [{ type: 'text', text: said }] : content;
    return { content: on === undefined ? all : [...all, { type: 'text', text: on }] };
  }

  /** A conversation is its caller's alone: the agent knows the gateway only, and would tell anybody who names it. */
  async #onwards({ contextId }: Turn, { principal, call }: SourceContext): Promise<string | undefined> {
    const continuity = call?.ports.continuity;
    if (!this.#config.conversations || contextId === undefined || continuity === undefined) return undefined;
    const token = await continuity.seal(principal, JSON.stringify({ a2a: this.#config.url, contextId }));
    return `To go on with this conversation, call with conversation: "${token}"`;
  }

  async #contextOf(token: Json, { principal, call }: SourceContext): Promise<string> {
    const text = typeof token === 'string' ? await call?.ports.continuity?.open(principal, token) : undefined;
    const opened = text === undefined ? undefined : parseJson(text);
    if (!isObject(opened) || opened.a2a !== this.#config.url || typeof opened.contextId !== 'string')
      throw new Misuse('`conversation` is none that this tool has told you of: leave it out to begin a new one.');
    return opened.contextId;
  }

  async #opened(context: SourceContext): Promise<Card> {
    const { clock } = this.#home.ports;
    const known = this.#card;
    if (known !== undefined && clock.now() - known.at < CARD_FOR) return known.card;
    const card = await this.#read(context);
    if (!this.#credential.isPersonal) this.#card = { card, at: clock.now() };
    return card;
  }

  async #read(context: SourceContext): Promise<Card> {
    const url = cardUrl(this.#config.url);
    const { timeout } = this.#home.limits;
    const over = AbortSignal.timeout(timeout);
    try {
      const signal = AbortSignal.any([context.signal, over]);
      const response = await send(this.#credential.through(context, url), {
        url,
        method: 'GET',
        headers: { accept: 'application/json' },
        signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        throw statusError(response.status);
      }
      const text = await readText(response, LARGEST_CARD);
      if (text === undefined) throw new GatewayError('upstream_invalid', `The agent's card is larger than ${LARGEST_CARD} bytes.`);
      return readCard(text, [new URL(url).origin, ...(this.#config.origins ?? [])]);
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (over.aborted) throw new GatewayError('upstream_timeout', `The agent did not show its card within ${timeout} ms.`);
      throw thrown;
    }
  }
}

const inputSchema = (conversations: boolean): JsonObject => ({
  type: 'object',
  properties: {
    message: { type: 'string', description: 'What the agent is told, in plain words.' },
    data: { type: 'object', description: 'Structured data that belongs to the message.' },
    ...(conversations ? { conversation: { type: 'string', description: 'What an earlier result said to go on with.' } } : {}),
  },
  required: ['message'],
  additionalProperties: false,
});

/** An agent that speaks A2A. */
export const a2a = defineSource({
  kind: 'a2a',
  config,
  examples: [
    { url: 'https://agent.example.com' },
    {
      url: 'https://example.com/agents/travel/agent-card.json',
      key: { secret: 'TRAVEL_KEY' },
      tools: 'message',
      origins: ['https://agents.example.com'],
      conversations: true,
    },
  ],
  problems({ url, origins = [], ...settings }, place) {
    const faultOf = (text: string) => {
      const parsed = URL.parse(text);
      return parsed === null ? 'it is not a URL' : addressFault(parsed, place.local);
    };
    const fault = faultOf(url);
    return [
      ...(fault === undefined ? [] : [{ path: 'url', message: `is refused: ${fault}` }]),
      ...origins.flatMap((each) => {
        const wrong = faultOf(each) ?? (URL.parse(each)?.origin === each ? undefined : 'it is not an origin');
        return wrong === undefined ? [] : [{ path: 'origins', message: `holds "${each.slice(0, 64)}", which is refused: ${wrong}` }];
      }),
      ...credentialProblems(settings, place),
    ];
  },
  access: ({ url, ...settings }) => accessOf(settings, url),
  open: (settings, home) => new A2a(settings, home),
});
