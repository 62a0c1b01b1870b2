import type { EgressRequest } from '../../../../core/ports.ts';
import type { CredentialContext } from '../credential.ts';
import type { SourceHome } from '../source.ts';

/** One server, as both ways of speaking with it know it. */
export interface Upstream {
  readonly url: string;
  readonly home: SourceHome;
  /** Sends it one request, with the credential and the trace of who calls. Throws what the way out throws, and `provider_key_missing`. */
  send(request: EgressRequest, context: CredentialContext): Promise<Response>;
}

export const ACCEPT = 'application/json, text/event-stream';
/** What the gateway is to a server that asks who comes; of its clients it tells what they say of themselves. */
export const OWN_INFO = { name: 'weir', version: '0.1.0' } as const;
