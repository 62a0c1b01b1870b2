import type { Message, Part, Signed } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import type { JsonObject } from '../../core/json.ts';
import { ownExtra } from './fields.ts';
import { writeThoughtSignature } from './signatures.ts';
import { nameOf, noteExtras, textOnly, userParts, writeParts } from './write-parts.ts';

/**
 * The messages as this dialect orders them. Every result of a tool is a message of its own and must follow the calls
 * at once, so results go before all else of their turn; what a result holds besides text follows in a user message.
 */
export function writeMessages(messages: readonly Message[], quirks: Quirks, loss: Set<string>): readonly JsonObject[] {
  const written: JsonObject[] = [];
  let held: readonly Part[] = [];
  const flush = () => {
    if (held.length > 0) written.push({ role: 'user', content: writeParts(held, userParts, loss) });
    held = [];
  };
  for (const message of messages) {
    if (message.role === 'user' || message.role === 'tool') {
      const results = message.content.filter((part) => part.type === 'tool-result');
      const others = message.content.filter((part) => part.type !== 'tool-result');
      for (const result of results) {
        written.push({ ...(others.length === 0 && messageFields(message, loss)), ...writeResult(result, loss) });
        held = [...held, ...result.content.filter(isMedia)];
      }
      if (others.length === 0 && results.length > 0) continue;
      const content = writeParts([...held, ...others], userParts, loss);
      held = [];
      written.push({ ...messageFields(message, loss), role: 'user', content });
    } else {
      flush();
      written.push(message.role === 'assistant' ? writeAssistant(message, quirks, loss) : writeInstruction(message, quirks, loss));
    }
  }
  flush();
  return written;
}

/** OpenAI's tool messages hold text only. */
const isMedia = (part: Part) => part.type === 'image' || part.type === 'file' || part.type === 'audio';

const messageFields = (message: Message, loss: Set<string>): JsonObject => ({
  ...ownExtra(message.extra, 'messages.', loss),
  name: message.name,
});

function writeInstruction(message: Message, quirks: Quirks, loss: Set<string>): JsonObject {
  const role = message.role === 'developer' ? (quirks.developerRole ?? message.role) : message.role;
  return { ...messageFields(message, loss), role, content: writeParts(message.content, textOnly, loss) };
}

function writeResult(result: Part & { readonly type: 'tool-result' }, loss: Set<string>): JsonObject {
  noteExtras(result, loss);
  if (result.isError !== undefined) loss.add('messages.tool_result.is_error');
  const content = result.content.filter((part) => !isMedia(part));
  return { role: 'tool', tool_call_id: result.callId, content: writeParts(content, textOnly, loss) };
}

function writeAssistant(message: Message, quirks: Quirks, loss: Set<string>): JsonObject {
  const calls: JsonObject[] = [];
  const content: Part[] = [];
  const thinking: string[] = [];
  let refusal: string | undefined;
  let signature: JsonObject = {};
  for (const part of message.content) {
    switch (part.type) {
      case 'tool-call':
        calls.push(writeToolCall(part, quirks, loss));
        break;
      case 'thinking':
        if (quirks.reasoningField === undefined) loss.add('messages.thinking');
        if (part.signature !== undefined) loss.add('thinking.signature');
        thinking.push(part.text);
        break;
      case 'redacted-thinking':
        loss.add('thinking.signature');
        break;
      case 'refusal':
        refusal = (refusal ?? '') + part.text;
        break;
      case 'tool-result':
        loss.add(nameOf(part));
        break;
      case 'text':
        signature = { ...signature, ...writeSignature(part, quirks, loss) };
        content.push(part);
        break;
      default:
        content.push(part);
    }
  }
  const said = writeParts(content, textOnly, loss);
  const isSilent = said === '' && (calls.length > 0 || refusal !== undefined);
  return {
    ...messageFields(message, loss),
    role: 'assistant',
    content: isSilent ? null : said,
    refusal,
    ...(quirks.reasoningField !== undefined && thinking.length > 0 && { [quirks.reasoningField]: thinking.join('') }),
    tool_calls: calls.length === 0 ? undefined : calls,
    ...signature,
  };
}

function writeToolCall(part: Part & { readonly type: 'tool-call' }, quirks: Quirks, loss: Set<string>): JsonObject {
  const { id, name, input, cache } = part;
  if (cache !== undefined) loss.add('cache_control');
  const others = { ...ownExtra(part.extra, 'messages.', loss), ...writeSignature(part, quirks, loss) };
  if (part.custom) return { ...others, id, type: 'custom', custom: { name, input } };
  // Vendors parse the arguments to fill a template: no arguments are an empty object.
  return { ...others, id, type: 'function', function: { name, arguments: input === '' ? '{}' : input } };
}

/** Only Gemini's own, to who wants it back: everyone else has no field for signatures. */
function writeSignature({ signature, issuer }: Signed, quirks: Quirks, loss: Set<string>): JsonObject {
  if (signature === undefined) return {};
  if (issuer === 'gemini' && quirks.thoughtSignatures === true) return writeThoughtSignature(signature, issuer);
  loss.add('thinking.signature');
  return {};
}
