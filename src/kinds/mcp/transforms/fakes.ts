import { GatewayError } from '../../../core/errors.ts';
import { fakePorts } from '../../../core/fakes.ts';
import type { Governance, Pin } from '../../../core/governance.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import { exposedName, exposedUri, isOf, ownName } from '../names.ts';
import { DEFAULT_MCP_LIMITS } from '../settings.ts';
import type { Ask, Caller, Listing, Source, SourceContext } from '../sources/source.ts';
import { codes, RpcError } from '../wire/errors.ts';
import type { TransformHome } from './transform.ts';

// A source and a caller for tests: what it has is given, and what it was asked is seen.

export interface FakeThings {
  readonly tools?: readonly JsonObject[];
  readonly prompts?: readonly JsonObject[];
  readonly resources?: readonly JsonObject[];
  readonly templates?: readonly JsonObject[];
  /** Things on one page. */
  readonly page?: number;
  readonly answer?: (ask: Ask, context: SourceContext) => JsonObject | Promise<JsonObject>;
}

export interface FakeSource extends Source {
  readonly asked: readonly Ask[];
  /** Calls of `list`. */
  readonly listed: () => number;
}

/** Answers every request for what it has with `{asked: params}`, in the words of the protocol. */
export function fakeSource(things: FakeThings = {}): FakeSource {
  const asked: Ask[] = [];
  let listed = 0;
  const { tools = [], prompts = [], resources = [], templates = [], page = 100, answer } = things;
  const lists: { readonly [what in Listing]: readonly JsonObject[] } = { tools, prompts, resources, 'resources/templates': templates };
  return {
    asked,
    listed: () => listed,
    offer: () => ({ capabilities: { tools: {}, prompts: {}, resources: { subscribe: true }, completions: {} } }),
    list(what, cursor) {
      listed += 1;
      const from = cursor === undefined ? 0 : Number(cursor);
      if (!Number.isSafeInteger(from)) throw new RpcError(codes.invalidParams, 'no such cursor');
      const items = lists[what].slice(from, from + page);
      const next = from + page < lists[what].length ? { nextCursor: String(from + page) } : {};
      return { items, ttlMs: 1_000, cacheScope: 'public', meta: { kept: true }, ...next };
    },
    async request(ask, context) {
      asked.push(ask);
      const name = ask.params.fields.get('name');
      if (ask.method === 'tools/call' && !tools.some((tool) => tool.name === name))
        throw new RpcError(codes.invalidParams, `Unknown tool: ${String(name)}`);
      return Wire.of((await answer?.(ask, context)) ?? { content: [], structuredContent: { asked: ask.params.json() } });
    },
    notify: () => undefined,
    listen: async (filter, context) => {
      context.notify('notifications/tools/list_changed', {});
      for (const uri of filter.resourceSubscriptions ?? []) context.notify('notifications/resources/updated', { uri });
    },
    close: () => undefined,
    needsSession: () => false,
  };
}

const never = () => {
  throw new Error('a transform asked somebody by itself');
};

/** `route`: it stands at the route, over a source with this prefix. */
export const fakeHome = (route?: string): TransformHome => {
  const prefix = route ?? '';
  const { longestName } = DEFAULT_MCP_LIMITS;
  return {
    name: 'source',
    ports: { clock: { now: () => 0 }, egress: { send: never, connect: never }, secrets: { get: never } },
    limits: DEFAULT_MCP_LIMITS,
    isRoute: route !== undefined,
    exposed: (own) => exposedName(prefix, own, longestName),
    exposedUri: (own) => exposedUri(prefix, own),
    own: (exposed) => (prefix === '' || isOf(prefix, exposed) ? ownName(prefix, exposed, longestName) : undefined),
  } as TransformHome;
};

const CALLER: Caller = { org: 'org_1', team: 'team_1', app: 'app_1', keyId: 'key_1' };

export interface FakeContext extends SourceContext {
  readonly told: readonly { readonly method: string; readonly params: JsonObject }[];
}

/** Trusts what it sees first, grants what is asked for, and keeps no audit. */
function fakeGovernance(): Governance {
  const book = new Map<string, Pin>();
  let isRead = false;
  return {
    pins: {
      read: async () => (isRead ? book : undefined),
      async see(_place, { tools, trust, holdsHidden }) {
        for (const { name, digest, flags } of tools) {
          const isGood = (trust === 'all' || (trust === 'first' && !isRead)) && !(holdsHidden && flags.length > 0);
          book.set(name, isGood ? { status: 'approved', approved: digest, seen: digest } : { status: 'pending', seen: digest });
        }
        isRead = true;
        return book;
      },
    },
    approvals: {
      ask: async () => ({ id: 'a', status: 'granted' }),
      look: async () => ({ id: 'a', status: 'granted' }),
      goOn: async () => ({ id: 'a', status: 'granted' }),
    },
    audit: { ready: async () => undefined, note: async () => undefined },
  };
}

export function fakeContext(caller: Partial<Caller> = {}, more: Partial<SourceContext> = {}): FakeContext {
  const told: { readonly method: string; readonly params: JsonObject }[] = [];
  const all = { ...CALLER, ...caller };
  const who = { org: all.org, team: all.team, app: all.app, keyId: all.keyId, principal: all.app };
  return {
    call: { requestId: 'req_1', route: 'route', who, ports: { ...fakePorts(), governance: fakeGovernance() }, note: () => undefined },
    client: { era: 'modern', version: '2026-07-28', capabilities: {} },
    principal: 'app_1',
    caller: all,
    signal: new AbortController().signal,
    notify: (method, params) => void told.push({ method, params }),
    ask: () => Promise.reject(new Error('nobody can be asked')),
    told,
    ...more,
  };
}

export const tool = (name: string, more: JsonObject = {}): JsonObject => ({ name, inputSchema: { type: 'object' }, ...more });

/** Every item of a list, page by page. */
export async function listAll(source: Source, what: Listing, context: SourceContext): Promise<readonly JsonObject[]> {
  const items: JsonObject[] = [];
  let cursor: string | undefined;
  do {
    const page: Awaited<ReturnType<Source['list']>> = await source.list(what, cursor, context);
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== undefined);
  return items;
}

export const namesOf = async (source: Source, context: SourceContext, what: Listing = 'tools') =>
  (await listAll(source, what, context)).map(({ name, uri, uriTemplate }) => String(uri ?? uriTemplate ?? name));

export const callOf = (name: string, args: JsonObject = {}, more: { readonly [field: string]: Json } = {}): Ask => ({
  method: 'tools/call',
  params: Wire.of({ name, arguments: args, ...more }),
});

/** What was thrown, as a client sees it; `undefined` where nothing was. */
export async function refusalOf(work: Promise<unknown>): Promise<JsonObject | undefined> {
  try {
    await work;
    return undefined;
  } catch (thrown) {
    if (thrown instanceof RpcError) return thrown.toJson();
    if (thrown instanceof GatewayError) return { code: thrown.code, message: thrown.message };
    throw thrown;
  }
}
