import { isObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { replyTexts } from './texts.ts';

/** The frame with its texts edited; the same frame when nothing changed. Its events are one data line. */
export function frameTexts(frame: Frame, edit: (text: string) => string): Frame {
  const response = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(response)) return frame;
  const edited = replyTexts(response, edit);
  if (edited === response) return frame;
  const end = /[\r\n]+$/.exec(frame.text)?.[0] ?? '\n\n';
  return Frame.of(`data: ${JSON.stringify(edited)}${end}`);
}
