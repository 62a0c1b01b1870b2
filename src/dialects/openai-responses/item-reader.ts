import { asNumber, asString, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { mayBeWrapper, unwrapped } from '../../core/openai/parallel-wrapper.ts';
import { objectsOf } from './fields.ts';
import { PARAGRAPH } from './read-items.ts';
import { type Chunks, contentOf, type Item, itemOf, partOf, type Reading, raw, textOf } from './reading.ts';
import { unseal } from './sealed.ts';

/** An item begins: a call is known by its name at once, all else by what comes, and what a wrapper of calls holds at its end. */
export function itemAdded(reading: Reading, event: JsonObject): Chunks {
  const value = isObject(event.item) ? event.item : {};
  const type = textOf(value.type);
  reading.items.delete(asNumber(event.output_index) ?? 0);
  const item = itemOf(reading, event, type);
  if (isWrapper(type, value)) return [];
  if (CALL_INPUT.has(type)) return openCall(reading, item, value);
  return FINISHERS.has(type) ? [] : [raw(type, event, partOf(reading, item))];
}

/** The field that holds what a tool is called with. */
const CALL_INPUT: ReadonlyMap<string, string> = new Map([
  ['function_call', 'arguments'],
  ['custom_tool_call', 'input'],
]);

export const isCall = (type: Json | undefined): boolean => typeof type === 'string' && CALL_INPUT.has(type);

const isWrapper = (type: string, value: JsonObject): boolean => type === 'function_call' && mayBeWrapper(textOf(value.name));

const callIdOf = (value: JsonObject, part: number): string => asString(value.call_id) || asString(value.id) || `call_${part}`;

function openCall(reading: Reading, item: Item, value: JsonObject): Chunks {
  const part = partOf(reading, item);
  const id = callIdOf(value, part);
  reading.calls.set(id, part);
  const custom = item.type === 'custom_tool_call' ? { custom: true as const } : {};
  return [{ type: 'tool-call', part, choice: 0, id, name: textOf(value.name), ...custom }];
}

/** A fragment of a call's input; without the call's start it lacks the name, and waits for the whole item. */
export const inputDelta =
  (type: string) =>
  (reading: Reading, event: JsonObject): Chunks => {
    const item = itemOf(reading, event, type);
    const text = textOf(event.delta);
    if (text === '' || item.part === undefined) return [];
    item.spoken = true;
    return [{ type: 'tool-input', part: item.part, choice: 0, text }];
  };

/** The whole input at its end: said only where it had not come piece by piece. */
export const inputDone =
  (type: string, field: string) =>
  (reading: Reading, event: JsonObject): Chunks => {
    const item = itemOf(reading, event, type);
    return item.spoken ? [] : inputDelta(type)(reading, { ...event, delta: event[field] });
  };

/** An item as it is at its end, or in an answer that came whole: what had not been said of it yet. */
export function itemDone(reading: Reading, event: JsonObject): Chunks {
  const value = isObject(event.item) ? event.item : {};
  const type = textOf(value.type);
  const item = itemOf(reading, event, type);
  const finish = FINISHERS.get(type);
  if (finish === undefined) return [raw(type, event, partOf(reading, item))];
  if (item.done) return [];
  item.done = true;
  return finish(reading, item, value, event);
}

type Finisher = (reading: Reading, item: Item, value: JsonObject, event: JsonObject) => Chunks;

const FINISHERS: ReadonlyMap<string, Finisher> = new Map<string, Finisher>([
  ['message', finishMessage],
  ['reasoning', finishReasoning],
  ['function_call', finishCall],
  ['custom_tool_call', finishCall],
]);

function finishMessage(reading: Reading, item: Item, value: JsonObject, event: JsonObject): Chunks {
  return objectsOf(value.content).flatMap((content, index): Chunks => {
    const at = { ...event, content_index: index };
    if (content.type === 'refusal') return contentDone('refusal', 'refusal')(reading, { ...at, refusal: content.refusal });
    return [...contentDone('text', 'text')(reading, { ...at, text: content.text }), ...annotationsLeft(reading, item, content, at)];
  });
}

function annotationsLeft(reading: Reading, item: Item, content: JsonObject, at: JsonObject): Chunks {
  const annotations = objectsOf(content.annotations);
  const index = asNumber(at.content_index) ?? 0;
  const known = item.contents.get(index)?.annotations ?? 0;
  return annotations.slice(known).flatMap((annotation, offset) =>
    annotationAdded(reading, {
      type: 'response.output_text.annotation.added',
      output_index: at.output_index,
      content_index: index,
      annotation_index: known + offset,
      annotation,
    }),
  );
}

export function annotationAdded(reading: Reading, event: JsonObject): Chunks {
  const content = contentOf(reading, itemOf(reading, event, 'message'), asNumber(event.content_index) ?? 0);
  content.annotations++;
  return [raw('annotations', event, content.part)];
}

/** A piece of a text or of a refusal. */
export const contentDelta =
  (type: 'text' | 'refusal') =>
  (reading: Reading, event: JsonObject): Chunks => {
    const text = textOf(event.delta);
    if (text === '') return [];
    const content = contentOf(reading, itemOf(reading, event, 'message'), asNumber(event.content_index) ?? 0);
    content.spoken = true;
    if (type === 'text') reading.lastText = content.part;
    return [{ type, part: content.part, choice: 0, text }];
  };

/** The whole of it at its end: said only where it had not come piece by piece. */
export const contentDone =
  (type: 'text' | 'refusal', field: string) =>
  (reading: Reading, event: JsonObject): Chunks => {
    const content = itemOf(reading, event, 'message').contents.get(asNumber(event.content_index) ?? 0);
    return content?.spoken ? [] : contentDelta(type)(reading, { ...event, delta: event[field] });
  };

/** A piece of reasoning, or of its summary; what begins another part of it begins a paragraph. */
export function reasoningDelta(reading: Reading, event: JsonObject): Chunks {
  const text = textOf(event.delta);
  if (text === '') return [];
  const item = itemOf(reading, event, 'reasoning');
  const paragraph = asNumber(event.summary_index) ?? asNumber(event.content_index) ?? 0;
  const isNext = item.spoken && paragraph !== item.paragraph;
  item.spoken = true;
  item.paragraph = paragraph;
  return [{ type: 'thinking', part: partOf(reading, item), choice: 0, text: isNext ? PARAGRAPH + text : text }];
}

/** A whole part of it: said only where nothing had come piece by piece. */
export function reasoningDone(reading: Reading, event: JsonObject): Chunks {
  return itemOf(reading, event, 'reasoning').spoken ? [] : reasoningDelta(reading, { ...event, delta: event.text });
}

/** What is sealed comes last and whole: the start of an item may hold another than its end. */
function finishReasoning(reading: Reading, item: Item, value: JsonObject, event: JsonObject): Chunks {
  const sealed = textOf(value.encrypted_content);
  const seal = sealed === '' ? undefined : unseal(sealed);
  const text = item.spoken ? [] : wholeReasoning(reading, value, event);
  const choice = 0;
  switch (seal?.kind) {
    case 'thinking':
      return [...text, { type: 'signature', part: partOf(reading, item), choice, signature: seal.signature, issuer: seal.issuer }];
    case 'redacted':
      return [...text, { type: 'redacted-thinking', part: partOf(reading, item), choice, data: seal.data, issuer: seal.issuer }];
    case 'call': {
      const part = reading.calls.get(seal.callId);
      return part === undefined ? text : [...text, { type: 'signature', part, choice, signature: seal.signature, issuer: seal.issuer }];
    }
    case 'text': {
      const part = reading.lastText;
      return part === undefined ? text : [...text, { type: 'signature', part, choice, signature: seal.signature, issuer: seal.issuer }];
    }
    default:
      return text;
  }
}

function wholeReasoning(reading: Reading, value: JsonObject, event: JsonObject): Chunks {
  const written = objectsOf(value.content);
  return (written.length > 0 ? written : objectsOf(value.summary)).flatMap((part, index) =>
    reasoningDelta(reading, { output_index: event.output_index, summary_index: index, delta: part.text }),
  );
}

/** The whole call where its start was left out, and its input where none had come: vendors without arguments send none. */
function finishCall(reading: Reading, item: Item, value: JsonObject): Chunks {
  const input = value[CALL_INPUT.get(item.type) ?? 'arguments'];
  const text = isObject(input) ? JSON.stringify(input) : textOf(input);
  const inside = isWrapper(item.type, value) ? unwrapped(text) : undefined;
  if (inside !== undefined) return inside.flatMap((call, at) => wholeCall(reading, `${callIdOf(value, reading.parts)}_${at}`, call));
  const opened = item.part === undefined ? openCall(reading, item, value) : [];
  if (item.spoken || text === '') return opened;
  item.spoken = true;
  return [...opened, { type: 'tool-input', part: partOf(reading, item), choice: 0, text }];
}

/** One of the calls that came in a wrapper, which itself is no part of the answer. */
function wholeCall(reading: Reading, id: string, { name, input }: { readonly name: string; readonly input: string }): Chunks {
  const part = reading.parts++;
  reading.calls.set(id, part);
  return [
    { type: 'tool-call', part, choice: 0, id, name },
    { type: 'tool-input', part, choice: 0, text: input },
  ];
}
