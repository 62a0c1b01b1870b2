import type { LlmOperation } from '../core/call.ts';
import type { CallAddress } from '../core/dialect.ts';

/**
 * Paths of LLM calls. Clients disagree on whether their base URL ends in `/v1`: the SDKs of one vendor append
 * `/v1/messages`, other SDKs only `/messages`, so a call may arrive without the version or with it twice.
 */
const PREFIXES = ['/v1', '', '/v1/v1'];

export interface LlmPath {
  readonly path: string;
  readonly dialect: string;
  readonly operation: LlmOperation;
}

export const llmPaths: readonly LlmPath[] = [
  ...PREFIXES.map((prefix) => ({ path: `${prefix}/chat/completions`, dialect: 'openai-chat', operation: 'chat' as const })),
  ...[...PREFIXES, ...PREFIXES.map((prefix) => `/anthropic${prefix}`)].flatMap((prefix) => [
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
  read(path: string, query: URLSearchParams): LlmAddress | undefined;
}

export const llmPatterns: readonly LlmPattern[] = [];

/** The pattern that a path belongs to, and what the path says. */
export function patternOf(path: string): LlmAddress | undefined {
  for (const pattern of llmPatterns) {
    const read = pattern.read(path, NO_QUERY);
    if (read !== undefined) return read;
  }
  return undefined;
}

const NO_QUERY = new URLSearchParams();

export const modelsPaths: readonly string[] = [...PREFIXES, '/anthropic/v1'].map((prefix) => `${prefix}/models`);

/** Operations of the dialects that this version does not serve: named, so that a caller knows it is not a typing error. */
const UNSERVED =
  /^(\/v1)*\/(responses|completions|embeddings|rerank|moderations|images|audio|files|batches|realtime)(\/|$)|^\/v1(beta)?(\/v1beta)?\/models\/.+:[a-zA-Z]+$|^\/model\/|^\/mcp\/|^\/a2a\//;

export const isUnserved = (path: string): boolean => UNSERVED.test(path);

/** The dialect whose error shape a path's clients can read; `undefined` for problem details. */
export function dialectOfPath(path: string): string | undefined {
  const addressed = patternOf(path);
  if (addressed !== undefined) return addressed.dialect;
  if (/\/messages(\/|$)/.test(path) || path.startsWith('/anthropic')) return 'anthropic';
  if (path.startsWith('/v1') || llmPaths.some((known) => known.path === path) || isUnserved(path)) return 'openai-chat';
  return undefined;
}

/** The methods of a path that is served, as `Allow` lists them; `undefined` for one that is not. */
export function methodsOf(path: string): string | undefined {
  if (llmPaths.some((known) => known.path === path) || patternOf(path) !== undefined) return 'POST';
  return modelsPaths.some((known) => path === known || path.startsWith(`${known}/`)) && !isUnserved(path) ? 'GET, HEAD' : undefined;
}
