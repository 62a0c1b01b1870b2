import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Gateway, startGateway } from '../scripts/gateway.mjs';
import { closedPort as portOfNobody } from './ports.ts';
import { startUpstream, type Upstream } from './upstream/server.ts';

export const ADMIN_TOKEN = 'admin-token-canary-4711';
export const STATE_SECRET = 'state-secret-canary-3333';
export const KEY = 'weir_dev_gateway-key-canary-0815';
/** The credentials of the scripted vendors: they must reach their own vendor and nothing else. */
export const UP_KEY = 'up-credential-canary-1111';
export const ANT_KEY = 'ant-credential-canary-2222';

/** A row of `GET /admin/v1/requests`. */
export interface Row {
  readonly id: string;
  readonly status: 'complete' | 'partial' | 'aborted' | 'failed';
  readonly httpStatus: number;
  readonly errorCode?: string;
  readonly stream: boolean;
  readonly lane?: string;
  readonly attempts: number;
  readonly askedModel?: string;
  readonly servedModel?: string;
  readonly run?: string;
  readonly dialect?: string;
  readonly firstTokenMs?: number;
  readonly durationMs: number;
  readonly metadata?: unknown;
  readonly facts?: { readonly [fact: string]: unknown };
  readonly usage?: { readonly input: number; readonly output: number; readonly estimated?: boolean };
}

/** A virtual model as the configuration writes it. */
export interface ModelOptions {
  readonly targets: readonly string[];
  readonly retry?: { readonly attempts: number };
  readonly timeout?: { readonly firstToken?: number; readonly idle?: number; readonly total?: number };
}

export interface TestGateway {
  readonly url: string;
  readonly upstream: Upstream;
  /** Where its databases and objects live. */
  readonly stateDir: string;
  /** A port of loopback where nobody listens. */
  readonly closedPort: number;
  /** Publishes a configuration: the scripted vendors, these models, these limits. */
  configure(config: {
    readonly models?: { readonly [name: string]: ModelOptions };
    readonly limits?: { readonly body?: number; readonly ping?: number };
  }): Promise<void>;
  admin(path: string, init?: RequestInit): Promise<Response>;
  /** The rows that match, once there are as many as wanted and no more have come for a while. */
  rows(query: { readonly [filter: string]: string }, count?: number): Promise<readonly Row[]>;
  /** The row of one answer. */
  row(requestId: string | null): Promise<Row>;
  stop(): Promise<void>;
}

/**
 * One gateway for a test file: the production bundle in a process of its own, a scripted vendor, and a configuration
 * that reaches it as `up` (OpenAI's dialect) and `ant` (Anthropic's). Provider `closed` connects to nobody.
 */
export async function startTestGateway(
  config: Parameters<TestGateway['configure']>[0] = {},
  secrets: { readonly [name: string]: string } = {},
): Promise<TestGateway> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-test-'));
  const [upstream, closedPort] = await Promise.all([startUpstream(), portOfNobody()]);
  const logged: string[] = [];
  const gateway: Gateway = await startGateway({
    port: 0,
    stateDir,
    secrets: { WEIR_ADMIN_TOKEN: ADMIN_TOKEN, WEIR_DEV_KEY: KEY, WEIR_SECRET: STATE_SECRET, UP_KEY, ...secrets },
    log: (line: string) => logged.push(line),
  });
  const admin = (at: string, init: RequestInit = {}) =>
    fetch(`${gateway.url}/admin/v1${at}`, {
      ...init,
      headers: { authorization: `Bearer ${ADMIN_TOKEN}`, 'content-type': 'application/json', ...init.headers },
    });
  const configure: TestGateway['configure'] = async ({ models = {}, limits = {} }) => {
    const document = {
      providers: {
        up: { like: 'openai', baseUrl: `${upstream.origin}/v1`, key: { secret: 'UP_KEY' } },
        ant: { like: 'anthropic', baseUrl: upstream.origin, key: { value: ANT_KEY } },
        closed: { like: 'openai', baseUrl: `http://127.0.0.1:${closedPort}/v1`, key: { value: 'nobody' } },
      },
      models: Object.fromEntries(Object.entries(models).map(([name, model]) => [name, { strategy: 'failover', ...model }])),
      limits,
    };
    const response = await admin('/config', { method: 'PUT', body: JSON.stringify(document) });
    if (!response.ok) throw new Error(`the configuration was refused: ${await response.text()}\n${logged.join('\n')}`);
  };
  try {
    await configure(config);
  } catch (error) {
    await gateway.stop();
    await upstream.close();
    throw error;
  }
  const rows: TestGateway['rows'] = async (query, count = 1) => {
    let found: readonly Row[] = [];
    const read = async () => {
      const response = await admin(`/requests?${new URLSearchParams({ limit: '100', ...query })}`);
      if (!response.ok) throw new Error(await response.text());
      found = ((await response.json()) as { items: Row[] }).items;
      return found.length >= count;
    };
    await until(read, 15_000, `${count} rows of ${JSON.stringify(query)}`);
    return found;
  };
  return {
    url: gateway.url,
    upstream,
    stateDir,
    closedPort,
    configure,
    admin,
    rows,
    row: async (requestId) => {
      const read = async () => (await admin(`/requests/${requestId}`)).ok;
      await until(read, 15_000, `the row of ${requestId}`);
      return (await (await admin(`/requests/${requestId}`)).json()) as Row;
    },
    stop: async () => {
      await gateway.stop();
      await upstream.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** Asks again until it is true. Throws after so many milliseconds. */
export async function until(met: () => boolean | Promise<boolean>, ms: number, what: string): Promise<void> {
  const end = Date.now() + ms;
  while (!(await met())) {
    if (Date.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
