import { mapped, withField, within } from '../../core/edit.ts';
import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { frameWithData } from '../../core/sse.ts';

type Edit = (text: string) => string;

/** Empty texts are no texts. */
const inText =
  (edit: Edit) =>
  (value: Json): Json =>
    typeof value === 'string' && value !== '' ? edit(value) : value;

/** Documents are what somebody wrote too: their text, or every text of their fields. */
const inDocument =
  (edit: Edit) =>
  (document: Json): Json =>
    typeof document === 'string' ? inText(edit)(document) : within(document, 'data', (data) => inData(data, edit));

function inData(data: Json, edit: Edit): Json {
  if (!isObject(data)) return inText(edit)(data);
  return Object.keys(data).reduce<JsonObject>((all, name) => withField(all, name, inText(edit)), data);
}

/** Thinking stays as it is, as everywhere. */
function inBlock(block: Json, edit: Edit): Json {
  if (!isObject(block)) return block;
  if (block.type === 'text') return withField(block, 'text', inText(edit));
  return block.type === 'document' ? withField(block, 'document', inDocument(edit)) : block;
}

const inContent =
  (edit: Edit) =>
  (content: Json): Json =>
    isArray(content) ? mapped(content, (block) => inBlock(block, edit)) : inText(edit)(content);

const inMessage = (message: Json, edit: Edit): Json => within(within(message, 'tool_plan', inText(edit)), 'content', inContent(edit));

export function texts(body: JsonObject, edit: Edit): JsonObject {
  const edited = withField(body, 'messages', (messages) => mapped(messages, (message) => inMessage(message, edit)));
  return withField(edited, 'documents', (documents) => mapped(documents, inDocument(edit)));
}

/** The edited answer without its citations, which repeat pieces of the text and say where they stood. */
export function replyTexts(body: JsonObject, edit: Edit): JsonObject {
  return withField(body, 'message', (message) => {
    const edited = inMessage(message, edit);
    if (edited === message || !isObject(edited)) return edited;
    const { citations: _, ...others } = edited;
    return others;
  });
}

/** The frame with the text of its delta edited; the same frame when nothing changed. */
export function frameTexts(frame: Frame, edit: Edit): Frame {
  const event = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(event)) return frame;
  const inDelta = (message: Json) =>
    within(within(message, 'tool_plan', inText(edit)), 'content', (content) => within(content, 'text', inText(edit)));
  const edited = withField(event, 'delta', (delta) => within(delta, 'message', inDelta));
  return edited === event ? frame : frameWithData(frame, JSON.stringify(edited));
}

/** The body with an operator's instructions before the caller's messages, or behind those that lead them. */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const { messages } = body;
  if (!isArray(messages)) throw new GatewayError('invalid_request', '"messages" must be an array.', { param: 'messages' });
  const firstOther = messages.findIndex((message) => !isObject(message) || message.role !== 'system');
  const at = where === 'start' ? 0 : firstOther < 0 ? messages.length : firstOther;
  return { ...body, messages: [...messages.slice(0, at), { role: 'system', content: text }, ...messages.slice(at)] };
}
