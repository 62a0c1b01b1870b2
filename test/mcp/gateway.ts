import { KEY, startTestGateway, type TestGateway } from '../gateway.ts';

/** A source of a route, as the configuration writes it. */
export interface SourceOptions {
  readonly kind?: string;
  readonly url: string;
  readonly name?: string;
  readonly prefix?: string;
  readonly key?: { readonly value?: string; readonly vault?: string };
  readonly auth?: object;
  readonly header?: string;
  readonly transforms?: readonly object[];
}

export interface McpGateway extends TestGateway {
  /** Where a route is asked, with a key in the address where one is given. */
  mcp(route: string, key?: string): string;
  /** `limits`: of single routes, by their names. */
  publish(
    routes: { readonly [name: string]: readonly SourceOptions[] },
    extra?: object,
    limits?: { readonly [route: string]: object },
  ): Promise<void>;
}

/** The gateway of a test file, with routes of kind `mcp`. */
export async function startMcpGateway(): Promise<McpGateway> {
  const gateway = await startTestGateway();
  return {
    ...gateway,
    mcp: (route, key) => `${gateway.url}/mcp/${route}${key === undefined ? '' : `?key=${key}`}`,
    async publish(routes, extra = {}, limits = {}) {
      const document = {
        routes: Object.entries(routes).map(([name, sources]) => ({
          name,
          kind: 'mcp',
          sources: sources.map((source) => ({ kind: 'remote', ...source })),
          ...(limits[name] === undefined ? {} : { limits: limits[name] }),
        })),
        ...extra,
      };
      const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
      if (!response.ok) throw new Error(await response.text());
    },
  };
}

export interface Posted {
  readonly status: number;
  readonly headers: Headers;
  /** The messages of the answer, in their order: of JSON or of a stream. */
  readonly messages: readonly Answer[];
  readonly text: string;
}

export interface Answer {
  readonly id?: string | number | null;
  readonly method?: string;
  readonly params?: { readonly [name: string]: unknown };
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  readonly result?: any;
  readonly error?: {
    readonly code: number;
    readonly message: string;
    readonly data?: { readonly code?: string; readonly [name: string]: unknown };
  };
}

export const MODERN_META = { 'io.modelcontextprotocol/protocolVersion': '2026-07-28', 'io.modelcontextprotocol/clientCapabilities': {} };

/** One POST by hand. `extra` headers over those that are usual. */
export async function post(
  url: string,
  body: unknown,
  headers: { readonly [name: string]: string } = {},
  signal?: AbortSignal,
): Promise<Posted> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${KEY}`,
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      ...headers,
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...(signal === undefined ? {} : { signal }),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, messages: messagesOf(text) };
}

export function messagesOf(text: string): readonly Answer[] {
  if (text.trim() === '') return [];
  if (text.startsWith('{')) return [JSON.parse(text)];
  return text.split(/\n\n/).flatMap((event) => {
    const data = event
      .split('\n')
      .filter((line) => line.startsWith('data: '))
      .map((line) => line.slice(6))
      .join('');
    return data === '' ? [] : [JSON.parse(data)];
  });
}

/** One request of the revision without sessions, with the headers that belong to it. */
export function modern(
  url: string,
  id: string | number,
  method: string,
  params: { readonly [name: string]: unknown } = {},
  headers = {},
  meta = {},
  signal?: AbortSignal,
): Promise<Posted> {
  const name = params.name ?? params.uri;
  const body = { jsonrpc: '2.0', id, method, params: { ...params, _meta: { ...MODERN_META, ...meta } } };
  return post(
    url,
    body,
    {
      'mcp-protocol-version': '2026-07-28',
      'mcp-method': method,
      ...(typeof name === 'string' ? { 'mcp-name': name } : {}),
      ...headers,
    },
    signal,
  );
}

export const call = (url: string, id: string | number, name: string, args: object = {}, headers = {}, meta = {}) =>
  modern(url, id, 'tools/call', { name, arguments: args }, headers, meta);

/** A session of the old way, by hand. */
export async function initialize(url: string, capabilities: object = {}, headers: { readonly [name: string]: string } = {}) {
  const params = { protocolVersion: '2025-11-25', capabilities, clientInfo: { name: 'by hand', version: '1' } };
  const first = await post(url, { jsonrpc: '2.0', id: 0, method: 'initialize', params }, headers);
  const session = { 'mcp-session-id': first.headers.get('mcp-session-id') ?? '', 'mcp-protocol-version': '2025-11-25', ...headers };
  await post(url, { jsonrpc: '2.0', method: 'notifications/initialized' }, session);
  return { first, session };
}
