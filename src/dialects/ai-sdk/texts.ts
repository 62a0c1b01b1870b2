import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { textOfOutput } from './tool-output.ts';

type Edit = (text: string) => string;
type EditJson = (value: Json) => Json;

/** The array with every object of it edited; the same array when none changed. */
function each(value: Json, edit: (object: JsonObject) => JsonObject): Json {
  if (!isArray(value)) return value;
  const edited = value.map((item) => (isObject(item) ? edit(item) : item));
  return edited.every((item, at) => item === value[at]) ? value : edited;
}

/** The object with one member edited, where it is there; the same object when nothing changed. */
function withMember(object: JsonObject, name: string, edit: EditJson): JsonObject {
  const value = object[name];
  if (value === undefined) return object;
  const edited = edit(value);
  return edited === value ? object : { ...object, [name]: edited };
}

/** An empty text says nothing, and is no text to edit. */
const inText =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' && value !== '' ? edit(value) : value;

const inside =
  (edit: (object: JsonObject) => JsonObject): EditJson =>
  (value) =>
    isObject(value) ? edit(value) : value;

/** Reasoning stays as it is: it is signed. */
function editPart(part: JsonObject, edit: Edit): JsonObject {
  switch (part.type) {
    case 'text':
      return withMember(part, 'text', inText(edit));
    case 'file':
      return withMember(
        part,
        'data',
        inside((data) => (data.type === 'text' ? withMember(data, 'text', inText(edit)) : data)),
      );
    case 'tool-result':
      return withMember(
        part,
        'output',
        inside((output) => editOutput(output, edit)),
      );
    default:
      return part;
  }
}

/** JSON that is edited as the text it stands for is a text from then on. */
function editOutput(output: JsonObject, edit: Edit): JsonObject {
  if (output.type === 'content') return withMember(output, 'value', (value) => each(value, (item) => editPart(item, edit)));
  const text = textOfOutput(output);
  const edited = text === '' ? text : edit(text);
  if (edited === text) return output;
  if (output.type === 'execution-denied') return { ...output, reason: edited };
  return {
    ...output,
    type: output.type === 'error-json' ? 'error-text' : output.type === 'json' ? 'text' : (output.type ?? 'text'),
    value: edited,
  };
}

const inContent =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' ? inText(edit)(value) : each(value, (part) => editPart(part, edit));

export const texts = (body: JsonObject, edit: Edit): JsonObject =>
  withMember(body, 'prompt', (prompt) => each(prompt, (message) => withMember(message, 'content', inContent(edit))));

export const replyTexts = (body: JsonObject, edit: Edit): JsonObject => withMember(body, 'content', inContent(edit));

/** The frame with the text of its delta edited; the same frame when nothing changed. Its events are one data line. */
export function frameTexts(frame: Frame, edit: Edit): Frame {
  const part = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(part) || part.type !== 'text-delta') return frame;
  const edited = withMember(part, 'delta', inText(edit));
  if (edited === part) return frame;
  const end = /[\r\n]+$/.exec(frame.text)?.[0] ?? '\n\n';
  return Frame.of(`data: ${JSON.stringify(edited)}${end}`);
}

/** The body with an operator's instructions before the caller's messages, or behind the instructions that lead them. */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const { prompt } = body;
  if (!isArray(prompt)) throw new GatewayError('invalid_request', '`prompt` must be an array.', { param: 'prompt' });
  const firstOther = prompt.findIndex((message) => !isObject(message) || message.role !== 'system');
  const at = where === 'start' ? 0 : firstOther < 0 ? prompt.length : firstOther;
  return { ...body, prompt: [...prompt.slice(0, at), { role: 'system', content: text }, ...prompt.slice(at)] };
}
