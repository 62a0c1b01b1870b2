import type { Chat, ChatChunk, Issuer, Usage } from './chat.ts';
import type { GatewayError } from './errors.ts';
import type { Framing } from './framing.ts';
import type { Json, JsonObject } from './json.ts';
import type { PrefixMarks } from './prompt-cache.ts';
import type { Frame } from './sse.ts';
import type { Fields } from './wire.ts';

/** Deviations of a provider from the dialect it speaks; all optional, absent means none. */
export interface Quirks {
  /** The field that carries the output limit in OpenAI chat (default `max_completion_tokens`). */
  readonly maxTokensField?: 'max_tokens' | 'max_completion_tokens';
  /** False where `stream_options.include_usage` is refused (default true). */
  readonly streamUsage?: boolean;
  /** The role for developer messages where `developer` is unknown (default `developer` is kept). */
  readonly developerRole?: 'system';
  /** The field a vendor streams reasoning in, when it expects it back (`reasoning_content`, `reasoning`). */
  readonly reasoningField?: 'reasoning_content' | 'reasoning';
  /** False where `response_format: json_schema` is not understood: it is then sent as `json_object`, and named as a loss. */
  readonly jsonSchema?: boolean;
  /** False where reasoning that a caller sends back is refused: it is then taken out of calls that are forwarded as they came. */
  readonly reasoningEcho?: false;
  /**
   * Gemini's signatures beside the tool calls of OpenAI chat (`extra_content.google.thought_signature`): true where they
   * are wanted back, false where the field is refused. Absent: calls of that dialect are forwarded with them, others are
   * written without.
   */
  readonly thoughtSignatures?: boolean;
  /** True where calls may name what they begin with (`prompt_cache_key`), so that those that begin alike find each other. */
  readonly promptCacheKey?: boolean;
  /** How it is asked to go on with an answer that another provider began. Absent: it is not asked, as it might begin anew. */
  readonly prefill?: Prefill;
}

/** How a provider goes on with the beginning of an answer that stands as the last message of a call. */
export interface Prefill {
  /**
   * `last`: that it is the last message says it all. `prefix`: the message says so itself (`prefix: true`). `continue`: the
   * call says so (`continue_final_message: true`, `add_generation_prompt: false`).
   */
  readonly by: 'last' | 'prefix' | 'continue';
  /** The models that do, where not all do; `*` stands for any text. */
  readonly models?: readonly string[] | undefined;
  /** The dialect in which it does; absent: the first it speaks. */
  readonly dialect?: string | undefined;
  /** Its answer begins with what it was sent. */
  readonly echoes?: true | undefined;
}

/** What the kernel needs of a request before, and usually instead of, parsing it whole. */
export interface CallHead {
  readonly model: string;
  readonly stream: boolean;
  /** Whether the caller asked for usage in the stream: if not, what the gateway adds to learn it is hidden again. */
  readonly wantsUsage: boolean;
}

/** What a URL, or the headers, say of a call in dialects whose bodies do not: `/v1beta/models/{model}:streamGenerateContent`. */
export interface CallAddress {
  readonly model: string;
  readonly stream: boolean;
  /** Whether the stream is to be one JSON array of its events (`core/json-array.ts`). */
  readonly jsonArray?: boolean;
}

export interface ReplyWriterOptions {
  /** The id, model and Unix seconds for frames that must carry them before the upstream's are known. */
  readonly id: string;
  readonly model: string;
  readonly created: number;
  /** Whether the caller asked for usage (OpenAI's extra chunk). */
  readonly wantsUsage: boolean;
  /** The fields of the caller's own call, which some dialects repeat in their answers; absent where nobody asked. */
  readonly call?: Fields;
}

/** Reads one streamed answer; stateful, one per answer. It must tolerate frames that were left out (see `Dialect.notable`). */
export interface ReplyReader {
  /** The chunks of one frame; none for a frame that says nothing (`ping`, comments). Throws only on data that is not of this dialect at all. */
  read(frame: Frame): readonly ChatChunk[];
  /**
   * The chunks that are said by the end of the stream itself; only in dialects without a terminator. It must end in
   * `end` where the answer was complete, and be empty where it was cut.
   */
  close?(): readonly ChatChunk[];
}

/** Writes one streamed answer; stateful, one per answer. */
export interface ReplyWriter {
  /** The frames for these chunks as server-sent events, complete to the blank line; empty when they say nothing in this dialect. */
  write(chunk: ChatChunk): string;
  /** What could not be said, by name, so far. */
  readonly loss: ReadonlySet<string>;
}

/** Edits one stream that stays in its dialect; stateful, one per answer. */
export interface FrameEditor {
  /** The frames to send for this one, whose chunks are `before`; `after` is what the policies let through for them. */
  edit(frame: Frame, before: readonly ChatChunk[], after: readonly ChatChunk[]): readonly Frame[];
}

