/**
 * What each route takes from the limits of who asks.
 * - `billable`: it asks a model. What it may come to is held before a provider is asked, and settled when all is over.
 * - `request`: it asks a provider for something that costs nothing (a list, a file, a count), or says something of a call
 *   that was made: one request, one call at a time, no money. Where the answer is known here nobody is asked, and nothing is taken.
 * - `free`: it asks no provider.
 */
export type Billing = 'billable' | 'request' | 'free';

export interface BillingRule {
  readonly billing: Billing;
  readonly method: string;
  /** As the router has it, without the version and the vendor's name before it. */
  readonly path: string;
}

const rules = (billing: Billing, ...routes: readonly string[]): readonly BillingRule[] =>
  routes.map((route) => {
    const [method = '', path = ''] = route.split(' ');
    return { billing, method, path };
  });

/** Every route there is, once. A route that stands in none of these lists fails `test/ledger/routes.test.ts`. */
export const billing: readonly BillingRule[] = [
  ...rules(
    'billable',
    'POST /chat/completions',
    'POST /completions',
    'POST /messages',
    'POST /responses',
    'POST /responses/compact',
    // A WebSocket each of whose turns is a call of its own.
    'GET /responses',
    'POST /chat',
    'POST /api/chat',
    'POST /model/:call{.+}',
    // Counting is a verb of the same pattern, and takes a request alone.
    'POST /:call{.+:(?:generateContent|streamGenerateContent|countTokens)}',
    'POST /models/:call{.+:(?:embedContent|batchEmbedContents)}',
    'POST /ai/language-model',
    'POST /ai/embedding-model',
    'POST /deployments/:call{.+}',
    'POST /embeddings',
    'POST /rerank',
    'POST /moderations',
    'POST /images/generations',
    'POST /images/edits',
    'POST /images/variations',
    'POST /audio/speech',
    'POST /audio/transcriptions',
    'POST /audio/translations',
    'GET /realtime',
    'POST /batches',
  ),
  ...rules(
    'request',
    'POST /messages/count_tokens',
    'POST /responses/input_tokens',
    'POST /files',
    'GET /files',
    'GET /files/:id',
    'DELETE /files/:id',
    'GET /files/:id/content',
    'GET /batches',
    'GET /batches/:id',
    'POST /batches/:id/cancel',
    'GET /responses/:at{.+}',
    'POST /responses/:at{.+}',
    'DELETE /responses/:at{.+}',
    'POST /feedback',
    // What asks a server takes a request, and what calls a tool a tool call.
    'POST /mcp/:name',
    'POST /mcp/:name/messages',
  ),
  ...rules(
    'free',
    'GET /mcp/:name',
    'GET /mcp/:name/sse',
    'DELETE /mcp/:name',
    'GET /.well-known/oauth-protected-resource/mcp/:name',
    'GET /.well-known/oauth-protected-resource',
    'GET /.well-known/oauth-authorization-server',
    'GET /oauth/authorize',
    'POST /oauth/consent',
    'GET /oauth/callback',
    'POST /oauth/token',
    'POST /oauth/revoke',
    'POST /oauth/register',
    'GET /oauth/client-metadata.json',
    'GET /oauth/connect',
    'POST /oauth/connect',
    'GET /oauth/connect/callback',
    'GET /oauth/connect/:route/:source',
    'POST /oauth/connect/:route/:source',
    'PUT /oauth/connect/:route/:source',
    'DELETE /oauth/connect/:route/:source',
    'GET /conversations/:at{.+}',
    'POST /conversations/:at{.+}',
    'DELETE /conversations/:at{.+}',
    'POST /conversations',
    'GET /models',
    'GET /models/:id{.+}',
    'GET /ai/config',
    'GET /api/tags',
    'GET /api/hello',
    'GET /healthz',
    'GET /readyz',
    'GET /metrics',
    'GET /',
    'ALL /admin/v1/*',
    // Resources as LiteLLM's clients ask for them: the admin API in other words.
    'POST /key/generate',
    'GET /key/info',
    'POST /key/update',
    'POST /key/delete',
    'POST /key/block',
    'POST /key/unblock',
    'POST /team/new',
    'GET /team/info',
  ),
];

/** Versions and vendors' names that stand before a path: `/v1`, `/v1/v1beta`, `/openai/v1`, `/anthropic`. */
const BEFORE = /^(?:\/(?:v\d+(?:alpha|beta\d*)?|openai|anthropic))+(?=\/)/;
/** An operation whose URL names a deployment is that operation. */
const DEPLOYED = /^\/deployments\/:call\{\.\+(\/[a-z/]+)\}$/;

/** The path of a route as the rules have it. */
function bare(path: string): string {
  const rest = path.startsWith('/admin/') ? path : path.replace(BEFORE, '');
  return DEPLOYED.exec(rest)?.[1] ?? rest;
}

/** The rules of a route of the router's: one, where the lists are right. */
export function rulesOf(method: string, path: string): readonly BillingRule[] {
  const wanted = bare(path);
  return billing.filter((rule) => rule.method === method && rule.path === wanted);
}
