import { mapped, withField } from '../../core/edit.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

type Edit = (text: string) => string;
type EditJson = (value: Json) => Json;

/** Every text a person, a tool or the model wrote in a call, edited; the same object when nothing changed. */
export function texts(body: JsonObject, edit: Edit): JsonObject {
  const instructed = withField(body, 'instructions', inText(edit));
  return withField(instructed, 'input', (input) => (typeof input === 'string' ? edit(input) : mapped(input, (item) => inItem(item, edit))));
}

/** Reasoning must return to its provider as it came, and media is no text. */
function inItem(item: Json, edit: Edit): Json {
  if (!isObject(item)) return item;
  const content = withField(item, 'content', item.type === 'reasoning' ? (value) => value : inContent(edit));
  return typeof item.type === 'string' && item.type.endsWith('_output') ? withField(content, 'output', inOutput(edit)) : content;
}

const inContent =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' ? edit(value) : mapped(value, (part) => inPart(part, edit));

const TEXT_PARTS: ReadonlySet<Json | undefined> = new Set(['input_text', 'output_text', 'text']);

function inPart(part: Json, edit: Edit): Json {
  if (!isObject(part)) return inText(edit)(part);
  if (TEXT_PARTS.has(part.type)) return withField(part, 'text', inText(edit));
  return part.type === 'refusal' ? withField(part, 'refusal', inText(edit)) : part;
}

/** What a tool returned: text, parts, or what a shell printed. */
const inOutput =
  (edit: Edit): EditJson =>
  (value) => {
    if (!isArray(value)) return inText(edit)(value);
    return mapped(value, (part) =>
      isObject(part) && part.type === undefined
        ? withField(withField(part, 'stdout', inText(edit)), 'stderr', inText(edit))
        : inPart(part, edit),
    );
  };

/**
 * Every text of an answer, edited, in the order in which they stand there; the same object when nothing changed. Log
 * probabilities repeat every token of the text that was edited away.
 */
export function replyTexts(body: JsonObject, edit: Edit): JsonObject {
  const edited = withField(body, 'output', (output) => mapped(output, (item) => (isObject(item) ? inMessage(item, edit) : item)));
  // A field of OpenAI's SDKs that some vendors send: all texts in one.
  if (edited === body || typeof edited.output_text !== 'string') return edited;
  return { ...edited, output_text: textOf(edited) };
}

export const inMessage = (item: JsonObject, edit: Edit): JsonObject =>
  item.type === 'message' ? withField(item, 'content', (content) => mapped(content, (part) => inOutputText(part, edit))) : item;

/** An empty text is no text of the model's. */
export function inOutputText(part: Json, edit: Edit): Json {
  if (!isObject(part) || part.type !== 'output_text') return part;
  const edited = withField(part, 'text', inText(nonEmpty(edit)));
  return edited === part ? part : withField(edited, 'logprobs', () => []);
}

export const nonEmpty = (edit: Edit) => (text: string) => (text === '' ? text : edit(text));

function textOf({ output }: JsonObject): string {
  let text = '';
  const add = (part: string) => {
    text += part;
    return part;
  };
  if (isArray(output)) for (const item of output) if (isObject(item)) inMessage(item, add);
  return text;
}

export const inText =
  (edit: Edit): EditJson =>
  (value) =>
    typeof value === 'string' ? edit(value) : value;
