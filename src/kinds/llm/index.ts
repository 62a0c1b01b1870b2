import type { Kind } from '../../core/kind.ts';
import { dialects } from '../../dialects/index.ts';
import { embedderOf } from './operations/embedder.ts';
import { renderOperation } from './operations/given.ts';
import { serveOperation } from './operations/serve.ts';
import { renderAnswer } from './render.ts';
import { destinationOf } from './routing/destination.ts';
import { serveChat } from './serve.ts';
import { llmSurface } from './surface.ts';

/** Language models: chat in the caller's dialect onto any provider, and the operations beside it. */
export const llm: Kind<'llm'> = {
  name: 'llm',
  surface: llmSurface,
  serve: (call, ...rest) => (call.dialect === undefined ? serveOperation(call, ...rest) : serveChat(call, ...rest)),
  destination: destinationOf,
  embedder: embedderOf,
  render: (given, call, exchange, ...rest) =>
    call.dialect === undefined ? renderOperation(given, call, exchange) : renderAnswer(given, call, exchange, ...rest),
  fail(error, dialectId, requestId) {
    const dialect = dialects.find(({ id }) => id === dialectId) ?? dialects[0];
    if (dialect === undefined) throw new Error('there is no dialect');
    const { status, body, headers } = dialect.writeError(error, requestId);
    return { status, body: JSON.stringify(body), contentType: 'application/json', ...(headers === undefined ? {} : { headers }) };
  },
};
