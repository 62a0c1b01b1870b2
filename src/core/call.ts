import type { Chat } from './chat.ts';
import type { CallAddress, CallHead, Dialect } from './dialect.ts';
import type { Json, JsonObject } from './json.ts';
import { Wire } from './wire.ts';

/** What the caller wants done with the conversation: answered, its tokens counted, or made shorter. */
export type LlmOperation = 'chat' | 'count-tokens' | 'compact';

/**
 * A chat call in its caller's dialect. It keeps the body as it came and is read into the canonical form only
 * when somebody asks: the usual call is patched and forwarded without ever being parsed whole.
 */
export class LlmCall {
  readonly kind = 'llm' as const;
  #chat: Chat | undefined;
  #isAsWritten = true;

  constructor(
    readonly dialect: Dialect,
    readonly wire: Wire,
    readonly head: CallHead,
    /** Caller headers a provider may be handed, lower case. */
    readonly headers: Headers,
    readonly operation: LlmOperation = 'chat',
    /** What the URL says of it, in dialects whose bodies do not. */
    readonly address?: CallAddress,
  ) {}

  static read(dialect: Dialect, body: string | Wire, headers: Headers, operation: LlmOperation = 'chat', address?: CallAddress): LlmCall {
    const wire = typeof body === 'string' ? Wire.read(body) : body;
    if (address !== undefined && dialect.pathOf === undefined && dialect.headersOf === undefined) {
      // A URL that names the model of a body that has a place for it (Azure's deployments): the URL holds.
      const named = Wire.read(wire.patched({ model: address.model }));
      return new LlmCall(dialect, named, dialect.head(named.fields), headers, operation);
    }
    return new LlmCall(dialect, wire, dialect.head(wire.fields, address), headers, operation, address);
  }

  /** The canonical form; read once. Throws `invalid_request`. */
  chat(): Chat {
    this.#chat ??= this.#read();
    return this.#chat;
  }

  /** The same call with more in its canonical form than its body says: what its dialect has no place for. */
  withChat(chat: Chat): LlmCall {
    const call = new LlmCall(this.dialect, this.wire, this.head, this.headers, this.operation, this.address);
    call.#chat = chat;
    call.#isAsWritten = false;
    return call;
  }

  /** Whether the canonical form says what the body says, and no more. */
  get isAsWritten(): boolean {
    return this.#isAsWritten;
  }

  #read(): Chat {
    const chat = this.dialect.readCall(this.wire.json(), this.address?.model);
    return this.address === undefined ? chat : { ...chat, model: this.head.model, stream: this.head.stream };
  }

  /**
   * The same call with another body in the same dialect. A top-level field that is the same object or value as before
   * keeps its text: numbers that JavaScript cannot hold, say in a tool's schema, leave as they came.
   */
  withBody(body: JsonObject): LlmCall {
    const before = this.wire.json();
    const changes: [string, Json | undefined][] = [];
    for (const name of Object.keys(body)) if (before[name] !== body[name]) changes.push([name, body[name]]);
    for (const name of Object.keys(before)) if (!Object.hasOwn(body, name)) changes.push([name, undefined]);
    const wire = this.wire.with(Object.fromEntries(changes));
    return new LlmCall(this.dialect, wire, this.dialect.head(wire.fields, this.address), this.headers, this.operation, this.address);
  }
}
