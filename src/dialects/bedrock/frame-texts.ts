import { EventStreamFrame, encodeEvent } from '../../core/eventstream.ts';
import { isObject, parseJson } from '../../core/json.ts';
import { Frame } from '../../core/sse.ts';
import { deltaText } from './texts.ts';

/** The frame with the text of its delta edited, cut as it came; the same frame when nothing changed. */
export function frameTexts(frame: Frame, edit: (text: string) => string): Frame {
  if (frame.event !== 'contentBlockDelta' || frame.data === undefined) return frame;
  const payload = parseJson(frame.data);
  if (!isObject(payload)) return frame;
  const edited = deltaText(payload, edit);
  if (edited === payload) return frame;
  const data = JSON.stringify(edited);
  return frame instanceof EventStreamFrame
    ? new EventStreamFrame(encodeEvent(frame.event, data), frame.event, data)
    : Frame.of(`event: ${frame.event}\ndata: ${data}\n\n`);
}
