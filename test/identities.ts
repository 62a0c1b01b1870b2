import { readFileSync } from 'node:fs';
import path from 'node:path';
import { callOf } from './client.ts';
import { ANT_KEY, type TestGateway } from './gateway.ts';
import { ask } from './tenants.ts';

/** Publishes a configuration with the scripted vendors and these identities. */
export async function publish(gateway: TestGateway, identities: readonly object[], more: object = {}): Promise<void> {
  const published = await ask(gateway, 'PUT', '/config', {
    providers: {
      up: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { secret: 'UP_KEY' }, prices: { '*': { input: 1, output: 1 } } },
      ant: { like: 'anthropic', baseUrl: gateway.upstream.origin, key: { value: ANT_KEY }, prices: { '*': { input: 1, output: 1 } } },
      own: { like: 'openai', baseUrl: `${gateway.upstream.origin}/v1`, key: { passthrough: true } },
    },
    identities,
    ...more,
  });
  if (published.status !== 200) throw new Error(JSON.stringify(published.body));
}

export interface Called {
  readonly status: number;
  readonly headers: Headers;
  readonly code: string | undefined;
  readonly message: string;
  readonly text: string;
}

/** One small call with the headers that say who it is. */
export async function call(
  gateway: TestGateway,
  headers: { readonly [name: string]: string },
  { model = 'up/ok/text', query = '', extra = {} }: { readonly model?: string; readonly query?: string; readonly extra?: object } = {},
): Promise<Called> {
  const response = await fetch(`${gateway.url}/v1/chat/completions${query}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(callOf('openai', model, extra)),
  });
  const text = await response.text();
  const body = JSON.parse(text) as { error?: { code?: string; message?: string } };
  return { status: response.status, headers: response.headers, text, code: body.error?.code, message: body.error?.message ?? '' };
}

export const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

/** An entry as docs/identity.md shows it. */
export function documented(name: string): { readonly [setting: string]: unknown } {
  const page = readFileSync(path.join(import.meta.dirname, '../docs/identity.md'), 'utf8');
  const entries = [...page.matchAll(/```json\n([\s\S]*?)```/g)].map(
    ([, text = '']) => JSON.parse(text) as { readonly [setting: string]: unknown },
  );
  const entry = entries.find((each) => each.name === name);
  if (entry === undefined) throw new Error(`docs/identity.md shows no ${name}`);
  return entry;
}
