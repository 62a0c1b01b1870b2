import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

type Edit = (text: string) => string;

/** Every text in the messages of a call, edited; the same object when nothing changed. */
export const texts = (body: JsonObject, edit: Edit): JsonObject =>
  withField(body, 'messages', (messages) => mapped(messages, (message) => inMessage(message, edit)));

/** Every text of an answer, edited; the same object when nothing changed. */
export const replyTexts = (body: JsonObject, edit: Edit): JsonObject =>
  withField(body, 'choices', (choices) =>
    mapped(choices, (choice) =>
      withoutLogprobs(
        choice,
        within(choice, 'message', (message) => inMessage(message, edit)),
      ),
    ),
  );

/** The edited choice without its `logprobs`, which repeat every token of the text that was edited away. */
export const withoutLogprobs = (before: Json, after: Json): Json => (after === before ? before : within(after, 'logprobs', () => null));

const inMessage = (message: Json, edit: Edit): Json =>
  within(
    within(message, 'content', (content) => inContent(content, edit)),
    'refusal',
    (refusal) => inText(refusal, edit),
  );

const inContent = (content: Json, edit: Edit): Json =>
  isArray(content) ? mapped(content, (part) => inPart(part, edit)) : inText(content, edit);

/** Only text and refusals: thinking must return to its provider as it came, and media is no text. */
function inPart(part: Json, edit: Edit): Json {
  if (!isObject(part)) return inText(part, edit);
  if (part.type === 'text') return within(part, 'text', (text) => inText(text, edit));
  if (part.type === 'refusal') return within(part, 'refusal', (text) => inText(text, edit));
  return part;
}

const inText = (value: Json, edit: Edit): Json => (typeof value === 'string' ? edit(value) : value);

export const within = (value: Json, field: string, change: (value: Json) => Json): Json =>
  isObject(value) ? withField(value, field, change) : value;

/** The object with one field changed; the same object where the field is absent or stays as it is. */
export function withField(object: JsonObject, field: string, change: (value: Json) => Json): JsonObject {
  const value = object[field];
  if (value === undefined) return object;
  const changed = change(value);
  return changed === value ? object : { ...object, [field]: changed };
}

export function mapped(value: Json, change: (item: Json) => Json): Json {
  if (!isArray(value)) return value;
  const items = value.map(change);
  return items.every((item, index) => item === value[index]) ? value : items;
}
