import type { MediaSource, Message, Part } from '../../core/chat.ts';
import { writeDataUrl } from '../../core/data-url.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { ID, ownExtra } from './fields.ts';

/** Results of tools are messages of their own and go before all else of their turn. */
export function writeMessages(messages: readonly Message[], loss: Set<string>): readonly JsonObject[] {
  return messages.flatMap((message) => {
    if (message.name !== undefined) loss.add('messages.name');
    const extra = ownExtra(message.extra, 'messages.', loss);
    if (message.role === 'assistant') return writeAssistant(message.content, extra, loss);
    const results = message.content.filter((part) => part.type === 'tool-result');
    const content = writeContent(
      message.content.filter((part) => part.type !== 'tool-result'),
      loss,
    );
    const written = results.map((result) => writeResult(result, content.length === 0 ? extra : {}, loss));
    if (content.length === 0 && written.length > 0) return written;
    const role = message.role === 'user' || message.role === 'tool' ? 'user' : 'system';
    return [...written, { ...extra, role, content: content.length === 0 ? '' : plain(content) }];
  });
}

/** A turn that calls tools says its one text as `tool_plan`, which is where the model finds it again. */
function writeAssistant(parts: readonly Part[], extra: JsonObject, loss: Set<string>): readonly JsonObject[] {
  const calls = parts.flatMap((part) => (part.type === 'tool-call' ? [writeToolCall(part, loss)] : []));
  const content = writeContent(
    parts.filter((part) => part.type !== 'tool-call'),
    loss,
  );
  if (calls.length === 0) return content.length === 0 ? [] : [{ ...extra, role: 'assistant', content: plain(content) }];
  const texts = content.filter((block) => block.type === 'text');
  const plan = texts.length === 1 ? texts[0]?.text : undefined;
  const left = plan === undefined ? content : content.filter((block) => block.type !== 'text');
  return [
    {
      ...extra,
      role: 'assistant',
      ...(left.length > 0 && { content: left }),
      ...present({ tool_plan: plan }),
      tool_calls: calls,
    },
  ];
}

/** A plain string where the content is one text. */
function plain(blocks: readonly JsonObject[]): Json {
  const [only] = blocks;
  return blocks.length === 1 && only?.type === 'text' ? (asString(only.text) ?? '') : blocks;
}

/** Blocks without a visible character say nothing and are refused. */
function writeContent(parts: readonly Part[], loss: Set<string>): readonly JsonObject[] {
  return parts.flatMap<JsonObject>((part) => {
    noteExtras(part, loss);
    return writePart(part, loss) ?? [];
  });
}

function writePart(part: Part, loss: Set<string>): JsonObject | undefined {
  switch (part.type) {
    case 'text':
    case 'refusal':
      return part.text === '' ? undefined : { type: 'text', text: part.text };
    case 'thinking':
      return part.text === '' ? undefined : { type: 'thinking', thinking: part.text };
    case 'image': {
      const url = urlOf(part.source);
      if (url !== undefined) return { type: 'image_url', image_url: { url, ...present({ detail: part.detail }) } };
      loss.add('messages.image');
      return undefined;
    }
    case 'file':
      loss.add('messages.file');
      return part.source.kind === 'text' ? { type: 'text', text: part.source.text } : undefined;
    case 'raw':
      if (part.dialect === ID && isObject(part.value)) return part.value;
      loss.add(`messages.${(isObject(part.value) && asString(part.value.type)) || 'raw'}`);
      return undefined;
    case 'redacted-thinking':
      return undefined;
    default:
      loss.add(`messages.${part.type}`);
      return undefined;
  }
}

function urlOf(source: MediaSource): string | undefined {
  if (source.kind === 'url') return source.url;
  return source.kind === 'base64' ? writeDataUrl(source.mediaType, source.data) : undefined;
}

function writeToolCall(part: Part & { readonly type: 'tool-call' }, loss: Set<string>): JsonObject {
  noteExtras(part, loss);
  const { id, name, input, custom } = part;
  if (custom) loss.add('messages.tool_calls.custom');
  return { id, type: 'function', function: { name, arguments: custom ? JSON.stringify({ input }) : input === '' ? '{}' : input } };
}

function writeResult(result: Part & { readonly type: 'tool-result' }, extra: JsonObject, loss: Set<string>): JsonObject {
  noteExtras(result, loss);
  if (result.isError !== undefined) loss.add('messages.tool_result.is_error');
  const content = result.content.flatMap<JsonObject>((part) => {
    const document = writeDocument(part);
    if (document !== undefined) return [document];
    // Text is all that a tool may answer here.
    if (part.type === 'image') loss.add('messages.image');
    return part.type === 'image' ? [] : writeContent([part], loss);
  });
  return { ...extra, role: 'tool', tool_call_id: result.callId, content: content.length === 0 ? '' : plain(content) };
}

/** A text that came as a document, with the id by which citations name it. */
function writeDocument(part: Part): JsonObject | undefined {
  const own = part.type === 'text' ? part.extra?.[ID] : undefined;
  if (part.type !== 'text' || !isObject(own)) return undefined;
  const data = parseJson(part.text);
  return { type: 'document', document: { ...own, data: isObject(data) ? data : { text: part.text } } };
}

function noteExtras(part: Part, loss: Set<string>): void {
  if ('cache' in part && part.cache !== undefined) loss.add('cache_control');
  if ('citations' in part && part.citations !== undefined) loss.add('messages.citations');
  if ('signature' in part && part.signature !== undefined) loss.add('thinking.signature');
  if (part.type === 'redacted-thinking') loss.add('thinking.signature');
  if ('extra' in part) ownExtra(part.extra, 'messages.', loss);
}
