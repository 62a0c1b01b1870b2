import type { LlmCall } from '../../../core/call.ts';
import type { Message } from '../../../core/chat.ts';
import { isArray, type Json } from '../../../core/json.ts';

/** A call as what it may come to is read from it. */
export interface Prompted {
  /** With all its texts in its canonical form. */
  readonly call: LlmCall;
  /** How often it is answered: each prompt by itself. */
  readonly prompts: number;
  /** Of prompts that came as tokens, of which there is no text. */
  readonly tokens: number;
}

/**
 * A completion may have several prompts, as texts or as tokens, each answered by itself. Only its own API serves that,
 * so that its canonical form has no place for them: here each is a message.
 */
export function prompted(call: LlmCall): Prompted {
  const { fields } = call.wire;
  if (call.dialect.id !== 'openai-completions' || !fields.isArray('prompt')) return { call, prompts: 1, tokens: 0 };
  const prompt = fields.get('prompt');
  const list = isArray(prompt) ? prompt : [];
  const all = list.length > 0 && list.every((each) => typeof each === 'number') ? [list] : list;
  const messages = all.flatMap((each): Message[] =>
    typeof each === 'string' ? [{ role: 'user', content: [{ type: 'text', text: each }] }] : [],
  );
  const chat = { ...call.withBody({ ...call.wire.json(), prompt: '' }).chat(), messages };
  return {
    call: call.withChat(chat),
    prompts: Math.max(1, all.length),
    tokens: all.reduce<number>((sum, each) => sum + tokensIn(each), 0),
  };
}

const tokensIn = (prompt: Json): number => (isArray(prompt) ? prompt.length : 0);
