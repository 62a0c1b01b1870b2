import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { mapped, withField, within, withoutLogprobs } from './texts.ts';

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
  return edited === body ? frame : withBody(frame, edited);
}

/** Other lines of the frame, and its line ends, stay: unless its data came in several lines. */
export function withBody(frame: Frame, body: JsonObject): Frame {
  const data = JSON.stringify(body);
  const { text, event } = frame;
  if (text.split(/\r\n|\n|\r/).filter((line) => line.startsWith('data')).length > 1) {
    return Frame.of(`${event === undefined ? '' : `event: ${event}\n`}data: ${data}\n\n`);
  }
  return Frame.of(text.replace(/(^|[\r\n])data:[^\r\n]*/, (_, before: string) => `${before}data: ${data}`));
}
