import type { LlmOperation } from '../core/call.ts';
import type { CallAddress } from '../core/dialect.ts';
import { addressOf } from '../dialects/ai-sdk/head.ts';

/**
 * Paths of LLM calls. Clients disagree on whether their base URL ends in `/v1`: the SDKs of one vendor append
 * `/v1/messages`, other SDKs only `/messages`, so a call may arrive without the version or with it twice.
 */
const BASES: readonly string[] = ['/v1', '', '/v1/v1'];

/** What OpenAI's paths stand below, also in Azure's two APIs for what names no deployment. */
export const PREFIXES: readonly string[] = [...BASES, '/openai/v1', '/openai'];

export interface LlmPath {
  readonly path: string;
  readonly dialect: string;
  readonly operation: LlmOperation;
}

export const llmPaths: readonly LlmPath[] = [
  ...PREFIXES.map((prefix) => ({ path: `${prefix}/chat/completions`, dialect: 'openai-chat', operation: 'chat' as const })),
  ...PREFIXES.map((prefix) => ({ path: `${prefix}/completions`, dialect: 'openai-completions', operation: 'chat' as const })),
  // Clients of Ollama are given an address without a path, those of Cohere one without the version.
  { path: '/api/chat', dialect: 'ollama', operation: 'chat' },
  { path: '/v2/chat', dialect: 'cohere', operation: 'chat' },
  ...PREFIXES.flatMap((prefix) => [
    { path: `${prefix}/responses`, dialect: 'openai-responses', operation: 'chat' as const },
    { path: `${prefix}/responses/compact`, dialect: 'openai-responses', operation: 'compact' as const },
    { path: `${prefix}/responses/input_tokens`, dialect: 'openai-responses', operation: 'count-tokens' as const },
  ]),
  ...[...BASES, ...BASES.map((prefix) => `/anthropic${prefix}`)].flatMap((prefix) => [
    { path: `${prefix}/messages`, dialect: 'anthropic', operation: 'chat' as const },
    { path: `${prefix}/messages/count_tokens`, dialect: 'anthropic', operation: 'count-tokens' as const },
  ]),
];

/** What a path says of the call that comes on it. */
export interface LlmAddress {
  readonly dialect: string;
  readonly operation: LlmOperation;
  readonly address: CallAddress;
}

/** Paths of dialects that name the model, and often the operation, in the URL. */
export interface LlmPattern {
  /** As the router takes it; what it matches is then read whole, and what cannot be read is not found. */
  readonly path: string;
  read(path: string, query: URLSearchParams, headers: Headers): LlmAddress | undefined;
}

/** `/model/{id}/converse`: the id is one segment to AWS's SDKs, and may be several where somebody wrote it as it is. */
const BEDROCK = /^\/model\/(.+)\/(converse|converse-stream)$/;

const bedrockPattern: LlmPattern = {
  path: '/model/:call{.+}',
  read(path) {
    const [, id = '', operation] = BEDROCK.exec(path) ?? [];
    const model = decoded(id);
    if (model === undefined || operation === undefined) return undefined;
    return { dialect: 'bedrock', operation: 'chat', address: { model, stream: operation === 'converse-stream' } };
  },
};

const GEMINI = /^(?:\/v1(?:alpha|beta\d*)?)+\/(?:models\/)?(.+):([a-zA-Z]+)$/;
/** The verbs of a model that are served; streams are one JSON array unless the query says `alt=sse`. */
const GEMINI_VERBS: ReadonlyMap<string, LlmOperation> = new Map([
  ['generateContent', 'chat'],
  ['streamGenerateContent', 'chat'],
  ['countTokens', 'count-tokens'],
]);

/**
 * `/v1beta/models/{model}:generateContent`: one library of Google's says `/v1`, and a base URL that holds the version
 * doubles it. The model may hold slashes, and then some clients leave out `models/`.
 */
const geminiPatterns: readonly LlmPattern[] = ['/v1beta', '/v1', '/v1beta/v1beta', '/v1/v1beta', '/v1/v1', '/v1alpha', '/v1beta1'].map(
  (prefix) => ({ path: `${prefix}/:call{.+:(?:generateContent|streamGenerateContent|countTokens)}`, read: readGemini }),
);

function readGemini(path: string, query: URLSearchParams): LlmAddress | undefined {
  const [, id = '', verb = ''] = GEMINI.exec(path) ?? [];
  const model = decoded(id);
  const operation = GEMINI_VERBS.get(verb);
  if (model === undefined || operation === undefined) return undefined;
  const stream = verb === 'streamGenerateContent';
  const jsonArray = stream && query.get('alt') !== 'sse';
  return { dialect: 'gemini', operation, address: { model, stream, ...(jsonArray ? { jsonArray } : {}) } };
}

