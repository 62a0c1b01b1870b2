import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { type Frame, frameWithData } from '../../core/sse.ts';
import { editBlock, editString, withMember } from './texts.ts';

/** The frame with the text of its delta, or of the block it begins, edited; the same frame when nothing changed. */
export function frameTexts(frame: Frame, edit: (text: string) => string): Frame {
  const event = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(event)) return frame;
  const edited = editEvent(event, edit);
  return edited === event ? frame : frameWithData(frame, JSON.stringify(edited));
}

function editEvent(event: JsonObject, edit: (text: string) => string): JsonObject {
  switch (event.type) {
    case 'content_block_start':
      return withMember(event, 'content_block', (block) =>
        isObject(block) && block.type === 'text' ? editBlock(block, nonEmpty(edit)) : block,
      );
    case 'content_block_delta':
      return withMember(event, 'delta', (delta) =>
        isObject(delta) && delta.type === 'text_delta' ? withMember(delta, 'text', editString(nonEmpty(edit))) : delta,
      );
    default:
      return event;
  }
}

/** Empty texts are no chunks: blocks begin with one. */
const nonEmpty = (edit: (text: string) => string) => (text: string) => (text === '' ? text : edit(text));
