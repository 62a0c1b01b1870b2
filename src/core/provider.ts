import type { Quirks } from './dialect.ts';
import type { Framing } from './framing.ts';
import type { Json } from './json.ts';
import type { ProviderOperations } from './operation.ts';
import type { Clock, Egress, EgressRequest, PlatformModels } from './ports.ts';

/** How a provider wants its credential. */
export type ProviderAuth =
  | { readonly scheme: 'bearer' }
  | { readonly scheme: 'header'; readonly name: string }
  | { readonly scheme: 'none' }
  | { readonly scheme: 'signed' };

/** What an address or a signature needs beside the key, from the configuration: `region`, `project`, `account`, … */
export interface ProviderSettings {
  readonly [name: string]: string;
}

/** One call, as the functions of a provider see it. */
export interface ProviderCall {
  readonly baseUrl: string;
  readonly dialect: string;
  readonly model: string;
  readonly stream: boolean;
  readonly settings: ProviderSettings;
}

/** How a provider carries a dialect differently from how the dialect's own vendor does. */
export interface Transport {
  /** Whether it carries calls for this model at all; absent means every model. */
  serves?(model: string): boolean;
  /** The whole URL; absent means the base URL and the dialect's own path. */
  url?(call: ProviderCall): string;
  /** Top-level fields set, or with `undefined` removed, in every body, after all else. `caller` are the caller's headers. */
  patch?(call: ProviderCall, caller: Headers): { readonly [field: string]: Json | undefined };
  /** What of a body with these fields, and of the caller's headers, is not carried, by name. */
  omits?(caller: Headers, has: (field: string) => boolean): readonly string[];
  /** How its streams are cut; frames must come out as server-sent events of the dialect, bytes included. */
  readonly framing?: Framing;
}

/** What a signature is made with. */
export interface SignTools {
  readonly clock: Clock;
  readonly egress: Egress;
  readonly settings: ProviderSettings;
  readonly signal: AbortSignal;
}

/** Answers a call that does not go over the network. */
export type Bound = (request: EgressRequest, model: string, clock: Clock) => Promise<Response> | Response;

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
  /**
   * What the operator fills in: `{region}` in `baseUrl` stands for the setting of that name. A setting without a
   * default must be given before the provider can be used.
   */
  readonly settings?: { readonly [name: string]: { readonly description: string; readonly default?: string } };
  /** By dialect id, where this provider carries that dialect in its own way. */
  readonly transports?: { readonly [dialect: string]: Transport };
  /** Makes the credential's headers where a fixed header does not do (SigV4, OAuth); `auth.scheme` is `signed` then. */
  readonly sign?: (request: Omit<EgressRequest, 'signal'>, credential: string, tools: SignTools) => Promise<Omit<EgressRequest, 'signal'>>;
  /** Caller headers handed on to this provider, lower case (`anthropic-beta`). */
  readonly forwards?: readonly string[];
  readonly quirks?: Quirks;
  /** What beside chat it serves, and how. */
  readonly operations?: ProviderOperations;
  /** Prefixes of bare model ids that belong to this provider (`gpt-`), so that `model: "gpt-…"` works without its name. */
  readonly owns?: readonly string[];
  /** Models it always serves, for `/v1/models`; absent where only the vendor knows. */
  readonly models?: readonly string[];
  /** Answers in the isolate instead of over the network: only the built-in sandbox does. */
  readonly respond?: Bound;
  /** How calls go through what the platform binds instead; `undefined` where it binds nothing, or the settings say otherwise. */
  readonly bound?: (settings: ProviderSettings, models: PlatformModels | undefined) => Bound | undefined;
}
