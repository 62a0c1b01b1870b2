import type { Kind } from '../../core/kind.ts';
import { dialects } from '../../dialects/index.ts';
import { renderAnswer } from './render.ts';
import { serveChat } from './serve.ts';
import { llmSurface } from './surface.ts';

/** Language models: chat in the caller's dialect onto any provider. */
export const llm: Kind<'llm'> = {
  name: 'llm',
  surface: llmSurface,
  serve: serveChat,
  render: renderAnswer,
  fail(error, dialectId, requestId) {
    const dialect = dialects.find(({ id }) => id === dialectId) ?? dialects[0];
    if (dialect === undefined) throw new Error('there is no dialect');
    const { status, body, headers } = dialect.writeError(error, requestId);
    return { status, body: JSON.stringify(body), contentType: 'application/json', ...(headers === undefined ? {} : { headers }) };
  },
};
