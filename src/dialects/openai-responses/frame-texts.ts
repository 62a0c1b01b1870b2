import { withField } from '../../core/edit.ts';
import { isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { type Frame, frameWithData } from '../../core/sse.ts';
import { inMessage, inOutputText, inText, nonEmpty, replyTexts } from './texts.ts';

type Edit = (text: string) => string;

/**
 * The frame with every text of the model's in it edited, whether it comes for the first time or is repeated; the same
 * frame when nothing changed.
 */
export function frameTexts(frame: Frame, edit: Edit): Frame {
  const event = frame.data === undefined ? undefined : parseJson(frame.data);
  if (!isObject(event)) return frame;
  const type = event.type ?? frame.event;
  const edited = (typeof type === 'string' && EDITS.get(type)?.(event, edit)) || event;
  return edited === event ? frame : frameWithData(frame, JSON.stringify(edited));
}

type EditEvent = (event: JsonObject, edit: Edit) => JsonObject;

const inField =
  (field: string): EditEvent =>
  (event, edit) => {
    const edited = withField(event, field, inText(nonEmpty(edit)));
    return edited === event ? event : withField(edited, 'logprobs', () => []);
  };
const inItem: EditEvent = (event, edit) => withField(event, 'item', (item) => (isObject(item) ? inMessage(item, edit) : item));
const inResponse: EditEvent = (event, edit) =>
  withField(event, 'response', (response) => (isObject(response) ? replyTexts(response, edit) : response));
const inPart: EditEvent = (event, edit) => withField(event, 'part', (part) => inOutputText(part, edit));

const EDITS: ReadonlyMap<string, EditEvent> = new Map([
  ['response.output_text.delta', inField('delta')],
  ['response.output_text.done', inField('text')],
  ['response.content_part.added', inPart],
  ['response.content_part.done', inPart],
  ['response.output_item.added', inItem],
  ['response.output_item.done', inItem],
  ['response.completed', inResponse],
  ['response.incomplete', inResponse],
  ['response.failed', inResponse],
]);
