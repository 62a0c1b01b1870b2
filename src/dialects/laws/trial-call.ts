import type { Chat, Message, Part } from '../../core/chat.ts';
import type { Dialect } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';

// Instruments for tests. Production code must not import this file.

/** What went over the wire: JSON text, not objects. */
export const sent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body));

/** A call written and read again. */
export function through(dialect: Dialect, chat: Chat): { readonly chat: Chat; readonly loss: readonly string[] } {
  const { body, loss } = dialect.writeCall(chat, {});
  const read = dialect.readCall(sent(body));
  return { chat: isAddressed(dialect) ? { ...read, ...addressOf(chat) } : read, loss };
}

/** Whether model and operation are named in the URL, or in the headers, and not in the body. */
export const isAddressed = ({ pathOf, headersOf }: Dialect) => pathOf !== undefined || headersOf !== undefined;
/** What the URL or the headers say. */
export const addressOf = ({ model, stream }: Chat) => ({ model, stream });

const ORDER = ['thinking', 'redacted-thinking', 'tool-result', 'text', 'image', 'file', 'audio', 'refusal', 'tool-call', 'raw'];

/**
 * A call in the form that all dialects share. They differ in how they cut a conversation into messages, and in what
 * they say about defaults: turns are joined, and a default counts as said nothing.
 */
export function normal(chat: Chat): object {
  const { messages, extra: _, store: __, tools, toolChoice, parallelToolCalls, responseFormat, ...others } = chat;
  const turns: { role: string; content: Part[] }[] = [];
  for (const message of messages) {
    const role = roleOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...message.content);
    else turns.push({ role, content: [...message.content] });
  }
  return {
    ...others,
    tools: tools.map((tool) => (tool.type === 'function' && tool.strict === false ? { ...tool, strict: undefined } : tool)),
    turns: turns.map(({ role, content }) => ({ role, content: ORDER.flatMap((type) => content.filter((part) => part.type === type)) })),
    toolChoice: toolChoice?.mode === 'auto' ? undefined : toolChoice,
    parallelToolCalls: toolChoice?.mode === 'none' ? undefined : parallelToolCalls,
    format: responseFormat?.type === 'schema' ? responseFormat.schema : responseFormat?.type,
  };
}

function roleOf({ role }: Message): string {
  if (role === 'developer') return 'system';
  return role === 'tool' ? 'user' : role;
}
