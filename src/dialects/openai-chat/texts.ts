import { mapped, withField, within } from '../../core/edit.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { withoutLogprobs } from '../../core/openai/fields.ts';

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
