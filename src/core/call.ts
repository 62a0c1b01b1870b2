import type { Chat } from './chat.ts';
import type { CallHead, Dialect } from './dialect.ts';
import type { JsonObject } from './json.ts';
import { Wire } from './wire.ts';

/**
 * A chat call in its caller's dialect. It keeps the body as it came and is read into the canonical form only
 * when somebody asks: the usual call is patched and forwarded without ever being parsed whole.
 */
export class LlmCall {
  readonly kind = 'llm' as const;
  #chat: Chat | undefined;

  constructor(
    readonly dialect: Dialect,
    readonly wire: Wire,
    readonly head: CallHead,
    /** Caller headers a provider may be handed, lower case. */
    readonly headers: Headers,
  ) {}

  static read(dialect: Dialect, bytes: Uint8Array, headers: Headers): LlmCall {
    const wire = Wire.read(bytes);
    return new LlmCall(dialect, wire, dialect.head(wire.fields), headers);
  }

  /** The canonical form; read once. Throws `invalid_request`. */
  chat(): Chat {
    this.#chat ??= this.dialect.readCall(this.wire.json());
    return this.#chat;
  }

  /** The same call with another body in the same dialect. */
  withBody(body: JsonObject): LlmCall {
    const wire = Wire.of(body);
    return new LlmCall(this.dialect, wire, this.dialect.head(wire.fields), this.headers);
  }

  /** The same call for another model. */
  withModel(model: string): LlmCall {
    const wire = Wire.read(this.wire.patched({ model }));
    return new LlmCall(this.dialect, wire, { ...this.head, model }, this.headers);
  }
}
