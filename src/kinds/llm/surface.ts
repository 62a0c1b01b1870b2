import { hasSingleMembers } from '../../core/cache/single-members.ts';
import { GatewayError } from '../../core/errors.ts';
import type { Surface } from '../../core/exchange.ts';
import type { Wire } from '../../core/wire.ts';

/** Text, usage and the end of LLM calls and chunks, whatever dialect they came in. */
export const llmSurface: Surface = {
  texts(call, edit) {
    if (call.kind !== 'llm') return call;
    checkMembers(call.wire);
    if (call.dialect === undefined) return call.texts(edit);
    const body = call.wire.json();
    const edited = call.dialect.texts(body, edit);
    return edited === body ? call : call.withBody(edited);
  },
  textOf: (chunk) => (chunk.type === 'text' ? { part: chunk.part, text: chunk.text } : undefined),
  choiceOf(chunk) {
    if ('choice' in chunk) return chunk.choice;
    return chunk.type === 'start' || chunk.type === 'usage' ? undefined : 'all';
  },
  withText: (chunk, text) => (chunk.type === 'text' ? { ...chunk, text } : chunk),
  usage: (chunk) => (chunk.type === 'usage' ? chunk.usage : undefined),
  isLast: (chunk) => chunk.type === 'end',
};

/**
 * What a policy looks at must be what the provider reads: of a member that stands twice (RFC 7493 section 2.3) it may take
 * the other one. Throws `invalid_request`.
 */
function checkMembers(wire: Wire): void {
  if (hasSingleMembers(wire.text, wire.json())) return;
  throw new GatewayError('invalid_request', 'The body has an object in which a member stands twice: leave one of them out.');
}
