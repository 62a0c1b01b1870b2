import { mapped, withField, within } from '../../core/edit.ts';
import { GatewayError } from '../../core/errors.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';

type Edit = (text: string) => string;

const inText =
  (edit: Edit) =>
  (value: Json): Json =>
    typeof value === 'string' && value !== '' ? edit(value) : value;

/** Thinking stays as it is, as everywhere. */
const inContent = (message: Json, edit: Edit): Json => within(message, 'content', inText(edit));

export const texts = (body: JsonObject, edit: Edit): JsonObject =>
  withField(body, 'messages', (messages) => mapped(messages, (message) => inContent(message, edit)));

/** The edited answer without its `logprobs`, which repeat every token of the text that was edited away. */
export function replyTexts(body: JsonObject, edit: Edit): JsonObject {
  const edited = withField(body, 'message', (message) => inContent(message, edit));
  if (edited === body) return body;
  const { logprobs: _, ...others } = edited;
  return others;
}

/** The bytes of a line, or of a server-sent event, with the edited object; the same frame when nothing changed. */
export function frameTexts(frame: Frame, edit: Edit): Frame {
  const body = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(body)) return frame;
  const edited = replyTexts(body, edit);
  if (edited === body) return frame;
  const data = JSON.stringify(edited);
  const isLine = !frame.text.startsWith('data');
  return isLine ? new Frame(encoder.encode(`${data}\n`), { event: undefined, data }) : Frame.of(`data: ${data}\n\n`);
}

const encoder = new TextEncoder();

/** The body with an operator's instructions before the caller's messages, or behind those that lead them. */
export function addSystem(body: JsonObject, text: string, where: 'start' | 'end'): JsonObject {
  const { messages } = body;
  if (!isArray(messages)) throw new GatewayError('invalid_request', '"messages" must be an array.', { param: 'messages' });
  const firstOther = messages.findIndex((message) => !isObject(message) || message.role !== 'system');
  const at = where === 'start' ? 0 : firstOther < 0 ? messages.length : firstOther;
  return { ...body, messages: [...messages.slice(0, at), { role: 'system', content: text }, ...messages.slice(at)] };
}
