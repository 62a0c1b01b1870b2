import { outOfTime } from '../../../core/errors.ts';
import type { Awaitable } from '../../../core/policy.ts';
import type { SourceContext } from '../sources/source.ts';

/** Does work for a request in so many milliseconds; then it is given up, whether or not it minds. Rejects with `upstream_timeout`, or as the request ends. */
export async function within<T>(
  ms: number | undefined,
  context: SourceContext,
  work: (context: SourceContext) => Awaitable<T>,
): Promise<T> {
  if (ms === undefined) return work(context);
  const { promise: ended, reject } = Promise.withResolvers<never>();
  const controller = new AbortController();
  const end = (reason: unknown) => {
    controller.abort(reason);
    reject(reason);
  };
  const leave = () => end(context.signal.reason);
  if (context.signal.aborted) leave();
  else context.signal.addEventListener('abort', leave, { once: true });
  const timer = setTimeout(() => end(outOfTime(`The MCP server did not say what it has within ${ms} milliseconds.`)), ms);
  try {
    return await Promise.race([work({ ...context, signal: controller.signal }), ended]);
  } finally {
    clearTimeout(timer);
    context.signal.removeEventListener('abort', leave);
  }
}
