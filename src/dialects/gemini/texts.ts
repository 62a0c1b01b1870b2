import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { camel } from './fields.ts';
import { readToolResponse, writeToolResponse } from './tool-response.ts';

type Edit = (text: string) => string;
type EditObject = (object: JsonObject) => JsonObject;

/** The object with one field edited, however it is spelt; the same object when nothing changed. */
export function withField(object: JsonObject, name: string, edit: (value: Json) => Json): JsonObject {
  for (const [key, value] of Object.entries(object)) {
    if (value === undefined || camel(key) !== name) continue;
    const edited = edit(value);
    return edited === value ? object : { ...object, [key]: edited };
  }
  return object;
}

/** Every object of a repeated field, which may stand alone without its array. */
const each =
  (edit: EditObject) =>
  (value: Json): Json => {
    if (isObject(value)) return edit(value);
    if (!isArray(value)) return value;
    const edited = value.map((item) => (isObject(item) ? edit(item) : item));
    return edited.every((item, at) => item === value[at]) ? value : edited;
  };

const inside =
  (edit: EditObject) =>
  (value: Json): Json =>
    isObject(value) ? edit(value) : value;

/** Thoughts stay as they are: they are signed. */
export function editPart(part: JsonObject, edit: Edit): JsonObject {
  if (part.thought === true) return part;
  const edited = withField(part, 'text', (text) => (typeof text === 'string' && text !== '' ? edit(text) : text));
  return withField(
    edited,
    'functionResponse',
    inside((answer) => withField(answer, 'response', (response) => editResponse(response, edit))),
  );
}

function editResponse(response: Json, edit: Edit): Json {
  const { texts, isError } = readToolResponse(response);
  const edited = texts.map((text) => (text === '' ? text : edit(text)));
  return edited.every((text, at) => text === texts[at]) ? response : writeToolResponse(edited, isError);
}

const editContent =
  (edit: Edit): EditObject =>
  (content) =>
    withField(
      content,
      'parts',
      each((part) => editPart(part, edit)),
    );

/** A content, or a text that stands for one. */
const editInstruction =
  (edit: Edit) =>
  (value: Json): Json =>
    typeof value === 'string' && value !== '' ? edit(value) : inside(editContent(edit))(value);

/** In the order in which they are read: instructions first. */
export function texts(body: JsonObject, edit: Edit): JsonObject {
  const inner = withField(
    body,
    'generateContentRequest',
    inside((request) => texts(request, edit)),
  );
  const instructed = withField(inner, 'systemInstruction', editInstruction(edit));
  return withField(instructed, 'contents', each(editContent(edit)));
}

export const replyTexts = (body: JsonObject, edit: Edit): JsonObject =>
  withField(
    body,
    'candidates',
    each((candidate) => withField(candidate, 'content', inside(editContent(edit)))),
  );
