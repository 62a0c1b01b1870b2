import type { LlmCall } from '../../core/call.ts';
import { celMap } from '../../core/cel/json-values.ts';
import type { Chat, Tool } from '../../core/chat.ts';
import type { Exchange } from '../../core/exchange.ts';
import { isObject } from '../../core/json.ts';
import type { OperationCall } from '../../core/operation.ts';
import type { StrategyTools } from '../../core/strategy.ts';

/** Where credentials stand: no rule sees them. */
const SECRET =
  /^(?:authorization|proxy-authorization|cookie|x-api-key|api-key|x-goog-api-key|x-weir-key|x-amz-security-token|cf-access-.*|signature|x-forwarded-client-cert|sec-websocket-protocol)$/;

/** Names of tools that a rule looks at, and characters of one: vendors take no more than 128 of each. */
const MOST_TOOLS = 128;
const MOST_NAME = 128;

/**
 * What rules know of a call, by the names of their variables. Each is worked out when a rule first mentions it: the
 * usual call is never read into its canonical form. A getter throws where a fact cannot be had.
 */
export class CallFacts {
  readonly #call: LlmCall | OperationCall;
  readonly #exchange: Exchange;
  readonly #instruments: StrategyTools;
  #metadata: ReadonlyMap<string, unknown> | undefined;
  #claims: ReadonlyMap<string, unknown> | undefined;
  #headers: ReadonlyMap<string, string> | undefined;
  #names: readonly string[] | undefined;

  constructor(call: LlmCall | OperationCall, exchange: Exchange, instruments: StrategyTools) {
    this.#call = call;
    this.#exchange = exchange;
    this.#instruments = instruments;
  }

  get model(): string {
    return this.#call.head.model;
  }

  get stream(): boolean {
    return this.#call.head.stream;
  }

  get dialect(): string {
    return this.#call.dialect === undefined ? this.#call.shape : this.#call.dialect.id;
  }

  get operation(): string {
    return this.#call.operation;
  }

  get metadata(): ReadonlyMap<string, unknown> {
    const { metadata, who } = this.#exchange;
    this.#metadata ??= celMap(metadata ?? who.metadata);
    return this.#metadata;
  }

  get claims(): ReadonlyMap<string, unknown> {
    this.#claims ??= celMap(this.#exchange.who.claims);
    return this.#claims;
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= new Map([...this.#call.headers].filter(([name]) => !SECRET.test(name)));
    return this.#headers;
  }

  get key(): string {
    return this.#exchange.who.keyId;
  }

  get app(): string {
    return this.#exchange.who.app;
  }

  get team(): string {
    return this.#exchange.who.team;
  }

  get org(): string {
    return this.#exchange.who.org;
  }

  get user(): string {
    return this.#exchange.user ?? this.#exchange.who.user ?? '';
  }

  get country(): string {
    return this.#exchange.country ?? '';
  }

  get tokens(): ReadonlyMap<string, bigint> {
    const { input, output } = this.#instruments.size();
    return new Map([
      ['input', BigInt(Math.ceil(input))],
      ['output', BigInt(Math.ceil(output))],
    ]);
  }

  get tools(): readonly string[] {
    this.#names ??= (this.#chat?.tools ?? []).slice(0, MOST_TOOLS).map((tool) => toolName(tool).slice(0, MOST_NAME));
    return this.#names;
  }

  get images(): bigint {
    const parts = this.#chat?.messages.flatMap(({ content }) => content) ?? [];
    return BigInt(parts.filter(({ type }) => type === 'image').length);
  }

  get messages(): bigint {
    return BigInt(this.#chat?.messages.length ?? 0);
  }

  get time(): Date {
    return new Date(this.#instruments.now);
  }

  /** Absent for other operations than chat. */
  get #chat(): Chat | undefined {
    return this.#call.dialect === undefined ? undefined : this.#call.chat();
  }
}

/** A vendor's own tool goes by its name, or by its type where it has none (`web_search_20250305`). */
function toolName(tool: Tool): string {
  if (tool.type === 'function') return tool.name;
  const { value } = tool;
  if (!isObject(value)) return '';
  if (typeof value.name === 'string') return value.name;
  return typeof value.type === 'string' ? value.type : '';
}
