import type { Quirks } from './dialect.ts';
import type { Clock, EgressRequest } from './ports.ts';

/** How a provider wants its credential. */
export type ProviderAuth =
  | { readonly scheme: 'bearer' }
  | { readonly scheme: 'header'; readonly name: string }
  | { readonly scheme: 'none' };

/** Where models live. Data first; functions only for the few that need them. */
export interface Provider {
  readonly id: string;
  /** As people write it. */
  readonly name: string;
  /** Native dialect first. A value is the base URL of that dialect where it differs from `baseUrl`. */
  readonly dialects: { readonly [dialect: string]: string | true };
  /** Up to and including the version segment, without a trailing slash. */
  readonly baseUrl: string;
  readonly auth: ProviderAuth;
  /** The secret that holds its key unless config names another: `<PROVIDER>_API_KEY`. */
  readonly secret?: string;
  /** Sent with every call unless the caller's own header of that name is forwarded. */
  readonly headers?: { readonly [name: string]: string };
  /** Caller headers handed on to this provider, lower case (`anthropic-beta`). */
  readonly forwards?: readonly string[];
  readonly quirks?: Quirks;
  /** Prefixes of bare model ids that belong to this provider (`gpt-`), so that `model: "gpt-…"` works without its name. */
  readonly owns?: readonly string[];
  /** Models it always serves, for `/v1/models`; absent where only the vendor knows. */
  readonly models?: readonly string[];
  /** Answers in the isolate instead of over the network: only the built-in sandbox does. */
  readonly respond?: (request: EgressRequest, model: string, clock: Clock) => Promise<Response> | Response;
}