/** A segment of a path as its sender meant it; `undefined` where it is empty or not encoded as UTF-8. */
function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment) || undefined;
  } catch {
    return undefined;
  }
}

/** The versions of the AI SDK's gateway protocol, as its clients' base URLs name them: `/v4/ai`. */
export const AI_SDK_VERSIONS = ['v3', 'v4'] as const;
const AI_SDK = /^\/v\d+\/ai\//;

/** The headers name the model, and whether it is to stream. */
const aiSdkPatterns: readonly LlmPattern[] = AI_SDK_VERSIONS.map((version) => {
  const own = `/${version}/ai/language-model`;
  return {
    path: own,
    read: (path, _query, headers) =>
      path === own ? { dialect: 'ai-sdk-gateway', operation: 'chat', address: addressOf(headers) } : undefined,
  };
});

/** Azure's deployments API: the deployment is the model, and may hold slashes. */
export const AZURE = /^\/openai\/deployments\/(.+?)\/(chat\/completions|completions|embeddings|images\/.+|audio\/.+)$/;
const AZURE_DIALECTS: ReadonlyMap<string, string> = new Map([
  ['chat/completions', 'openai-chat'],
  ['completions', 'openai-completions'],
]);

const azurePattern: LlmPattern = {
  path: '/openai/deployments/:call{.+}',
  read(path) {
    const [, deployment = '', verb = ''] = AZURE.exec(path) ?? [];
    const model = decoded(deployment);
    const dialect = AZURE_DIALECTS.get(verb);
    return model === undefined || dialect === undefined ? undefined : { dialect, operation: 'chat', address: { model, stream: false } };
  },
};

export const llmPatterns: readonly LlmPattern[] = [bedrockPattern, ...geminiPatterns, ...aiSdkPatterns, azurePattern];

/** The pattern that a path belongs to, and what the path says. */
export function patternOf(path: string): LlmAddress | undefined {
  for (const pattern of llmPatterns) {
    const read = pattern.read(path, NO_QUERY, NO_HEADERS);
    if (read !== undefined) return read;
  }
  return undefined;
}

const NO_QUERY = new URLSearchParams();
const NO_HEADERS = new Headers();

export const modelsPaths: readonly string[] = [...PREFIXES, '/anthropic/v1'].map((prefix) => `${prefix}/models`);

/** Operations of the dialects that this version does not serve: named, so that a caller knows it is not a typing error. */
const UNSERVED =
  /^(\/v1)*\/(responses|embeddings|rerank|moderations|images|audio|files|batches|realtime)(\/|$)|^\/v1(beta)?(\/v1beta)?\/models\/.+:[a-zA-Z]+$|^\/model\/|^\/a2a\//;

export const isUnserved = (path: string): boolean => UNSERVED.test(path);

/** The dialect whose error shape a path's clients can read; `undefined` for problem details. */
export function dialectOfPath(path: string): string | undefined {
  const known = llmPaths.find((each) => each.path === path)?.dialect ?? patternOf(path)?.dialect;
  if (known !== undefined) return known;
  if (path.startsWith('/model/')) return 'bedrock';
  if (AI_SDK.test(path)) return 'ai-sdk-gateway';
  if (/^\/v1(?:alpha|beta)/.test(path) || GEMINI.test(path)) return 'gemini';
  if (/\/(responses|conversations)(\/|$)/.test(path)) return 'openai-responses';
  if (/\/messages(\/|$)/.test(path) || path.startsWith('/anthropic')) return 'anthropic';
  if (path.startsWith('/v1') || path.startsWith('/openai/') || llmPaths.some((known) => known.path === path) || isUnserved(path))
    return 'openai-chat';
  return undefined;
}

/** The methods of a path that is served, as `Allow` lists them; `undefined` for one that is not. */
export function methodsOf(path: string): string | undefined {
  if (llmPaths.some((known) => known.path === path) || patternOf(path) !== undefined) return 'POST';
  const aiSdk = AI_SDK_VERSIONS.find((version) => path.startsWith(`/${version}/ai/`));
  if (aiSdk !== undefined && path.endsWith('/ai/embedding-model')) return 'POST';
  if (aiSdk !== undefined && path.endsWith('/ai/config')) return 'GET, HEAD';
  return modelsPaths.some((known) => path === known || path.startsWith(`${known}/`)) && !isUnserved(path) ? 'GET, HEAD' : undefined;
}
