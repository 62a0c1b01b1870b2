import type { z } from 'zod';
import type { Credentials } from '../../../core/credentials.ts';
import type { GatewayError } from '../../../core/errors.ts';
import type { Identity } from '../../../core/exchange.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import type { Awaitable } from '../../../core/policy.ts';
import type { Clock, Egress, Ports, Secrets } from '../../../core/ports.ts';
import type { Wire } from '../../../core/wire.ts';
import type { SourceAccess } from '../auth/settings.ts';

/** What a source can list: the method of the protocol, without `/list`. */
export type Listing = 'tools' | 'prompts' | 'resources' | 'resources/templates';

/** Which of the two ways of the protocol a client or a server speaks: with sessions (up to 2025-11-25), or without (from 2026-07-28 on). */
export type Era = 'modern' | 'legacy';

/** Who asks, in the protocol's own words; all of it is what the client says of itself. */
export interface Client {
  readonly era: Era;
  /** The protocol version that is spoken with it. */
  readonly version: string;
  /** What it can be asked for: `elicitation`, `sampling`, `roots`, … */
  readonly capabilities: JsonObject;
  readonly info?: Json | undefined;
  /** From which level on it wants to be told what is logged; absent: not at all in the modern era, as the server likes in the other. */
  readonly logLevel?: string | undefined;
}

/** Who calls, as far as rules may ask; what the gateway found out, not what a client says of itself. Plain data: it goes into sessions. */
export interface Caller {
  readonly org: string;
  readonly team: string;
  readonly app: string;
  /** The id of the key or identity it came with. */
  readonly keyId: string;
  /** The end user whom the credential names. */
  readonly user?: string | undefined;
  /** What the caller calls the run that the call belongs to. */
  readonly run?: string | undefined;
  /** What a token may be used for (RFC 6749 §3.3); absent where the credential knows no scopes. */
  readonly scopes?: readonly string[] | undefined;
  /** What the caller's token says. */
  readonly claims?: JsonObject | undefined;
  /** What the operator says of the caller. */
  readonly metadata?: JsonObject | undefined;
  /** The address of the route as the caller reached it: `https://gateway.example.com/mcp/tools`. */
  readonly address?: string | undefined;
}

/** A request for one source: names and addresses are the source's own, without what the gateway put before them. */
export interface Ask {
  readonly method: string;
  /** As it came, save for what had to be changed: what nobody knows is in it still. */
  readonly params: Wire;
  /** `Mcp-Param-…` and other headers that the client sent for its server, lower case; absent where it cannot know which the server wants. */
  readonly headers?: { readonly [name: string]: string };
}

/** A question to the client in the middle of a request: `elicitation/create`, `sampling/createMessage`, `roots/list`. */
export interface Question {
  readonly method: string;
  readonly params: JsonObject;
}

/** A request as the gateway itself has it, for who acts in the gateway's name: the policies of the route, and sources that ask the gateway. */
export interface CallFacts {
  readonly requestId: string;
  readonly route: string;
  readonly who: Identity;
  /** The request's own: good as long as it is served. */
  readonly ports: Ports;
  /** Records a fact in the log row. */
  note(fact: string, value: Json): void;
  /** A chat call of the caller's own, in OpenAI's form and by all that holds for one: what may be asked, limits, policies, the log. Never rejects. */
  chat?(body: JsonObject, signal: AbortSignal): Promise<Response>;
}

/** One request, and what may be done for it while it is served. */
export interface SourceContext {
  /** Absent where nobody has asked by way of the gateway. */
  readonly call?: CallFacts | undefined;
  readonly client: Client;
  /** Whose the call is: nothing that is kept for one may be told to another. */
  readonly principal: string;
  readonly caller: Caller;
  /** The token the caller came with, where an identity provider made it: for who exchanges it there, and for nobody else. */
  readonly token?: string | undefined;
  /** Aborted when the client leaves (modern) or cancels, and when the time is over. */
  readonly signal: AbortSignal;
  /** Milliseconds for which what a source is and lists is waited for, since others wait with it; absent: as long as for anything else. */
  readonly listingWithin?: number;
  /** Milliseconds that what a source lists may be old; absent: as old as it may be kept. 0: it is asked. */
  readonly listedWithin?: number;
  /** `traceparent`, `tracestate`, `baggage` of the caller, for who asks a server over HTTP. */
  readonly trace?: { readonly [name: string]: string };
  /** Tells the client something on this request's own stream: `notifications/progress` with the client's own token, `notifications/message`, … */
  notify(method: string, params: JsonObject): void;
  /**
   * Asks the client and waits for its answer, in either era: a source need not know which. Rejects with an `RpcError` where the
   * client cannot be asked, or answers with an error. Only for sources that said `needsSession` to a modern client.
   */
  ask(question: Question): Promise<JsonObject>;
}

/** What a source is and can, as `initialize` and `server/discover` say it. */
export interface Offer {
  /** `tools`, `prompts`, `resources`, `completions`, `logging`, … with what they hold. */
  readonly capabilities: JsonObject;
  readonly serverInfo?: Json | undefined;
  readonly instructions?: string | undefined;
}

