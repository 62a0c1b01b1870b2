import type { GatewayError } from './errors.ts';
import type { Json, JsonObject } from './json.ts';

/**
 * The canonical chat: what every dialect can be read into and written from. It is the meeting point of
 * translations only; a call that stays in its own dialect is forwarded as it came and never passes through here.
 *
 * Fields a dialect knows and this form does not are carried as `extra`, keyed by dialect, so that a round trip
 * through the same dialect loses nothing and a translation can name what it could not carry.
 */
export interface Chat {
  readonly model: string;
  readonly messages: readonly Message[];
  readonly tools: readonly Tool[];
  readonly toolChoice?: ToolChoice;
  /** Whether the model may call several tools in one turn; absent means the provider's default. */
  readonly parallelToolCalls?: boolean;
  readonly maxTokens?: number;
  /** 0–2; a dialect with a narrower range clamps and reports the loss. */
  readonly temperature?: number;
  readonly topP?: number;
  readonly topK?: number;
  readonly stop?: readonly string[];
  readonly choices?: number;
  readonly seed?: number;
  readonly presencePenalty?: number;
  readonly frequencyPenalty?: number;
  readonly responseFormat?: ResponseFormat;
  readonly reasoning?: Reasoning;
  /** An opaque end-user id for the provider's abuse monitoring. */
  readonly user?: string;
  readonly stream: boolean;
  /** False where the caller asked in so many words that the provider keep nothing of the call: most never do. */
  readonly store?: false;
  /** What one dialect knows and the canonical form does not, by dialect id: top-level fields as they came. */
  readonly extra: { readonly [dialect: string]: JsonObject };
}

export type Role = 'system' | 'developer' | 'user' | 'assistant' | 'tool';

export interface Message {
  readonly role: Role;
  readonly content: readonly Part[];
  /** OpenAI's participant name. */
  readonly name?: string;
  readonly extra?: JsonObject;
}

/**
 * What a vendor wants back with a part, byte for byte: Anthropic's thinking signature, Gemini's `thoughtSignature`
 * (also on tool calls and texts), the encrypted reasoning of OpenAI's Responses, Bedrock's reasoning signature.
 */
export interface Signed {
  readonly signature?: string;
  /** Whose it is: the only family that may be sent it again (`core/signature.ts`). Present wherever `signature` is. */
  readonly issuer?: Issuer;
}

/** Vendors' families of signatures. Anthropic's models take theirs back on every platform that serves them. */
export type Issuer = 'anthropic' | 'gemini' | 'openai' | 'bedrock' | 'other';

/** Where a provider may set a prompt-cache breakpoint (Anthropic `cache_control`), as it came. */
export interface Cacheable {
  readonly cache?: JsonObject;
  /** What one dialect knows of this part or tool and the canonical form does not, by dialect id. */
  readonly extra?: JsonObject;
}

export type Part =
  | ({ readonly type: 'text'; readonly text: string; readonly citations?: Json } & Cacheable & Signed)
  | ({ readonly type: 'image'; readonly source: MediaSource; readonly detail?: string } & Cacheable)
  | ({ readonly type: 'file'; readonly source: MediaSource; readonly name?: string; readonly extra?: JsonObject } & Cacheable)
  | { readonly type: 'audio'; readonly data: string; readonly format: string }
  | ({
      readonly type: 'tool-call';
      readonly id: string;
      readonly name: string;
      readonly input: string;
      readonly custom?: true;
    } & Cacheable &
      Signed)
  | ({ readonly type: 'tool-result'; readonly callId: string; readonly content: readonly Part[]; readonly isError?: boolean } & Cacheable)
  /** `id` is the item's own where the vendor has one (`rs_…`); `summary` where the text is a summary of hidden reasoning. */
  | ({ readonly type: 'thinking'; readonly text: string; readonly id?: string; readonly summary?: true } & Signed)
  | { readonly type: 'redacted-thinking'; readonly data: string; readonly issuer?: Issuer }
  | { readonly type: 'refusal'; readonly text: string }
  /** A part only its own dialect understands, kept as it came. */
  | { readonly type: 'raw'; readonly dialect: string; readonly value: Json };

export type MediaSource =
  | { readonly kind: 'url'; readonly url: string }
  | { readonly kind: 'base64'; readonly mediaType: string; readonly data: string }
  | { readonly kind: 'text'; readonly mediaType: string; readonly text: string }
  | { readonly kind: 'file'; readonly id: string };

export type Tool =
  | ({
      readonly type: 'function';
      readonly name: string;
      readonly description?: string;
      readonly parameters?: Json;
      readonly strict?: boolean;
      readonly extra?: JsonObject;
    } & Cacheable)
  /** A tool only its own dialect understands (server tools, custom tools), kept as it came. */
  | { readonly type: 'raw'; readonly dialect: string; readonly value: Json };

