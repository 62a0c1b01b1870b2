import type { Context, Hono } from 'hono';
import { GatewayError } from '../core/errors.ts';
import type { Reply } from '../core/kind.ts';
import { OperationCall } from '../core/operation.ts';
import type { Plan } from '../core/plan.ts';
import { Wire } from '../core/wire.ts';
import { operations } from '../kinds/llm/operations/index.ts';
import { isForm, openAiSdkEmbeddings, openForm, openGeminiEmbeddings, openJson } from '../kinds/llm/operations/open.ts';
import type { Operation } from '../kinds/llm/operations/operation.ts';
import { realtimeCall, serveRealtime } from '../kinds/llm/operations/realtime/serve.ts';
import type { StoredAsk } from '../kinds/llm/operations/stored/call.ts';
import type { StoredKind } from '../kinds/llm/operations/stored/ids.ts';
import { serveStored, storedCall } from '../kinds/llm/operations/stored/serve.ts';
import { hasPolicies, type OpenedCall } from './exchange.ts';
import { readJsonBody } from './json-body.ts';
import { AI_SDK_VERSIONS, AZURE, PREFIXES } from './paths.ts';

/** Opens a call of an operation beside chat; the rest of its way is every call's. */
export type OpenCall = (request: Request, plan: Plan) => Promise<OpenedCall>;

type App = Hono<{ Variables: { requestId?: string } }>;
type Serve = (context: Context, dialect: string, open: OpenCall) => Promise<Response>;

/** Other names of an operation's path: Cohere's and Jina's clients append a version of their own. */
const ALSO: { readonly [path: string]: readonly string[] } = { rerank: ['/v2/rerank', '/v1/v2/rerank'] };

/** Gemini's paths, as its SDKs make them from base URLs with and without a version. */
const GEMINI = ['/v1beta', '/v1', '/v1beta/v1beta', '/v1beta/v1', ''].map((prefix) => `${prefix}/models/`);
const GEMINI_VERB = /\/models\/(.+):(?:embedContent|batchEmbedContents)$/;

/** The paths of operations that ask a model once. */
export const operationPaths: ReadonlyMap<string, Operation> = new Map(
  operations.flatMap((operation) => [
    ...PREFIXES.map((prefix) => [`${prefix}/${operation.path}`, operation] as const),
    ...(ALSO[operation.path] ?? []).map((path) => [path, operation] as const),
  ]),
);

/** Mounted before the patterns of dialects that name the model in their URLs, whose verbs these are not. */
export function mountOperations(app: App, serve: Serve): void {
  mountStored(app, serve);
  mountRealtime(app, serve);
  for (const [path, operation] of operationPaths) {
    app.post(path, (context) => serve(context, 'openai-chat', (request, plan) => open(operation, request, plan)));
  }
  for (const operation of operations) {
    app.post(`/openai/deployments/:call{.+/${operation.path}}`, (context) => {
      const model = decodeURIComponent(AZURE.exec(new URL(context.req.raw.url).pathname)?.[1] ?? '');
      return serve(context, 'openai-chat', (request, plan) => open(deployed(operation, model), request, plan));
    });
  }
  for (const version of AI_SDK_VERSIONS) {
    app.post(`/${version}/ai/embedding-model`, (context) =>
      serve(context, 'ai-sdk-gateway', async (request, plan) => ({
        call: openAiSdkEmbeddings(await readJsonBody(request, plan), request.headers),
      })),
    );
  }
  for (const path of GEMINI) {
    app.post(`${path}:call{.+:(?:embedContent|batchEmbedContents)}`, (context) => {
      const model = decodeURIComponent(GEMINI_VERB.exec(new URL(context.req.raw.url).pathname)?.[1] ?? '');
      return serve(context, 'gemini', async (request, plan) => ({
        call: openGeminiEmbeddings(model, await readJsonBody(request, plan), request.headers),
      }));
    });
  }
}

