import type { SourceContext, SourceHome } from '../source.ts';

/** One server, as both ways of speaking with it know it. */
export interface Upstream {
  readonly url: string;
  readonly home: SourceHome;
  /** What every request to it carries. Throws `provider_key_missing`. */
  headers(context: Pick<SourceContext, 'trace'>): { readonly [name: string]: string };
}

export const ACCEPT = 'application/json, text/event-stream';
/** What the gateway is to a server that asks who comes; of its clients it tells what they say of themselves. */
export const OWN_INFO = { name: 'weir', version: '0.1.0' } as const;
