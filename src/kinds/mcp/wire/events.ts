import { FrameSplitter } from '../../../core/sse.ts';

/** One event of a stream of messages. */
export interface ServerEvent {
  readonly id?: string;
  /** Milliseconds the other side asks us to wait before we come back. */
  readonly retry?: number;
  /** What the event is called, where it is no `message`. */
  readonly event?: string;
  /** A message's text; absent for an event that only gives its stream a place. */
  readonly data?: string;
}

/** Cuts the bytes of a stream into events. An event larger than `limit` throws `event_too_large`. */
export class EventReader {
  readonly #splitter: FrameSplitter;

  constructor(limit: number) {
    this.#splitter = new FrameSplitter(limit);
  }

  push(bytes: Uint8Array): readonly ServerEvent[] {
    return this.#splitter.push(bytes).flatMap(({ text, data }) => {
      const event = { ...fieldsOf(text), ...(data === undefined || data.trim() === '' ? {} : { data }) };
      return Object.keys(event).length === 0 ? [] : [event];
    });
  }
}

/** `id`, `retry` and `event` (WHATWG HTML, "Server-sent events"). */
function fieldsOf(text: string): Pick<ServerEvent, 'id' | 'retry' | 'event'> {
  let id: string | undefined;
  let retry: number | undefined;
  let event: string | undefined;
  for (const line of text.split(/\r\n|\n|\r/)) {
    const match = /^(id|retry|event): ?(.*)$/.exec(line);
    const value = match?.[2];
    if (value === undefined) continue;
    if (match?.[1] === 'id') id = value.includes('\0') ? id : value;
    else if (match?.[1] === 'event') event = value;
    else if (/^\d{1,9}$/.test(value)) retry = Number(value);
  }
  return {
    ...(id === undefined ? {} : { id }),
    ...(retry === undefined ? {} : { retry }),
    ...(event === undefined || event === '' || event === 'message' ? {} : { event }),
  };
}

/** A message as an event. JSON has no line ends outside of its texts, where they are escaped; what was sent with some is written on one line. */
export function eventText(data: string, id?: string): string {
  const line = /[\r\n]/.test(data) ? data.replaceAll(/[\r\n]+/g, ' ') : data;
  return `${id === undefined ? '' : `id: ${id}\n`}event: message\ndata: ${line}\n\n`;
}

/** Gives a stream its place before there is anything to tell, so that it can be found again (2025-11-25, "Resumability"). */
export const primingText = (id: string, retry: number): string => `id: ${id}\nretry: ${retry}\ndata: \n\n`;

/** The first event of a stream of 2024-11-05: where its client posts what it has to say ("HTTP with SSE"). */
export const endpointText = (path: string): string => `event: endpoint\ndata: ${path}\n\n`;

export const KEEP_ALIVE = ': ping\n\n';
