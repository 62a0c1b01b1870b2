import { mapped, withField, within } from '../../core/edit.ts';
import { isArray, isObject, type Json, parseJson } from '../../core/json.ts';
import { withoutLogprobs } from '../../core/openai/fields.ts';
import { type Frame, frameWithData } from '../../core/sse.ts';

/** The frame with the text of its deltas edited; the same frame when nothing changed. Empty texts are no chunks. */
export function frameTexts(frame: Frame, edit: (text: string) => string): Frame {
  const body = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(body)) return frame;
  const inText = (value: Json): Json => (typeof value === 'string' && value !== '' ? edit(value) : value);
  const inPart = (part: Json): Json => (isObject(part) && part.type === 'text' ? withField(part, 'text', inText) : part);
  const inDelta = (delta: Json): Json =>
    within(delta, 'content', (content) => (isArray(content) ? mapped(content, inPart) : inText(content)));
  const edited = withField(body, 'choices', (choices) =>
    mapped(choices, (choice) => withoutLogprobs(choice, within(choice, 'delta', inDelta))),
  );
  return edited === body ? frame : frameWithData(frame, JSON.stringify(edited));
}
