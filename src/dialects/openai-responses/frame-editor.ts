import type { ChatChunk } from '../../core/chat.ts';
import type { FrameEditor } from '../../core/dialect.ts';
import { asNumber, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { Frame, frameWithData } from '../../core/sse.ts';
import { objectsOf } from './fields.ts';
import { frameTexts } from './frame-texts.ts';

/** Where a text stands in the output. */
interface Place {
  readonly item: number;
  readonly content: number;
  readonly itemId: string | undefined;
  /** Whether it comes only whole, of vendors who send no deltas. */
  readonly isWhole: boolean;
}

/**
 * Edits a stream of this dialect, which says every text up to five times: in deltas, then whole in the events that end
 * it, its content part, its item and the response. Until a policy touches something, every frame leaves as it came.
 * From then on the repeated texts are made of what was let through, and events are numbered anew. What repeats a text
 * waits until nothing of that text is held back any more.
 */
export class RepeatEditor implements FrameEditor {
  /** What was let through of each part. */
  readonly #said = new Map<number, string>();
  readonly #places = new Map<number, Place>();
  readonly #held: Frame[] = [];
  /** The number of the next event; absent while nothing has been touched. */
  #next: number | undefined;
  #touched = false;

  edit(frame: Frame, before: readonly ChatChunk[], after: readonly ChatChunk[]): readonly Frame[] {
    const event = frame.data === undefined ? undefined : parseJson(frame.data);
    if (!isObject(event)) return [frame];
    this.#learn(event, before);
    for (const chunk of after) if (chunk.type === 'text') this.#said.set(chunk.part, (this.#said.get(chunk.part) ?? '') + chunk.text);
    const isTouched = after.length !== before.length || after.some((chunk, index) => chunk !== before[index]);
    if (isTouched && !this.#touched) {
      this.#touched = true;
      this.#next = asNumber(event.sequence_number);
    }
    if (!this.#touched) return [frame];
    if (before.length === 0 && (this.#held.length > 0 || repeats(event))) {
      this.#held.push(frame);
      return [];
    }
    return this.#release(frame, event, before, after);
  }

  /** What was held back and is let go goes first, then what repeats it, then the frame itself. */
  #release(frame: Frame, event: JsonObject, before: readonly ChatChunk[], after: readonly ChatChunk[]): readonly Frame[] {
    const isDelta = event.type === DELTA;
    const own = new Set(isDelta ? before.flatMap((chunk) => (chunk.type === 'text' ? [chunk.part] : [])) : []);
    const out: Frame[] = [];
    for (const chunk of after) {
      if (chunk.type === 'text' && chunk.text !== '' && !own.has(chunk.part)) out.push(...this.#delta(chunk.part, chunk.text));
    }
    out.push(...this.#held.splice(0).map((held) => this.#numbered(this.#repeated(held))));
    if (!isDelta) {
      if (repeats(event) && before.length > 0 && !isResponse(event)) this.#held.push(frame);
      else out.push(this.#numbered(this.#repeated(frame)));
      return out;
    }
    const text = after.map((chunk) => (chunk.type === 'text' && own.has(chunk.part) ? chunk.text : '')).join('');
    if (text !== '') out.push(this.#numbered(text === event.delta ? frame : frameTexts(frame, () => text)));
    return out;
  }

  /** Notes where the texts of these chunks stand. */
  #learn(event: JsonObject, before: readonly ChatChunk[]): void {
    const parts = before.flatMap((chunk) => (chunk.type === 'text' && !this.#places.has(chunk.part) ? [chunk.part] : []));
    if (parts.length === 0) return;
    const slots = slotsOf(event);
    for (const [at, part] of parts.entries()) {
      const slot = slots[at];
      if (slot !== undefined) this.#places.set(part, slot);
    }
  }

  #delta(part: number, delta: string): readonly Frame[] {
    const place = this.#places.get(part);
    if (place === undefined || place.isWhole) return [];
    const { item, content, itemId } = place;
    const event = { type: DELTA, item_id: itemId, output_index: item, content_index: content, delta, logprobs: [] };
    const numbered = this.#next === undefined ? event : { ...event, sequence_number: this.#next++ };
    return [Frame.of(`event: ${DELTA}\ndata: ${JSON.stringify(numbered)}\n\n`)];
  }

  /** The frame with every text in it as it was let through. */
  #repeated(frame: Frame): Frame {
    const event = parseJson(frame.data ?? '');
    if (!isObject(event) || !repeats(event)) return frame;
    const texts = this.#textsIn(event);
    return frameTexts(frame, () => texts.shift() ?? '');
  }

  /** The texts of the response, of one item or of one content part, in the order of the output. */
  #textsIn(event: JsonObject): string[] {
    const item = asNumber(event.output_index);
    const content = asNumber(event.content_index);
    return [...this.#places]
      .filter(([, place]) => isResponse(event) || (place.item === item && (content === undefined || place.content === content)))
      .sort(([, a], [, b]) => a.item - b.item || a.content - b.content)
      .map(([part]) => this.#said.get(part) ?? '');
  }

  #numbered(frame: Frame): Frame {
    const event = parseJson(frame.data ?? '');
    if (this.#next === undefined || !isObject(event) || asNumber(event.sequence_number) === undefined) return frame;
    const number = this.#next++;
    return event.sequence_number === number ? frame : frameWithData(frame, JSON.stringify({ ...event, sequence_number: number }));
  }
}

const DELTA = 'response.output_text.delta';
const isResponse = (event: JsonObject): boolean => isObject(event.response);

const REPEATS: ReadonlySet<unknown> = new Set([
  'response.output_text.done',
  'response.content_part.done',
  'response.output_item.done',
  'response.completed',
  'response.incomplete',
  'response.failed',
]);
const repeats = (event: JsonObject): boolean => REPEATS.has(event.type);

/** The places of the texts in an event, in its order; empty texts are none. */
function slotsOf(event: JsonObject): readonly Place[] {
  const item = asNumber(event.output_index) ?? 0;
  if (isObject(event.response)) return objectsOf(event.response.output).flatMap(slotsOfItem);
  if (isObject(event.item)) return slotsOfItem(event.item, item);
  return [{ item, content: asNumber(event.content_index) ?? 0, itemId: idOf(event.item_id), isWhole: event.type !== DELTA }];
}

const slotsOfItem = (value: JsonObject, item: number): readonly Place[] =>
  objectsOf(value.content).flatMap((part, content) =>
    value.type === 'message' && part.type === 'output_text' && part.text !== ''
      ? [{ item, content, itemId: idOf(value.id), isWhole: true }]
      : [],
  );

const idOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
