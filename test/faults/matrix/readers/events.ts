import { parseEvents } from '../../../client.ts';
import { fieldsOf, type Notes } from './reading.ts';

export interface Event {
  readonly name: string | undefined;
  readonly data: string;
  readonly fields: { readonly [field: string]: unknown };
}

/** The events of a stream, comments left out. `rest`: what may stand unfinished at its end. */
export function eventsOf(bytes: Buffer, notes: Notes, rest = /^$/): readonly Event[] {
  const parsed = parseEvents(bytes);
  notes.must(rest.test(parsed.rest), `unfinished at the end: ${parsed.rest.slice(0, 80)}`);
  return parsed.events.flatMap(({ event, data, comment }) => {
    if (data === '[DONE]') return [{ name: event, data, fields: {} }];
    const fields = data === undefined ? undefined : read(data);
    if (fields === undefined || data === undefined) {
      if (comment === undefined) notes.torn += 1;
      return [];
    }
    return [{ name: event, data, fields }];
  });
}

function read(text: string): Event['fields'] | undefined {
  try {
    return fieldsOf(JSON.parse(text));
  } catch {
    return undefined;
  }
}
