import type { ChatChunk } from '../../core/chat.ts';
import { asNumber, isObject, type JsonObject } from '../../core/json.ts';
import { callInput, closeCalls, openCall } from './calls-writer.ts';
import { ID } from './fields.ts';
import { sealCall, sealRedacted, sealText, sealThinking, sealUnsigned } from './sealed.ts';
import { addItem, type Chunk, type Events, endItem, type ItemStatus, type OpenContent, type OpenItem, type Writing } from './writing.ts';

/** The events of one chunk of content. */
export function writeContent(writing: Writing, chunk: ChatChunk): Events {
  switch (chunk.type) {
    case 'text':
    case 'refusal':
      return chunk.text === '' ? [] : say(writing, chunk);
    case 'thinking':
      return chunk.text === '' ? [] : think(writing, chunk);
    case 'signature':
      return sign(writing, chunk);
    case 'redacted-thinking':
      return [...closeAll(writing), ...sealedItem(writing, sealRedacted(chunk.data, chunk.issuer))];
    case 'tool-call':
      return [...closeMessage(writing, 'completed'), ...closeReasoning(writing), ...openCall(writing, chunk)];
    case 'tool-input':
      return callInput(writing, chunk);
    case 'raw':
      return rawEvent(writing, chunk);
    default:
      return [];
  }
}

/** Ends what is open, in the order of the output. */
export function closeAll(writing: Writing, status: ItemStatus = 'completed'): Events {
  return [...closeMessage(writing, status), ...closeReasoning(writing), ...closeCalls(writing, status)];
}

/** Texts and refusals that follow one another are the content of one message. */
function say(writing: Writing, { part, type, text }: Chunk<'text' | 'refusal'>): Events {
  if (type === 'text') writing.texts.add(part);
  const opened = openContent(writing, part, type);
  const { message } = writing;
  if (message?.content === undefined) return opened;
  message.content.text += text;
  const at = { item_id: message.id, output_index: message.index, content_index: message.contents.length };
  const delta =
    type === 'text'
      ? { type: 'response.output_text.delta', ...at, delta: text, logprobs: [] }
      : { type: 'response.refusal.delta', ...at, delta: text };
  return [...opened, delta];
}

function openContent(writing: Writing, part: number, kind: 'text' | 'refusal'): Events {
  const current = writing.message?.content;
  if (current?.part === part && current.kind === kind) return [];
  const events: JsonObject[] = [];
  if (writing.message === undefined) {
    events.push(...closeAll(writing));
    const { index, id, event } = addItem(writing, 'msg', { type: 'message', status: 'in_progress', role: 'assistant', content: [] });
    writing.message = { index, id, contents: [], content: undefined, sealed: undefined };
    events.push(event);
  } else events.push(...endContent(writing.message));
  const { message } = writing;
  message.content = { part, kind, text: '', annotations: [] };
  const at = { item_id: message.id, output_index: message.index, content_index: message.contents.length };
  return [...events, { type: 'response.content_part.added', ...at, part: contentJson(message.content) }];
}

const contentJson = ({ kind, text, annotations }: OpenContent): JsonObject =>
  kind === 'refusal' ? { type: 'refusal', refusal: text } : { type: 'output_text', text, annotations, logprobs: [] };

function endContent(message: OpenItem): Events {
  const { content, contents, id, index } = message;
  if (content === undefined) return [];
  const at = { item_id: id, output_index: index, content_index: contents.length };
  const part = contentJson(content);
  contents.push(part);
  message.content = undefined;
  const said =
    content.kind === 'refusal'
      ? { type: 'response.refusal.done', ...at, refusal: content.text }
      : { type: 'response.output_text.done', ...at, text: content.text, logprobs: [] };
  return [said, { type: 'response.content_part.done', ...at, part }];
}

function closeMessage(writing: Writing, status: ItemStatus): Events {
  const { message } = writing;
  if (message === undefined) return [];
  writing.message = undefined;
  const ended = endContent(message);
  const item = { id: message.id, type: 'message', status, role: 'assistant', content: message.contents };
  return [...ended, endItem(writing, message.index, item)];
}

