import { isObject, type JsonObject } from '../../../../core/json.ts';
import { Wire } from '../../../../core/wire.ts';
import { MODERN, meta } from '../../wire/versions.ts';
import type { Era, SourceContext } from '../source.ts';
import { arriving, Patience, refusalOf, statusError } from './http.ts';
import { MODERN_ERRORS } from './link-session.ts';
import { newId, post } from './modern.ts';
import { OWN_INFO, type Upstream } from './wire.ts';

/**
 * How a server speaks: it is asked in the new way. A refusal that only the new way has is of the new way; any other 4xx of
 * the old one. Who may not ask, and a server that fails, has said nothing: that is thrown.
 */
export async function probe(upstream: Upstream, context: SourceContext): Promise<{ readonly era: Era; readonly offer?: JsonObject }> {
  const patience = new Patience(upstream.home.limits, upstream.home.ports.clock, context.signal);
  const params = Wire.of({ _meta: { [meta.version]: MODERN, [meta.capabilities]: {}, [meta.clientInfo]: OWN_INFO } });
  const own = { ...context, client: { era: 'modern', version: MODERN, capabilities: {} } } as const;
  const id = newId();
  try {
    const response = await post(upstream, { method: 'server/discover', params }, own, patience.signal, id);
    if (!response.ok) {
      const refusal = await refusalOf(response);
      if (refusal !== undefined && MODERN_ERRORS.includes(refusal.code)) return { era: 'modern' };
      if (response.status >= 400 && response.status < 500 && ![401, 403, 408, 429].includes(response.status)) return { era: 'legacy' };
      throw statusError(response.status);
    }
    for await (const { message } of arriving(response, upstream.home.limits.result)) {
      if (message?.type !== 'response') continue;
      if (message.result === undefined) return { era: 'legacy' };
      const offer = message.result.json();
      return isObject(offer.capabilities) ? { era: 'modern', offer } : { era: 'legacy' };
    }
    return { era: 'legacy' };
  } catch (thrown) {
    patience.signal.throwIfAborted();
    throw thrown;
  } finally {
    patience.end();
  }
}
