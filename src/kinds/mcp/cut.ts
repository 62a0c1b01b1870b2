import { eventText } from './wire/events.ts';

const LINE_END = 10;

/** Ends a stream of events before its time. */
export class StreamCut {
  #controller: TransformStreamDefaultController<Uint8Array> | undefined;
  /** The last two bytes that have passed. */
  #last: readonly [number, number] = [LINE_END, LINE_END];

  starts(controller: TransformStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
  }

  /** Whether it has been ended: what still comes goes nowhere. */
  get isMade(): boolean {
    return this.#controller === undefined;
  }

  passed(bytes: Uint8Array): void {
    const last = bytes.at(-1);
    if (last !== undefined) this.#last = [bytes.at(-2) ?? this.#last[1], last];
  }

  /** `texts`: the last messages. In the midst of an event nothing is said, since that would become a part of it. */
  make(texts: readonly string[]): void {
    const controller = this.#controller;
    this.#controller = undefined;
    if (controller === undefined) return;
    try {
      if (this.#last.every((byte) => byte === LINE_END)) for (const text of texts) controller.enqueue(encoder.encode(eventText(text)));
      controller.terminate();
    } catch {
      // It has ended by itself.
    }
  }
}

const encoder = new TextEncoder();
