import { isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import { type McpDocument, mcpConfig } from '../settings.ts';
import type { Caller, Client } from '../sources/source.ts';

/** What the gateway hands to a session: who asks was found out before. */
export interface SessionAsk {
  readonly op: 'post' | 'get' | 'delete';
  readonly requestId: string;
  readonly principal: string;
  readonly caller: Caller;
  /** The route's settings, to be compiled there. */
  readonly document: JsonObject;
  readonly ping: number;
  /** Of a session of the old way; absent for a modern client's request. */
  readonly sessionId?: string;
  /** Of a modern client. */
  readonly client?: Client;
  /** The messages of a POST, each as it came. */
  readonly messages: readonly string[];
  readonly isBatch?: boolean;
  readonly lastEventId?: string;
  readonly headers: { readonly [name: string]: string };
  readonly trace: { readonly [name: string]: string };
}

export const writeAsk = (ask: SessionAsk): string => JSON.stringify(ask);

/** What only the gateway itself writes. */
export function readAsk(text: string): { readonly ask: SessionAsk; readonly document: McpDocument } {
  const said = parseJson(text);
  if (!isObject(said)) throw new Error('a session was asked in words it does not know');
  return { ask: said as unknown as SessionAsk, document: mcpConfig.parse(said.document) };
}