/** The methods of a path that is served here, as `Allow` lists them; `undefined` for one that is not. */
export function operationMethods(path: string): string | undefined {
  if (operationPaths.has(path) || GEMINI_VERB.test(path) || AZURE.test(path)) return 'POST';
  const below = PREFIXES.flatMap((prefix) => (path.startsWith(`${prefix}/`) ? [path.slice(prefix.length)] : []));
  if (below.includes('/realtime')) return 'GET';
  const methods = STORED.filter((each) => below.some((rest) => fits(each.path, rest))).map(({ method }) => method);
  return methods.length === 0 ? undefined : methods.join(', ');
}

/** Whether a path is one of a pattern, of whose segments one is an id. */
function fits(pattern: string, path: string): boolean {
  const [wanted, given] = [pattern.split('/'), path.split('/')];
  return wanted.length === given.length && wanted.every((segment, at) => segment === given[at] || (segment === ':id' && given[at] !== ''));
}

/** `/v1/files` and `/v1/batches`, and what is below them. */
const STORED: readonly { readonly method: string; readonly path: string; readonly kind: StoredKind; readonly verb: StoredAsk['verb'] }[] = [
  { method: 'POST', path: '/files', kind: 'file', verb: 'create' },
  { method: 'GET', path: '/files', kind: 'file', verb: 'list' },
  { method: 'GET', path: '/files/:id', kind: 'file', verb: 'retrieve' },
  { method: 'DELETE', path: '/files/:id', kind: 'file', verb: 'delete' },
  { method: 'GET', path: '/files/:id/content', kind: 'file', verb: 'content' },
  { method: 'POST', path: '/batches', kind: 'batch', verb: 'create' },
  { method: 'GET', path: '/batches', kind: 'batch', verb: 'list' },
  { method: 'GET', path: '/batches/:id', kind: 'batch', verb: 'retrieve' },
  { method: 'POST', path: '/batches/:id/cancel', kind: 'batch', verb: 'cancel' },
];

function mountStored(app: App, serve: Serve): void {
  for (const { method, path, kind, verb } of STORED) {
    const paths = PREFIXES.map((prefix) => prefix + path);
    app.on(method, paths, (context) =>
      serve(context, 'openai-chat', async (request, plan) => {
        const id: string | undefined = context.req.param('id');
        const body = kind === 'batch' && verb === 'create' ? { body: Wire.read(await readJsonBody(request, plan)).json() } : {};
        const ask: StoredAsk = { kind, verb, request, ...body, ...(id === undefined ? {} : { id }) };
        return { call: storedCall(ask), serve: (_call, ...rest) => serveStored(ask, ...rest) };
      }),
    );
  }
}

function mountRealtime(app: App, serve: Serve): void {
  for (const prefix of PREFIXES) {
    app.get(`${prefix}/realtime`, (context) =>
      serve(context, 'openai-chat', async (request) => {
        if (request.headers.get('upgrade')?.toLowerCase() !== 'websocket') {
          throw new GatewayError('invalid_request', 'A realtime session is a WebSocket: connect to this address with one.');
        }
        return { call: realtimeCall(request), serve: asOperation(serveRealtime) };
      }),
    );
  }
}

/** Policies pass on a call of the sort they were given. */
function asOperation(serve: (call: OperationCall, ...rest: Rest) => Promise<Reply>): NonNullable<OpenedCall['serve']> {
  return (call, ...rest) => {
    if (call instanceof OperationCall) return serve(call, ...rest);
    throw new GatewayError('internal', 'A policy made a chat call of another operation.');
  };
}

type Rest = Parameters<NonNullable<OpenedCall['serve']>> extends [unknown, ...infer Others] ? Others : never;

/** An operation whose URL names the model. */
const deployed = (operation: Operation, model: string): Operation => ({
  ...operation,
  head: (body) => operation.head({ ...body, model }),
});

async function open(operation: Operation, request: Request, plan: Plan): Promise<OpenedCall> {
  const call = isForm(request)
    ? await openForm(operation, request, plan.limits.body, hasPolicies(plan))
    : openJson(operation, await readJsonBody(request, plan), request.headers);
  return { call };
}