/** Thinking stands in the summary, which is what clients of this dialect show and send back. */
function think(writing: Writing, { part, text }: Chunk<'thinking'>): Events {
  const events = openReasoning(writing, part);
  const { reasoning } = writing;
  if (reasoning === undefined) return events;
  const at = { item_id: reasoning.id, output_index: reasoning.index, summary_index: 0 };
  const opened: JsonObject[] = [];
  if (reasoning.content?.text === '') {
    opened.push({ type: 'response.reasoning_summary_part.added', ...at, part: { type: 'summary_text', text: '' } });
  }
  if (reasoning.content !== undefined) reasoning.content.text += text;
  return [...events, ...opened, { type: 'response.reasoning_summary_text.delta', ...at, delta: text }];
}

function openReasoning(writing: Writing, part: number): Events {
  if (writing.reasoning?.content?.part === part) return [];
  const closed = closeAll(writing);
  const { index, id, event } = addItem(writing, 'rs', { type: 'reasoning', summary: [] });
  const content: OpenContent = { part, kind: 'thinking', text: '', annotations: [] };
  writing.reasoning = { index, id, contents: [], content, sealed: undefined };
  return [...closed, event];
}

function closeReasoning(writing: Writing): Events {
  const { reasoning } = writing;
  if (reasoning?.content === undefined) return [];
  writing.reasoning = undefined;
  const { id, index, content, sealed } = reasoning;
  const part = { type: 'summary_text', text: content.text };
  const at = { item_id: id, output_index: index, summary_index: 0 };
  const events =
    content.text === ''
      ? []
      : [
          { type: 'response.reasoning_summary_text.done', ...at, text: content.text },
          { type: 'response.reasoning_summary_part.done', ...at, part },
        ];
  const summary = content.text === '' ? [] : [part];
  return [...events, endItem(writing, index, { id, type: 'reasoning', summary, encrypted_content: sealed ?? sealUnsigned() })];
}

/** An item that holds nothing but what must come back. */
function sealedItem(writing: Writing, sealed: string): Events {
  const { index, id, event } = addItem(writing, 'rs', { type: 'reasoning', summary: [] });
  return [event, endItem(writing, index, { id, type: 'reasoning', summary: [], encrypted_content: sealed })];
}

/** A signature of a call or a text gets an item of its own, right behind what it belongs to. */
function sign(writing: Writing, { part, signature, issuer }: Chunk<'signature'>): Events {
  const callId = writing.callIds.get(part);
  if (callId !== undefined) return sealedItem(writing, sealCall(callId, signature, issuer));
  if (writing.texts.has(part)) return [...closeMessage(writing, 'completed'), ...sealedItem(writing, sealText(signature, issuer))];
  const opened = openReasoning(writing, part);
  if (writing.reasoning !== undefined) writing.reasoning.sealed = sealThinking(signature, issuer);
  return opened;
}

/** Events that only this dialect knows go on as they came, in the place that their item has here. */
function rawEvent(writing: Writing, { dialect, name, value }: Chunk<'raw'>): Events {
  if (dialect !== ID || !isObject(value)) {
    writing.loss.add(name);
    return [];
  }
  const part = asNumber(value.output_index);
  if (part === undefined) return [value];
  if (value.type === 'response.output_text.annotation.added') return annotate(writing, part, value);
  const known = writing.raws.get(part);
  const events: JsonObject[] = [];
  const index = known ?? writing.output.length;
  if (known === undefined) {
    events.push(...closeAll(writing));
    writing.raws.set(part, index);
    const item = isObject(value.item) ? value.item : {};
    writing.output.push(item);
    if (value.type !== 'response.output_item.added') events.push({ type: 'response.output_item.added', output_index: index, item });
  }
  if (value.type === 'response.output_item.done' && isObject(value.item)) writing.output[index] = value.item;
  return [...events, { ...value, output_index: index }];
}

function annotate(writing: Writing, part: number, value: JsonObject): Events {
  const opened = openContent(writing, part, 'text');
  const { message } = writing;
  if (message?.content === undefined || !isObject(value.annotation)) return opened;
  const annotation_index = message.content.annotations.push(value.annotation) - 1;
  const at = { item_id: message.id, output_index: message.index, content_index: message.contents.length };
  return [...opened, { type: value.type, ...at, annotation_index, annotation: value.annotation }];
}

/** The items as they stand in a response: what has not ended is incomplete. */
export const itemsSoFar = ({ output }: Writing): readonly JsonObject[] =>
  output.map((item) => (item.status === 'in_progress' ? { ...item, status: 'incomplete' } : item));
