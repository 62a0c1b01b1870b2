import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

type Edit = (text: string) => string;
type EditJson = (value: Json) => Json;

/** The array with every item edited; the same array when none changed. */
const eachOf =
  (edit: EditJson): EditJson =>
  (items) => {
    if (!isArray(items)) return items;
    const edited = items.map(edit);
    return edited.every((item, index) => item === items[index]) ? items : edited;
  };

/** The object with these members edited, where they are there; the same object when nothing changed. */
const membersOf =
  (edits: { readonly [name: string]: EditJson }): EditJson =>
  (value) => {
    if (!isObject(value)) return value;
    let edited: JsonObject = value;
    for (const name in edits) {
      const member = value[name];
      const changed = member === undefined ? undefined : edits[name]?.(member);
      if (changed !== undefined && changed !== member) edited = { ...edited, [name]: changed };
    }
    return edited;
  };

const textWith =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' ? edit(value) : value;

/** Every text in a tool's JSON, names of fields excepted. */
const leavesWith = (edit: Edit): EditJson => {
  const leaf: EditJson = (value) => {
    if (typeof value === 'string') return edit(value);
    if (isArray(value)) return eachOf(leaf)(value);
    return isObject(value) ? membersOf(Object.fromEntries(Object.keys(value).map((name) => [name, leaf])))(value) : value;
  };
  return leaf;
};

/** Reasoning stays as it is: it is signed. So does what the model asked of a tool. */
function blockWith(edit: Edit): EditJson {
  const text = textWith(edit);
  const inner = { text, searchResult: membersOf({ content: eachOf(membersOf({ text })) }), document: documentWith(text) };
  return membersOf({
    ...inner,
    guardContent: membersOf({ text: membersOf({ text }) }),
    citationsContent: membersOf({ content: eachOf(membersOf({ text })) }),
    toolResult: membersOf({ content: eachOf(membersOf({ ...inner, json: leavesWith(edit) })) }),
  });
}

const documentWith = (text: EditJson): EditJson => membersOf({ source: membersOf({ text, content: eachOf(membersOf({ text })) }) });

export function texts(body: JsonObject, edit: Edit): JsonObject {
  const blocks = eachOf(blockWith(edit));
  return asObject(membersOf({ system: blocks, messages: eachOf(membersOf({ content: blocks })) })(body), body);
}

export const replyTexts = (body: JsonObject, edit: Edit): JsonObject =>
  asObject(membersOf({ output: membersOf({ message: membersOf({ content: eachOf(blockWith(edit)) }) }) })(body), body);

const asObject = (value: Json, otherwise: JsonObject): JsonObject => (isObject(value) ? value : otherwise);

/** The payload of a delta with its text edited; an empty one is no chunk. */
export const deltaText = (payload: JsonObject, edit: Edit): JsonObject =>
  asObject(membersOf({ delta: membersOf({ text: textWith((text) => (text === '' ? text : edit(text))) }) })(payload), payload);
