import type { StreamEnd } from './closing.ts';
import type { GatewayError } from './errors.ts';
import type { Canon, Destination, Exchange, KindName, Surface } from './exchange.ts';
import type { Lane } from './lane.ts';
import type { Embedder } from './meaning/embedder.ts';
import type { NanoUsd } from './money.ts';
import type { Plan } from './plan.ts';
import type { Awaitable, Given } from './policy.ts';
import type { PolicyChain } from './run.ts';

/** What a kind made of a call: an answer that is on its way, and how it will come out. */
export interface Reply {
  readonly status: number;
  readonly contentType: string;
  readonly body: ReadableStream<Uint8Array> | Uint8Array | string;
  readonly stream: boolean;
  readonly lane?: Lane;
  /** `provider/model` that serves; absent while it is not known yet. */
  readonly servedModel?: string;
  readonly attempts?: number;
  /** Where it is known before the answer goes out. */
  readonly cost?: NanoUsd;
  /** What a translation could not carry. */
  readonly loss: readonly string[];
  /** What the operation's clients read from the head beside this. */
  readonly headers?: { readonly [name: string]: string };
  /** The caller's end of a WebSocket, where the answer is one. */
  readonly socket?: WebSocket;
  /** Settles when the last byte has left; never rejects. `served` is final then. */
  readonly done: Awaitable<ReplyEnd>;
}

export interface ReplyEnd extends StreamEnd {
  readonly servedModel?: string;
  readonly attempts: number;
  /** Milliseconds since the epoch of the first content event. */
  readonly firstTokenAt?: number;
  /** What the provider charges for it; absent where no price is known. */
  readonly cost?: NanoUsd;
  /** The price that `cost` was worked out by. */
  readonly priceVersion?: string;
}

export interface RenderedError {
  readonly status: number;
  readonly body: string;
  readonly contentType: string;
  /** What the dialect's clients read from the head. */
  readonly headers?: { readonly [name: string]: string };
}

/** A protocol the gateway serves. */
export interface Kind<Name extends KindName = KindName> {
  readonly name: Name;
  readonly surface: Surface;
  /** Serves a call that the policies admitted. Throws when no content has been sent and none can be. */
  serve(call: Canon[Name]['call'], exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply>;
  /** Renders an answer that a policy gave. */
  render(given: Given, call: Canon[Name]['call'], exchange: Exchange, chain: PolicyChain, plan: Plan): Promise<Reply>;
  /** Where a call would go first; `undefined` where its answer is nobody else's. Throws what routing throws. */
  destination(call: Canon[Name]['call'], exchange: Exchange, plan: Plan): Promise<Destination | undefined>;
  /** The embedder of a configured model, asked with what the caller's headers bring. Throws what routing throws. */
  embedder?(model: string, headers: Headers, exchange: Exchange, plan: Plan): Embedder;
  /** An error in the caller's own dialect. */
  fail(error: GatewayError, dialect: string, requestId: string): RenderedError;
}
