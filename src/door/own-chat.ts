import type { ChatInside } from '../core/session.ts';
import { llm } from '../kinds/llm/index.ts';
import { type Arrival, runLlm } from './exchange.ts';

/** What of a caller's head says something of all its calls: which run they belong to, whose they are, what they are attributed to. */
export function attributionOf({ headers }: Request, run: string | undefined): { readonly [name: string]: string } {
  const said: { [name: string]: string } = {};
  if (run !== undefined) said['x-weir-run'] = run;
  for (const name of ['x-weir-user', 'x-weir-metadata', 'traceparent', 'tracestate']) {
    const value = headers.get(name);
    if (value !== null) said[name] = value;
  }
  return said;
}

/**
 * Answers a chat call that the gateway makes for a caller in the midst of another: as the same caller, by all that holds for
 * any call of it, with a row of its own. It leaves the Worker by no way. Never rejects.
 */
export function answerChat(
  { who, headers, body, signal }: ChatInside,
  arrival: Omit<Arrival, 'request' | 'identify' | 'operation' | 'listens'>,
): Promise<Response> {
  const request = new Request('http://localhost/v1/chat/completions', {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal,
  });
  return runLlm(llm, { ...arrival, request, operation: 'chat', listens: true, identify: () => who });
}
