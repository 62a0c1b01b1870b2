import type { Message, Part } from '../../core/chat.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { ownExtra } from './fields.ts';

/**
 * A message holds one text: each text becomes a message of its own, and the server joins what one role says in a row.
 * Pictures stand with the text before them.
 */
export function writeMessages(messages: readonly Message[], loss: Set<string>): readonly JsonObject[] {
  const nameOfCall = new Map<string, string>();
  for (const { content } of messages) for (const part of content) if (part.type === 'tool-call') nameOfCall.set(part.id, part.name);
  return messages.flatMap((message) => {
    if (message.name !== undefined) loss.add('messages.name');
    const role = message.role === 'developer' ? 'system' : message.role;
    const results = message.content.filter((part) => part.type === 'tool-result');
    const others = message.content.filter((part) => part.type !== 'tool-result');
    const extra = ownExtra(message.extra, 'messages.', loss);
    const written = results.map((result) => writeResult(result, nameOfCall.get(result.callId), loss));
    if (others.length === 0 && results.length > 0) return written.map((each) => ({ ...extra, ...each }));
    return [...written, ...writeTurn(role === 'tool' ? 'user' : role, others, extra, loss)];
  });
}

interface Draft {
  content: string;
  thinking: string;
  readonly images: string[];
  readonly calls: JsonObject[];
}

const draft = (): Draft => ({ content: '', thinking: '', images: [], calls: [] });

function writeTurn(role: string, parts: readonly Part[], extra: JsonObject, loss: Set<string>): readonly JsonObject[] {
  let last = draft();
  const drafts = [last];
  for (const part of parts) {
    noteExtras(part, loss);
    const text = writeText(part, loss);
    if (text !== undefined && last.content !== '') {
      last = draft();
      drafts.push(last);
    }
    if (text !== undefined) last.content = text;
    else if (part.type === 'image') last.images.push(...writeImage(part, loss));
    else if (part.type === 'thinking') last.thinking += part.text;
    else if (part.type === 'tool-call') last.calls.push(writeToolCall(part, last.calls.length, loss));
    else if (part.type !== 'redacted-thinking') loss.add(nameOf(part));
  }
  return drafts.map((each) => ({ ...extra, role, ...fieldsOf(each) }));
}

const fieldsOf = ({ content, thinking, images, calls }: Draft): JsonObject => ({
  content,
  ...(thinking !== '' && { thinking }),
  ...(images.length > 0 && { images }),
  ...(calls.length > 0 && { tool_calls: calls }),
});

/** The text of a part that is one here, `undefined` for any other. */
function writeText(part: Part, loss: Set<string>): string | undefined {
  if (part.type === 'text' || part.type === 'refusal') return part.text;
  if (part.type !== 'file' || part.source.kind !== 'text') return undefined;
  loss.add('messages.file');
  return part.source.text;
}

function writeImage(part: Part & { readonly type: 'image' }, loss: Set<string>): readonly string[] {
  if (part.detail !== undefined && part.detail !== 'auto') loss.add('messages.image.detail');
  if (part.source.kind === 'base64') return [part.source.data];
  loss.add('messages.image');
  return [];
}

function writeToolCall(part: Part & { readonly type: 'tool-call' }, index: number, loss: Set<string>): JsonObject {
  const { id, name, input, custom } = part;
  if (custom) loss.add('messages.tool_calls.custom');
  return {
    id,
    function: { index, name, arguments: custom ? { input } : argumentsOf(input, 'messages.tool_calls.function.arguments', loss) },
  };
}

/** Arguments are an object here; any other text is handed over in one, and named as a loss. */
export function argumentsOf(text: string, field: string, loss: Set<string>): JsonObject {
  if (text.trim() === '') return {};
  const input = parseJson(text);
  if (isObject(input)) return input;
  loss.add(field);
  return { input: text };
}

/** Older servers know a result by the tool's name alone. */
function writeResult(result: Part & { readonly type: 'tool-result' }, name: string | undefined, loss: Set<string>): JsonObject {
  noteExtras(result, loss);
  if (result.isError !== undefined) loss.add('messages.tool_result.is_error');
  const texts: string[] = [];
  const images: string[] = [];
  for (const part of result.content) {
    const text = writeText(part, loss);
    if (text !== undefined) texts.push(text);
    else if (part.type === 'image') images.push(...writeImage(part, loss));
    else loss.add(nameOf(part));
  }
  return {
    role: 'tool',
    content: texts.join('\n'),
    ...(images.length > 0 && { images }),
    ...(name !== undefined && { tool_name: name }),
    tool_call_id: result.callId,
  };
}

const nameOf = (part: Part): string =>
  part.type === 'raw' ? `messages.${(isObject(part.value) && asString(part.value.type)) || 'raw'}` : `messages.${part.type}`;

function noteExtras(part: Part, loss: Set<string>): void {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  if ('citations' in part && part.citations !== undefined) loss.add('messages.citations');
  if ('signature' in part && part.signature !== undefined) loss.add('thinking.signature');
  if (part.type === 'redacted-thinking') loss.add('thinking.signature');
  if ('extra' in part) ownExtra(part.extra, 'messages.', loss);
}
