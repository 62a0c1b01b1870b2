import { LlmCall } from './call.ts';
import type { CallHead, Dialect } from './dialect.ts';
import { GatewayError } from './errors.ts';
import type { Exchange, Surface } from './exchange.ts';
import type { Headroom, TargetHealth } from './health.ts';
import { asString, isArray, type Json, type JsonObject } from './json.ts';
import { nanoUsd } from './money.ts';
import type { EgressRequest, Ports, RequestRecord } from './ports.ts';
import type { ModelCard } from './price.ts';
import { type CallSize, nameOf, type StrategyTools } from './strategy.ts';
import type { Fields } from './wire.ts';

// Instruments for tests. Production code must not import this file.

/** The ports of a test, and what was done with them. */
export interface FakePorts extends Ports {
  readonly clock: { now(): number; advance(milliseconds: number): void };
  /** What left, in order. */
  readonly sent: readonly EgressRequest[];
  /** The rows of the journal, in order. */
  readonly rows: readonly RequestRecord[];
  /** Waits for everything given to `after`, also for what that adds. */
  settled(): Promise<void>;
}

export interface FakePortsOptions {
  /** Milliseconds since the epoch; it moves only by `advance`. */
  readonly now?: number;
  readonly secrets?: { readonly [name: string]: string };
  /** What answers; nothing is reachable when absent. */
  readonly respond?: (request: EgressRequest) => Response | Promise<Response>;
}

export function fakePorts({ now = 1_800_000_000_000, secrets = {}, respond }: FakePortsOptions = {}): FakePorts {
  let time = now;
  const sent: EgressRequest[] = [];
  const rows: RequestRecord[] = [];
  const work: Promise<unknown>[] = [];
  return {
    sent,
    rows,
    clock: {
      now: () => time,
      advance: (milliseconds) => {
        time += milliseconds;
      },
    },
    egress: {
      send: async (request) => {
        sent.push(request);
        request.signal.throwIfAborted();
        if (respond === undefined) throw new GatewayError('upstream_unreachable', 'Nothing is reachable from this test.');
        return respond(request);
      },
      connect: async () => {
        throw new GatewayError('upstream_unreachable', 'No WebSocket is reachable from this test.');
      },
    },
    journal: { record: (row) => void rows.push(row) },
    secrets: { get: (name) => secrets[name] },
    tokens: { of: async (encoding) => ({ encoding, count: (text) => text.split(/\s+/).length }) },
    // A transform stream reads nothing ahead by default: a write is done when what was written has been read.
    pipe: () => new TransformStream<Uint8Array, Uint8Array>(),
    sockets() {
      const { 0: caller, 1: gateway } = new WebSocketPair();
      return { caller, gateway };
    },
    after: (promise) => void work.push(promise),
    settled: async () => {
      for (let next = work.shift(); next !== undefined; next = work.shift()) await next;
    },
  };
}

/** An exchange of a test, and the facts noted in it. */
export interface FakeExchange extends Exchange {
  readonly notes: { readonly [fact: string]: Json };
}

export function fakeExchange(parts: Partial<Exchange> = {}): FakeExchange {
  const notes: Record<string, Json> = {};
  return {
    id: 'req_test',
    who: { keyId: 'key_test', org: 'dev', team: 'dev', app: 'dev', principal: 'app_test' },
    route: { name: 'llm', kind: 'llm' },
    surface: chatSurface,
    ports: fakePorts(),
    signal: new AbortController().signal,
    ...parts,
    notes,
    note: (fact, value) => {
      notes[fact] = value;
    },
  };
}

/** The handles on canonical chat chunks, and on calls by their own dialect. */
export const chatSurface: Surface = {
  texts: (call, edit) => {
    if (call.kind !== 'llm') return call;
    if (call.dialect === undefined) return call.texts(edit);
    const body = call.wire.json();
    const edited = call.dialect.texts(body, edit);
    return edited === body ? call : call.withBody(edited);
  },
  textOf: (chunk) => ('text' in chunk ? { part: chunk.part, text: chunk.text } : undefined),
  withText: (chunk, text) => ('text' in chunk ? { ...chunk, text } : chunk),
  choiceOf: (chunk) => {
    if ('choice' in chunk) return chunk.choice;
    return chunk.type === 'start' || chunk.type === 'usage' ? undefined : 'all';
  },
  usage: (chunk) => (chunk.type === 'usage' ? chunk.usage : undefined),
  isLast: (chunk) => chunk.type === 'end',
};

