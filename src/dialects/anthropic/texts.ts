import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

type Edit = (text: string) => string;
type EditJson = (value: Json) => Json;

/** The array with every item edited; the same array when none changed. */
function mapped(items: readonly Json[], edit: EditJson): readonly Json[] {
  const edited = items.map(edit);
  return edited.every((item, index) => item === items[index]) ? items : edited;
}

/** The object with one member edited, where it is there; the same object when nothing changed. */
export function withMember(object: JsonObject, name: string, edit: EditJson): JsonObject {
  const value = object[name];
  if (value === undefined) return object;
  const edited = edit(value);
  return edited === value ? object : { ...object, [name]: edited };
}

export const editString =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' ? edit(value) : value;

/** A string or blocks: `system`, the content of a message, of a tool result, of a document. */
const editContent =
  (edit: Edit): EditJson =>
  (value) => {
    if (typeof value === 'string') return edit(value);
    return isArray(value) ? mapped(value, (block) => (isObject(block) ? editBlock(block, edit) : block)) : value;
  };

/** Thinking stays as it is: it is signed. */
export function editBlock(block: JsonObject, edit: Edit): JsonObject {
  switch (block.type) {
    case 'text':
      return withMember(block, 'text', editString(edit));
    case 'tool_result':
    case 'search_result':
      return withMember(block, 'content', editContent(edit));
    case 'document':
      return withMember(block, 'source', (source) => (isObject(source) ? editSource(source, edit) : source));
    default:
      return block;
  }
}

function editSource(source: JsonObject, edit: Edit): JsonObject {
  if (source.type === 'text') return withMember(source, 'data', editString(edit));
  return source.type === 'content' ? withMember(source, 'content', editContent(edit)) : source;
}

export function texts(body: JsonObject, edit: Edit): JsonObject {
  const edited = withMember(body, 'system', editContent(edit));
  return withMember(edited, 'messages', (messages) =>
    isArray(messages)
      ? mapped(messages, (message) => (isObject(message) ? withMember(message, 'content', editContent(edit)) : message))
      : messages,
  );
}

export const replyTexts = (body: JsonObject, edit: Edit): JsonObject => withMember(body, 'content', editContent(edit));