export type ToolChoice = { readonly mode: 'auto' | 'none' | 'required' } | { readonly mode: 'tool'; readonly name: string };

export type ResponseFormat =
  | { readonly type: 'json' }
  | { readonly type: 'schema'; readonly schema: Json; readonly name?: string; readonly description?: string; readonly strict?: boolean };

export interface Reasoning {
  /** OpenAI's `reasoning_effort`, Anthropic's `output_config.effort`, as written (`minimal`, `low`, `medium`, `high`, …). */
  readonly effort?: string;
  /** Thinking budget in tokens (Anthropic `thinking.budget_tokens`). */
  readonly budgetTokens?: number;
  /** Anthropic `thinking.type`: `enabled`, `adaptive` or `disabled`. */
  readonly mode?: 'enabled' | 'adaptive' | 'disabled';
}

/** Tokens of one answer. Input includes cached tokens and output includes reasoning, whatever the vendor's convention. */
export interface Usage {
  readonly input: number;
  readonly output: number;
  /** Of `input`: read from the provider's prompt cache. */
  readonly cacheRead?: number;
  /** Of `input`: written to the provider's prompt cache. */
  readonly cacheWrite?: number;
  /** Of `cacheWrite`: written to live for an hour, which costs more (Anthropic `ephemeral_1h_input_tokens`). */
  readonly cacheWrite1h?: number;
  /** Of `input` and of `output`: tokens of other modalities, which have prices of their own. */
  readonly audioInput?: number;
  readonly imageInput?: number;
  readonly audioOutput?: number;
  readonly imageOutput?: number;
  /** Requests the vendor's own search tool made for this answer. */
  readonly searches?: number;
  /** What is not counted in tokens: pictures made, seconds heard or spoken, characters spoken. */
  readonly images?: number;
  readonly seconds?: number;
  readonly characters?: number;
  /** Of `output`: spent on reasoning. */
  readonly reasoning?: number;
  /** True when the vendor gave no usage and this was counted here. */
  readonly estimated?: boolean;
}

export type FinishReason =
  | 'stop'
  | 'stop-sequence'
  | 'length'
  | 'tool-calls'
  | 'content-filter'
  | 'refusal'
  | 'pause'
  | 'context-window'
  | 'error'
  | 'other';

/**
 * One step of an answer. `part` numbers the content parts of an answer from 0, in the order in which they begin;
 * `choice` is the alternative (`n`) they belong to. An answer is `start`, content, one `finish` a choice, and
 * exactly one `end`; `usage` may come anywhere, the last one wins. `items` of the end: the ids by which a vendor that
 * keeps its answers finds the parts of this one again.
 */
export type ChatChunk =
  | { readonly type: 'start'; readonly id?: string; readonly model?: string; readonly created?: number }
  | { readonly type: 'text'; readonly part: number; readonly choice: number; readonly text: string }
  | { readonly type: 'thinking'; readonly part: number; readonly choice: number; readonly text: string }
  /** Belongs to the part of this number, whatever it is: thinking, a text or a tool call, whose signature comes right behind its `tool-call`. */
  | { readonly type: 'signature'; readonly part: number; readonly choice: number; readonly signature: string; readonly issuer?: Issuer }
  | { readonly type: 'redacted-thinking'; readonly part: number; readonly choice: number; readonly data: string; readonly issuer?: Issuer }
  | { readonly type: 'refusal'; readonly part: number; readonly choice: number; readonly text: string }
  | {
      readonly type: 'tool-call';
      readonly part: number;
      readonly choice: number;
      readonly id: string;
      readonly name: string;
      readonly custom?: true;
    }
  /** A fragment of the call's arguments as JSON text (or of a custom tool's input). */
  | { readonly type: 'tool-input'; readonly part: number; readonly choice: number; readonly text: string }
  /** Content only its own dialect understands: handed on there, named as a loss elsewhere. */
  | { readonly type: 'raw'; readonly dialect: string; readonly name: string; readonly value: Json }
  | { readonly type: 'usage'; readonly usage: Usage }
  /** `vendor` is the vendor's own word where the canonical reason is coarser. */
  | {
      readonly type: 'finish';
      readonly choice: number;
      readonly reason: FinishReason;
      readonly stopSequence?: string;
      readonly vendor?: string;
    }
  | { readonly type: 'error'; readonly error: GatewayError }
  | { readonly type: 'end'; readonly items?: readonly string[] };

/** Whether a chunk is content a client could act on: the point after which no other target may answer. */
export function isContent(chunk: ChatChunk): boolean {
  switch (chunk.type) {
    case 'start':
    case 'usage':
    case 'error':
      return false;
    case 'text':
    case 'thinking':
    case 'refusal':
      return chunk.text !== '';
    default:
      return true;
  }
}