/** A call in a dialect of the tests' own: `{ model, stream?, system?, messages: string[] }`. */
export function fakeCall(body: JsonObject, dialect: Dialect = fakeDialect()): LlmCall {
  return LlmCall.read(dialect, JSON.stringify(body), new Headers());
}

const headOf = (fields: Fields): CallHead => ({
  model: asString(fields.get('model')) ?? '',
  stream: fields.get('stream') === true,
  wantsUsage: false,
});

function editTexts(body: JsonObject, edit: (text: string) => string): JsonObject {
  let changed = false;
  const apply = (value: Json): Json => {
    const edited = typeof value === 'string' ? edit(value) : value;
    changed ||= edited !== value;
    return edited;
  };
  const edited: Record<string, Json | undefined> = { ...body };
  if (body.system !== undefined) edited.system = apply(body.system);
  if (isArray(body.messages)) edited.messages = body.messages.map(apply);
  return changed ? edited : body;
}

const absent = (): never => {
  throw new Error('The dialect of the tests only knows calls, not replies.');
};

/** Speaks calls only: reading or writing replies with it throws. */
export function fakeDialect(parts: Partial<Dialect> = {}): Dialect {
  return {
    id: 'fake',
    path: '/chat',
    head: headOf,
    readCall: (body) => ({
      model: asString(body.model) ?? '',
      messages: (isArray(body.messages) ? body.messages : []).map((text) => ({
        role: 'user',
        content: [{ type: 'text', text: asString(text) ?? '' }],
      })),
      tools: [],
      stream: body.stream === true,
      extra: {},
    }),
    writeCall: absent,
    limitOutput: absent,
    patch: (_head, model) => ({ model }),
    texts: editTexts,
    addSystem: (body, text, where) => {
      const own = asString(body.system);
      const both = where === 'start' ? [text, own] : [own, text];
      return { ...body, system: both.filter((each) => each !== undefined).join('\n') };
    },
    replyReader: absent,
    replyWriter: absent,
    readReply: absent,
    replyUsage: absent,
    writeReply: absent,
    replyTexts: absent,
    readError: absent,
    writeError: absent,
    errorFrame: absent,
    notable: /$^/,
    frameTexts: absent,
    isUsageOnly: () => false,
    terminators: [],
    issuer: 'other',
    ...parts,
  };
}

/** Numbers uniform in [0, 1), the same for the same seed: a 32-bit Weyl sequence, mixed (Steele et al., SplitMix, 2014). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** What a strategy of a test goes by; by `provider/model` where it is of a target. */
export interface FakeToolsOptions {
  readonly random?: () => number;
  readonly now?: number;
  readonly size?: CallSize;
  readonly cards?: { readonly [name: string]: ModelCard };
  /** In nano-USD. */
  readonly costs?: { readonly [name: string]: number };
  /** Closed, and with nothing in flight, where nothing else is said. */
  readonly health?: { readonly [name: string]: Partial<TargetHealth> };
  readonly headroom?: { readonly [name: string]: Headroom };
}

export interface FakeTools extends StrategyTools {
  /** What was said of each target, in order, by `provider/model`. */
  readonly explained: { readonly [name: string]: readonly string[] };
}

export function fakeTools(options: FakeToolsOptions = {}): FakeTools {
  const { random = seededRandom(1), now = 1_800_000_000_000, size = { input: 100, output: 200 } } = options;
  const explained: Record<string, string[]> = Object.create(null);
  const of = <T>(known: { readonly [name: string]: T } | undefined, name: string): T | undefined =>
    known !== undefined && Object.hasOwn(known, name) ? known[name] : undefined;
  return {
    random,
    now,
    explained,
    size: () => size,
    card: (target) => of(options.cards, nameOf(target)),
    cost(target) {
      const cost = of(options.costs, nameOf(target));
      return cost === undefined ? undefined : nanoUsd(cost);
    },
    health: (target) => ({ state: 'closed', inFlight: 0, ...of(options.health, nameOf(target)) }),
    headroom: (target) => of(options.headroom, nameOf(target)),
    explain(target, why) {
      const name = nameOf(target);
      explained[name] = [...(explained[name] ?? []), why];
    },
  };
}
