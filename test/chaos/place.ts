import { mkdtemp, rm } from 'node:fs/promises';
import type { Agent } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { openaiChat } from '../faults/matrix/readers/openai-chat.ts';
import { admin, type GatewayProcess, startProcess } from '../ledger/gateway-process.ts';
import { type BreakingVendor, type Script, startBreakingVendor } from '../upstream/breaking-vendor.ts';
import { type Answered, call, connections } from './load.ts';

/** A key of the organisation `dev`, without limits. */
export const KEY = 'weir_dev_ledger-tests';

/** A gateway before one scripted vendor. */
export interface Place {
  readonly gateway: GatewayProcess;
  readonly vendor: BreakingVendor;
  readonly agent: Agent;
  /** One call of Chat Completions that is not streamed, unless it is said otherwise. */
  ask(model: string, options?: AskOptions): Promise<Answered>;
  /** What is served, and by whom. */
  publish(config: { readonly providers: object; readonly models: object }): Promise<void>;
  close(): Promise<void>;
}

export interface AskOptions {
  readonly stream?: boolean;
  readonly key?: string;
  readonly headers?: { readonly [name: string]: string };
  readonly body?: object;
}

export async function startPlace(scripts: Readonly<Record<string, Script>>, sockets = 512): Promise<Place> {
  const stateDir = await mkdtemp(path.join(tmpdir(), 'weir-place-'));
  const [gateway, vendor] = await Promise.all([startProcess(stateDir), startBreakingVendor(new Map(Object.entries(scripts)))]);
  const agent = connections(sockets);
  const reader = openaiChat(false);
  return {
    gateway,
    vendor,
    agent,
    ask: (model, { stream = false, key = KEY, ...rest } = {}) => call({ url: gateway.url, agent, model, reader, stream, key, ...rest }),
    publish: async (config) => {
      await admin(gateway.url, 'PUT', '/config', config);
    },
    close: async () => {
      agent.destroy();
      await gateway.stop();
      await vendor.close();
      await rm(stateDir, { recursive: true, force: true });
    },
  };
}

/** A provider of Chat Completions at this address. */
export const chatAt = (origin: string, key: object = { value: 'k' }) => ({
  ...{ like: 'openai', dialects: ['openai-chat'], baseUrl: `${origin}/v1`, key },
  prices: { '*': { input: 1, output: 10, maxOutput: 4_096 } },
});

export const codesOf = (answers: readonly Answered[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...Map.groupBy(answers, ({ status, reading }) => `${status} ${reading.errors[0]?.code ?? 'ok'}`)].map(([name, { length }]) => [
      name,
      length,
    ]),
  );
