import { json, type Scripted, startScripted } from './scripted.ts';

/** A server whose tool and whose news never come to an end, and what it works at. */
export interface Endless extends Scripted {
  /** Calls of its tool that it works at, by what they call themselves (`by`). */
  readonly working: ReadonlySet<string>;
}

/** Of both it tells something every 200 milliseconds. */
export async function startEndless(): Promise<Endless> {
  const working = new Set<string>();
  const scripted = await startScripted(({ body }, response) => {
    const { id, method, params } = body ?? {};
    const answer = (result: object) => json(response, { jsonrpc: '2.0', id, result: { resultType: 'complete', ...result } });
    const tells = (told: string, said: object) => {
      const send = () => response.write(`event: message\ndata: ${JSON.stringify({ jsonrpc: '2.0', method: told, params: said })}\n\n`);
      send();
      const timer = setInterval(send, 200);
      response.on('close', () => clearInterval(timer));
    };
    if (method === 'server/discover') {
      const capabilities = { tools: { listChanged: true } };
      return answer({ supportedVersions: ['2026-07-28'], capabilities, ttlMs: 0, cacheScope: 'public' });
    }
    if (method === 'tools/list') {
      return answer({ tools: [{ name: 'endless', inputSchema: { type: 'object' } }], ttlMs: 0, cacheScope: 'public' });
    }
    if (method !== 'tools/call' && method !== 'subscriptions/listen') return answer({});
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    if (method === 'subscriptions/listen') return tells('notifications/tools/list_changed', {});
    const { by } = params.arguments;
    working.add(by);
    response.on('close', () => working.delete(by));
    return tells('notifications/progress', { progressToken: params._meta.progressToken, progress: 1 });
  });
  return { ...scripted, working };
}