/** Where a page says which things of the source are not in any, and why: a list of `{operation, why}`. */
export const OMITTED = 'weir/omitted';
/** Where a tool's or prompt's `_meta` says its tags: a list of texts. */
export const TAGS = 'weir/tags';

/** One page of a list, as the source has it. */
export interface Page {
  /** Raw: the gateway changes names and addresses, and leaves the rest alone. */
  readonly items: readonly JsonObject[];
  /** The source's own; `''` is a cursor too. Absent: that was the last page. */
  readonly nextCursor?: string | undefined;
  /** Milliseconds for which it may be kept; absent: not at all. */
  readonly ttlMs?: number | undefined;
  /** `public`: the same for every caller of the gateway. Absent: `private`. */
  readonly cacheScope?: string | undefined;
  readonly meta?: JsonObject | undefined;
  /** It is an earlier one: why the source did not give it anew. */
  readonly failed?: GatewayError | undefined;
}

/** What a client wants to be told of as long as it listens. */
export interface ListenFilter {
  readonly toolsListChanged?: boolean;
  readonly promptsListChanged?: boolean;
  readonly resourcesListChanged?: boolean;
  /** The source's own addresses. */
  readonly resourceSubscriptions?: readonly string[];
  /** The source's own ids of tasks (`io.modelcontextprotocol/tasks`). */
  readonly taskIds?: readonly string[];
}

/** One server behind a route, opened: of an isolate, or of one session. Several requests use it at the same time. */
export interface Source {
  /** Whether it speaks the protocol itself: alone and without a prefix it is then asked everything as it came, lists too. */
  readonly speaks?: true;
  /** What it is. Asked often: keep what may be kept. Throws where it cannot be reached. */
  offer(context: SourceContext): Awaitable<Offer>;
  /** A page. Never called for what the offer's capabilities do not name. Throws `RpcError` -32602 for a cursor that is none of its own. */
  list(what: Listing, cursor: string | undefined, context: SourceContext): Awaitable<Page>;
  /**
   * Serves `tools/call`, `prompts/get`, `resources/read`, `completion/complete` and whatever else came for it; gives the
   * `result`, raw. What a tool got wrong is a result with `isError: true`; what is wrong with the request is thrown as an
   * `RpcError`; what is wrong with who serves it as a `GatewayError`.
   */
  request(ask: Ask, context: SourceContext): Promise<Wire>;
  /** Whether this client can be served only inside a session, where things stay in memory between its requests. Absent: never. */
  needsSession?(context: SourceContext): Awaitable<boolean>;
  /** Takes what a client tells: `notifications/roots/list_changed`. */
  notify?(method: string, params: JsonObject, context: SourceContext): Awaitable<void>;
  /** Tells what changes (`notifications/…`) by `context.notify` until the signal is aborted; returns when it has nothing more to tell. */
  listen?(filter: ListenFilter, context: SourceContext): Promise<void>;
  /** The session is over. */
  close?(): Awaitable<void>;
}

/** What an open source works with. */
export interface SourceHome {
  /** Unique within the route; stands in the log and in what clients are told of sources that fail. */
  readonly name: string;
  readonly ports: SourcePorts;
  /** How long one request may take, and how large it and its answer may be. */
  readonly limits: SourceLimits;
  /** Inside a session: what outlives the memory of its object. Small things, by name. */
  readonly kept?: SourceStore;
}

export interface SourcePorts {
  readonly clock: Clock;
  /** The one way out: `fetch` is never called. */
  readonly egress: Egress;
  readonly secrets: Secrets;
  /** What is shown to servers and is no secret of the deployment; absent where the gateway keeps none. */
  readonly credentials?: Credentials | undefined;
}

export interface SourceStore {
  get(name: string): Json | undefined;
  put(name: string, value: Json): void;
  delete(name: string): void;
}

export interface SourceLimits {
  /** Milliseconds until a request is answered, or its server gives another sign of life; what the client is asked in between counts not. */
  readonly timeout: number;
  /** Milliseconds for one request in all, however alive its server is; what the client is asked in between counts not. */
  readonly total: number;
  /** Bytes of a request's `params`. */
  readonly request: number;
  /** Bytes of a `result`. */
  readonly result: number;
  /** Things listed at most, of each sort. */
  readonly capabilities: number;
}

/** A kind of source, on the shelf. */
export interface SourceKind<Name extends string = string, Config = unknown> {
  readonly kind: Name;
  /** Its own settings: without `kind`, `name`, `prefix`, which every source has. */
  readonly config: z.ZodType<Config>;
  /** Settings as an operator may write them: what the laws are tried with and the docs show. At least one. */
  readonly examples: readonly JsonObject[];
  /** What is wrong with settings that the schema cannot say. */
  problems?(config: Config, place: { readonly local: boolean }): readonly { readonly path: string; readonly message: string }[];
  /** What its callers, or their operator, have to do before it can be used; `undefined`: nothing. */
  access?(config: Config): SourceAccess | undefined;
  /** Does nothing yet, and asks nobody. */
  open(config: Config, home: SourceHome): Source;
}

/** Ties the type of a source's settings to their schema. */
export const defineSource = <const Name extends string, Config>(kind: SourceKind<Name, Config>): SourceKind<Name, Config> => kind;
