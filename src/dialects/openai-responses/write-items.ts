import type { Message, Part } from '../../core/chat.ts';
import type { Quirks } from '../../core/dialect.ts';
import { present } from '../../core/fields.ts';
import { asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { ID, ISSUER, ownExtra } from './fields.ts';
import { nameOf, noteSignature, splitExtra, writeContent, writePart } from './write-parts.ts';

/** The conversation as this API takes it: instructions apart, everything else as a list of items. */
export interface Items {
  readonly instructions: string | undefined;
  readonly input: readonly JsonObject[];
}

export function writeItems(messages: readonly Message[], quirks: Quirks, loss: Set<string>): Items {
  const [first] = messages;
  const instructions = first === undefined ? undefined : instructionsOf(first);
  const writing: Writing = { items: [], quirks, loss, custom: new Set() };
  for (const message of instructions === undefined ? messages : messages.slice(1)) {
    // What a tool's result is named by is its call.
    if (message.name !== undefined && message.role !== 'tool') loss.add('messages.name');
    if (message.role === 'assistant') writeAssistant(writing, message);
    else writeOther(writing, message);
  }
  return { instructions, input: writing.items };
}

interface Writing {
  readonly items: JsonObject[];
  readonly quirks: Quirks;
  readonly loss: Set<string>;
  /** The ids of calls of custom tools, whose results are items of another type. */
  readonly custom: Set<string>;
}

/** A first system message that is one plain text; anything else keeps its form as a message. */
function instructionsOf({ role, content, name, extra }: Message): string | undefined {
  const [only] = content;
  if (role !== 'system' || content.length !== 1 || only?.type !== 'text' || name !== undefined || extra !== undefined) return undefined;
  return Object.keys(only).length === 2 && only.text !== '' ? only.text : undefined;
}

/** Results of tools are items of their own and stand right behind their calls: before all else of the turn. */
function writeOther(writing: Writing, message: Message): void {
  const { items, quirks, loss } = writing;
  const others: Part[] = [];
  for (const part of message.content) {
    if (part.type === 'tool-result') items.push(writeResult(writing, part));
    else others.push(part);
  }
  const fields = ownExtra(message.extra, 'messages.', loss);
  if (others.length === 0) return;
  const role = message.role === 'tool' ? 'user' : message.role === 'developer' ? (quirks.developerRole ?? 'developer') : message.role;
  const content = writeContent(others, 'input', loss);
  if (content !== '') items.push({ ...fields, type: 'message', role, content });
}

function writeResult({ custom, loss }: Writing, part: Part & { readonly type: 'tool-result' }): JsonObject {
  if (part.isError !== undefined) loss.add('messages.tool_result.is_error');
  if (part.cache !== undefined) loss.add('cache_control');
  return {
    type: custom.has(part.callId) ? 'custom_tool_call_output' : 'function_call_output',
    ...ownExtra(part.extra, 'messages.', loss),
    call_id: part.callId,
    output: writeContent(part.content, 'input', loss),
  };
}

/** What the model did, item by item in its order; texts that follow one another are one message. */
function writeAssistant(writing: Writing, message: Message): void {
  const { items, loss } = writing;
  const fields = ownExtra(message.extra, 'messages.', loss);
  let said: { readonly fields: JsonObject; readonly content: JsonObject[] } | undefined;
  for (const part of message.content) {
    if (!isContent(part)) {
      said = undefined;
      items.push(...writeItem(writing, part));
      continue;
    }
    const written = writePart(part, 'output', loss);
    if (written === undefined) continue;
    const own = { ...fields, ...(part.type === 'text' && splitExtra(ownExtra(part.extra, 'messages.', loss)).ofMessage) };
    if (said === undefined || JSON.stringify(said.fields) !== JSON.stringify(own)) {
      said = { fields: own, content: [] };
      items.push({ ...own, type: 'message', role: 'assistant', content: said.content });
    }
    said.content.push(written);
  }
}

/** Raw parts of this dialect are items as a rule, and sometimes content of a type that is not known here. */
const isContent = (part: Part): boolean =>
  part.type === 'text' ||
  part.type === 'refusal' ||
  (part.type === 'raw' && CONTENT.test((isObject(part.value) && asString(part.value.type)) || ''));

const CONTENT = /^(?:input|output)_(?!call)|_text$/;

function writeItem(writing: Writing, part: Part): readonly JsonObject[] {
  const { loss } = writing;
  switch (part.type) {
    case 'tool-call':
      return [writeCall(writing, part)];
    case 'thinking':
      return writeReasoning(part, loss);
    case 'redacted-thinking':
      // OpenAI has no form of it: it came from elsewhere.
      loss.add('thinking.signature');
      return [];
    case 'raw':
      if (part.dialect === ID && isObject(part.value)) return [part.value];
      loss.add(nameOf(part));
      return [];
    default:
      loss.add(nameOf(part));
      return [];
  }
}

function writeCall({ custom, loss }: Writing, part: Part & { readonly type: 'tool-call' }): JsonObject {
  noteSignature(part, loss);
  if (part.cache !== undefined) loss.add('cache_control');
  const own = ownExtra(part.extra, 'messages.', loss);
  if (part.custom) custom.add(part.id);
  return part.custom
    ? { ...own, type: 'custom_tool_call', call_id: part.id, name: part.name, input: part.input }
    : // Providers parse the arguments: none are an empty object.
      { ...own, type: 'function_call', call_id: part.id, name: part.name, arguments: part.input === '' ? '{}' : part.input };
}

/**
 * Reasoning goes back only to who can open it. What was not signed goes back by its id to a provider that has kept it;
 * without an id there is no form for it.
 */
function writeReasoning(part: Part & { readonly type: 'thinking' }, loss: Set<string>): readonly JsonObject[] {
  const { text, id, signature, issuer = ISSUER } = part;
  if (signature !== undefined && issuer !== ISSUER) {
    loss.add('thinking.signature');
    return [];
  }
  if (signature === undefined && id === undefined) {
    loss.add('messages.thinking');
    return [];
  }
  const isWritten = id !== undefined && part.summary !== true;
  const parts = (type: string): Json => (text === '' ? [] : [{ type, text }]);
  return [
    {
      type: 'reasoning',
      summary: isWritten ? [] : parts('summary_text'),
      ...present({ id, content: isWritten && text !== '' ? parts('reasoning_text') : undefined, encrypted_content: signature }),
    },
  ];
}
