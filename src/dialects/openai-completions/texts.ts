import { mapped, withField, within } from '../../core/edit.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { withoutLogprobs } from '../../core/openai/fields.ts';
import type { Frame } from '../../core/sse.ts';
import { frameWithData } from '../../core/sse.ts';

type Edit = (text: string) => string;

/** Empty texts are no texts. */
const inText =
  (edit: Edit) =>
  (value: Json): Json =>
    typeof value === 'string' && value !== '' ? edit(value) : value;

/** A text or several, before and behind the place to fill; prompts of tokens are no text that could be read here. */
export function texts(body: JsonObject, edit: Edit): JsonObject {
  const edited = withField(body, 'prompt', (prompt) => (isArray(prompt) ? mapped(prompt, inText(edit)) : inText(edit)(prompt)));
  return withField(edited, 'suffix', inText(edit));
}

export const replyTexts = (body: JsonObject, edit: Edit): JsonObject =>
  withField(body, 'choices', (choices) => mapped(choices, (choice) => withoutLogprobs(choice, within(choice, 'text', inText(edit)))));

export function frameTexts(frame: Frame, edit: Edit): Frame {
  const body = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(body)) return frame;
  const edited = replyTexts(body, edit);
  return edited === body ? frame : frameWithData(frame, JSON.stringify(edited));
}
