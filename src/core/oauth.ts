import type { JsonObject } from './json.ts';

/** What names an access token to whoever gave it out; nobody is let in with it. Plain data. */
export interface TokenRef {
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What an access token stands for that the gateway's own authorization server gave out. */
export interface AccessToken extends TokenRef {
  /** What it may be shown to (RFC 8707): one resource, as `resourceAt` names it. */
  readonly resource: string;
  /** What it may be used for (RFC 6749 section 3.3). */
  readonly scopes: readonly string[];
  /** The id of the client that it was given to. */
  readonly client: string;
  /** What the organisation's identity provider says of the person who signed in. */
  readonly claims: JsonObject;
  /** The id of the gateway key that was signed in with; absent where it was a person. */
  readonly key?: string;
}

/** The access tokens of the gateway's own authorization server. */
export interface AccessTokens {
  /** Whether it looks like one: told without asking anybody. */
  mayBe(token: string): boolean;
  /** `undefined` for what is none, has expired or was revoked. Throws `overloaded` where that cannot be found out. */
  find(token: string): Promise<AccessToken | undefined>;
  /**
   * Whether what was begun with a token may go on: it was not revoked, nor the grant that it is of. Gives when the grant
   * ends by itself, in milliseconds since the epoch; `undefined` where nothing holds any longer. A token that has expired
   * since asks for its grant alone. Rejects where it cannot be found out.
   */
  holds(token: TokenRef): Promise<number | undefined>;
}

/** What every access token begins with, so that secret scanners know it. */
export const TOKEN_PREFIX = 'weir_oauth_';

/**
 * The resource (RFC 8707) that a request asks: an MCP server by itself, and everything else together. `origin`: as clients
 * write the gateway's address.
 */
export function resourceAt(pathname: string, origin: string): string {
  const [, name] = /^\/mcp\/([^/]+)(?:\/(?:sse|messages))?$/.exec(pathname) ?? [];
  return name === undefined ? origin : `${origin}/mcp/${name}`;
}
