import { z } from 'zod';
import { GatewayError } from '../../core/errors.ts';
import { matchesGlob } from '../../core/glob.ts';

/** RFC 6749 section 3.3. */
const scope = z
  .string()
  .max(128)
  .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, { error: 'is not a scope: no spaces, quotes or backslashes' });

export const scopesConfig = z
  .strictObject({
    server: z.array(scope).max(16).optional().describe('What every request needs.'),
    tools: z
      .record(z.string().min(1).max(128), z.array(scope).min(1).max(16))
      .optional()
      .describe('What calls of tools need besides, by the names that clients see; "*" stands for any text. All that fit count together.'),
  })
  .describe('What tokens of callers must be good for. Keys know no scopes, and are not held to them.');

/** What a route asks of tokens. */
export interface RouteScopes {
  readonly server: readonly string[];
  readonly tools: readonly (readonly [glob: string, scopes: readonly string[]])[];
}

/** `written`: of a document that fits `scopesConfig`. */
export function routeScopes(written: unknown): RouteScopes {
  const { server = [], tools = {} } = scopesConfig.safeParse(written ?? {}).data ?? {};
  return { server, tools: Object.entries(tools) };
}

/** Everything that may be asked for at a route. */
export const allScopes = ({ server, tools }: RouteScopes): readonly string[] => [
  ...new Set([...server, ...tools.flatMap(([, scopes]) => scopes)]),
];

/** What a call of a tool needs, all of it at once. */
export const scopesOfTool = ({ server, tools }: RouteScopes, tool: string): readonly string[] => [
  ...new Set([...server, ...tools.flatMap(([glob, scopes]) => (matchesGlob(glob, tool.toLowerCase()) ? scopes : []))]),
];

/**
 * Throws `insufficient_scope` where a token is not good for all that is needed, naming all of it: a client that asks for it
 * once more gets through (2025-11-25, "Scope Challenge Handling"). `held`: absent where the credential knows no scopes.
 */
export function checkScopes(held: readonly string[] | undefined, needed: readonly string[]): void {
  if (held === undefined || needed.every((each) => held.includes(each))) return;
  const missing = needed.filter((each) => !held.includes(each));
  throw new GatewayError('insufficient_scope', `The token lacks the scope${missing.length === 1 ? '' : 's'} ${missing.join(' ')}.`, {
    scopes: needed,
  });
}
