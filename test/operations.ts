import { KEY, startTestGateway, type TestGateway } from './gateway.ts';
import { type OperationsUpstream, startOperationsUpstream } from './upstream/operations.ts';

export interface OperationsGateway {
  readonly gateway: TestGateway;
  readonly upstream: OperationsUpstream;
  /** With `/v1`. */
  readonly baseURL: string;
  /** Publishes the vendors below with these parts of a configuration. */
  publish(parts?: { readonly [part: string]: unknown }): Promise<void>;
  call(path: string, init?: RequestInit): Promise<Response>;
  stop(): Promise<void>;
}

/** The credential of the scripted vendor. */
export const VENDOR_KEY = 'operations-credential-canary-9999';

/** A gateway whose providers are one scripted vendor in several forms, each called like the vendor whose form it is. */
export async function startOperationsGateway(parts: { readonly [part: string]: unknown } = {}): Promise<OperationsGateway> {
  const [gateway, upstream] = await Promise.all([startTestGateway(), startOperationsUpstream()]);
  const at = (base: string) => ({ baseUrl: upstream.origin + base, key: { value: VENDOR_KEY } });
  const publish: OperationsGateway['publish'] = async (more = parts) => {
    const document = {
      providers: {
        up: { like: 'openai', ...at('/v1') },
        gem: { like: 'google', ...at('/v1beta') },
        co: { like: 'cohere', ...at('') },
        oll: { like: 'ollama', ...at('/v1') },
        voy: { like: 'voyage', ...at('/v1') },
        bed: { like: 'bedrock', baseUrl: upstream.origin, key: { value: 'AKIDEXAMPLE:secret' } },
        closed: { like: 'openai', baseUrl: `http://127.0.0.1:${gateway.closedPort}/v1`, key: { value: 'nobody' } },
      },
      ...more,
    };
    const response = await gateway.admin('/config', { method: 'PUT', body: JSON.stringify(document) });
    if (!response.ok) throw new Error(`the configuration was refused: ${await response.text()}`);
  };
  await publish();
  return {
    gateway,
    upstream,
    baseURL: `${gateway.url}/v1`,
    publish,
    call: (path, init = {}) => fetch(gateway.url + path, { ...init, headers: { authorization: `Bearer ${KEY}`, ...init.headers } }),
    stop: async () => {
      await gateway.stop();
      await upstream.close();
    },
  };
}