/** A codec between one wire format and the canonical chat. Pure and synchronous: bytes and time belong to the kernel. */
export interface Dialect {
  readonly id: string;
  /** Appended to the provider's base URL for a chat call; where the model stands in it, `pathOf` says it instead. */
  readonly path: string;
  pathOf?(model: string, stream: boolean): string;
  /** Where model and streaming stand in the headers of a call: those headers. */
  headersOf?(model: string, stream: boolean): { readonly [name: string]: string };
  /** How its streams are cut into events; absent means server-sent events. */
  readonly framing?: Framing;
  /** What stands for a ping in answers of server-sent events, where the dialect's clients do not understand comments. */
  readonly ping?: string;
  /** How its vendor counts the tokens of a call, and how the count is answered; absent where it has no such call. */
  readonly counting?: {
    /** The URL that counts, of the one that answers; `undefined` where a provider's own address has none. */
    url(answering: string): string | undefined;
    write(tokens: number): JsonObject;
  };
  /** Whose signatures it carries unwrapped (`core/signature.ts`). */
  readonly issuer: Issuer;
  /**
   * Reads the head off the top-level fields, and off the address in dialects whose URL names the model; throws
   * `invalid_request` naming the field.
   */
  head(fields: Fields, address?: CallAddress): CallHead;
  /**
   * The whole call; throws `invalid_request` naming the field. `model` and `stream` are taken from the head by the
   * kernel where the body does not hold them. `model` is the one that was asked for, where the address names it: whose
   * signatures are meant may depend on it.
   */
  readCall(body: JsonObject, model?: string): Chat;
  /**
   * The call, as `readCall` read it, in words that every dialect has; asked where it is about to be translated. Answers
   * are told back in the caller's own words by the reply writer, which has the call's fields. Absent where there are none.
   */
  plain?(chat: Chat): { readonly chat: Chat; readonly loss: readonly string[] };
  /**
   * The body with what may be said in several ways said in the way of `writeCall`: so that what is compared with it does
   * not differ where nothing else is asked. Absent where every such thing is a text or a list of one.
   */
  spelt?(body: JsonObject): JsonObject;
  writeCall(chat: Chat, quirks: Quirks): { readonly body: JsonObject; readonly loss: readonly string[] };
  /** The top-level fields to set (or, with `undefined`, to remove) when a call of this dialect is forwarded as it came. */
  patch(head: CallHead, model: string, quirks: Quirks, fields: Fields): { readonly [field: string]: Json | undefined };
  /**
   * The call with its answer limited to so many tokens at most, for each alternative; `undefined` where what it asks for
   * (thinking of a fixed length) leaves no room for that.
   */
  limitOutput(body: JsonObject, tokens: number, quirks: Quirks): JsonObject | undefined;
  /**
   * The call with the end of its stable beginning marked, so that its vendor keeps that for the next one; the same object
   * where nothing is gained by it or the caller has done so already. Absent where vendors keep it of their own accord.
   */
  markPrefix?(body: JsonObject, marks: PrefixMarks): JsonObject;
  /** Every text a person or model wrote in the body, edited; the same object when nothing changed. */
  texts(body: JsonObject, edit: (text: string) => string): JsonObject;
  /** The body with an operator's instructions before or after the caller's own. Absent where the dialect has no place for them. */
  addSystem?(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject;

  /** `model` is the one that answers, for platforms where it decides whose signatures come. */
  replyReader(model?: string): ReplyReader;
  replyWriter(options: ReplyWriterOptions): ReplyWriter;
  /** A whole JSON answer as chunks, ending in `end`; throws `upstream_invalid` where it is none. */
  readReply(body: Json, model?: string): readonly ChatChunk[];
  /** The usage of a whole JSON answer that nobody needs to read further; throws as `readReply` does. */
  replyUsage(body: Json): Usage | undefined;
  writeReply(chunks: readonly ChatChunk[], options: ReplyWriterOptions): { readonly body: JsonObject; readonly loss: readonly string[] };
  /** A JSON answer with this chunk's text replaced is rebuilt by `texts` of the reply: every text the model wrote, edited. */
  replyTexts(body: JsonObject, edit: (text: string) => string): JsonObject;

  /** A provider's error answer, read: who is at fault, whether to retry, the vendor's own words. */
  readError(status: number, body: Json | undefined, headers: Headers): GatewayError;
  writeError(error: GatewayError, requestId: string): WrittenError;
  /** The typed error as the last event of a stream that had begun. */
  errorFrame(error: GatewayError, requestId: string): string;

  /**
   * Found in every frame that carries usage, a finish, an error or the end; a plain alternation without flags, so
   * that matching is linear. Frames without it need not be decoded unless somebody reads content.
   */
  readonly notable: RegExp;
  /**
   * The frame with every text its `text` chunks carry edited, all else as it came; the same frame when nothing changed.
   * For a stream that stays in its dialect while a policy edits it.
   */
  frameTexts(frame: Frame, edit: (text: string) => string): Frame;
  /** In dialects whose streams say a text more than once, where frames cannot be edited one by one. */
  frameEditor?(): FrameEditor;
  /** Whether a frame exists only because the gateway asked for usage, and is hidden from a caller who did not. */
  isUsageOnly(frame: Frame): boolean;
  /**
   * Mark an answer as complete, any one of them: a stream that ends without it was cut. They stand in the last frame.
   * Empty where only the end of the stream tells (`ReplyReader.close`).
   */
  readonly terminators: readonly string[];
}

export interface WrittenError {
  readonly status: number;
  readonly body: JsonObject;
  /** What the dialect's clients read from the head (`x-amzn-errortype`). */
  readonly headers?: { readonly [name: string]: string };
}
