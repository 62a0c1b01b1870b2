import type { Identity } from '../../../core/exchange.ts';
import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import type { Caller, Client } from '../sources/source.ts';

/** What the gateway hands to a session: who asks was found out before. */
export interface SessionAsk {
  /** `sse` and `message`: the two of HTTP+SSE (2024-11-05), the stream and what is posted to it. `noted`: what was noted of a request. */
  readonly op: 'post' | 'get' | 'delete' | 'sse' | 'message' | 'noted';
  readonly requestId: string;
  readonly route: string;
  readonly who: Identity;
  /** What the caller says of all its calls: headers of the run, the user, the attribution. */
  readonly attribution: { readonly [name: string]: string };
  readonly principal: string;
  readonly caller: Caller;
  /** The token the caller came with, where a source of the route has it exchanged. */
  readonly token?: string | undefined;
  /** Of the route's settings: a digest of the document. */
  readonly revision: string;
  /** The route's settings, to be compiled there; a session that knows this revision needs them no more. */
  readonly document?: JsonObject;
  readonly ping: number;
  /** Of a session of the old way; absent for a modern client's request. */
  readonly sessionId?: string;
  /** Of a modern client. */
  readonly client?: Client;
  /** The messages of a POST, each as it came. */
  readonly messages: readonly string[];
  readonly isBatch?: boolean;
  readonly lastEventId?: string;
  /** Of HTTP+SSE: where the client posts. */
  readonly endpoint?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly trace: { readonly [name: string]: string };
}

/** In the head of an answer that is none: the session does not know the revision, and wants to be asked again with its document. */
export const WANTS_DOCUMENT = 'weir-wants-document';

export const writeAsk = (ask: SessionAsk): string => JSON.stringify(ask);

/** What only the gateway itself writes. */
export function readAsk(text: string): SessionAsk {
  const said = parseJson(text);
  if (!isObject(said)) throw new Error('a session was asked in words it does not know');
  return said as unknown as SessionAsk;
}
