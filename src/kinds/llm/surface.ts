import type { Surface } from '../../core/exchange.ts';

/** Text, usage and the end of LLM calls and chunks, whatever dialect they came in. */
export const llmSurface: Surface = {
  texts(call, edit) {
    if (call.kind !== 'llm') return call;
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
