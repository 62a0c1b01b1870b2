import { isObject } from '../../core/json.ts';
import { EventReader } from './wire/events.ts';
import { readMessage } from './wire/message.ts';

/** How a request ended, as its answer tells. */
export interface McpEnd {
  readonly outcome: 'complete' | 'tool-error' | 'error' | 'input-required' | 'cancelled' | 'interrupted';
  /** Of an error: the number of the protocol, and the gateway's own code where it is one of those. */
  readonly code?: number;
  readonly errorCode?: string;
}

/** One event or document that is larger is passed on and not looked into. */
const LOOKED_INTO = 4 * 1024 * 1024;

/** The answer as it goes out, and how it ended: the last thing that is known when it has gone. */
export function watchAnswer(response: Response): { readonly response: Response; readonly end: Promise<McpEnd> } {
  const { promise: end, resolve } = Promise.withResolvers<McpEnd>();
  const { body, status } = response;
  if (body === null) {
    resolve({ outcome: status < 400 ? 'complete' : 'error' });
    return { response, end };
  }
  const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
  const reader = isStream ? new EventReader(LOOKED_INTO) : undefined;
  const pieces: Uint8Array[] = [];
  let found: McpEnd | undefined;
  let looks = true;
  const look = (bytes: Uint8Array) => {
    if (reader === undefined) pieces.push(bytes);
    else for (const { data } of reader.push(bytes)) found = data === undefined ? found : (endOf(data) ?? found);
  };
  const watched = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(bytes, controller) {
        controller.enqueue(bytes);
        try {
          if (looks) look(bytes);
        } catch {
          looks = false;
        }
      },
      flush() {
        if (reader === undefined) found = endOf(new TextDecoder().decode(joined(pieces)));
        resolve(found ?? { outcome: 'interrupted' });
      },
      cancel() {
        resolve(found ?? { outcome: 'cancelled' });
      },
    }),
  );
  return { response: new Response(watched, response), end };
}

/** What a message says of the end; nothing where it is none. */
function endOf(text: string): McpEnd | undefined {
  if (!text.includes('"result"') && !text.includes('"error"')) return undefined;
  try {
    const message = readMessage(text);
    if (message.type !== 'response') return undefined;
    if (message.error !== undefined) {
      const { code, data } = message.error;
      const own = isObject(data) ? data.code : undefined;
      return { outcome: 'error', ...(typeof code === 'number' ? { code } : {}), ...(typeof own === 'string' ? { errorCode: own } : {}) };
    }
    const { fields } = message.result ?? { fields: undefined };
    if (fields?.get('resultType') === 'input_required') return { outcome: 'input-required' };
    return { outcome: fields?.has('isError') === true && fields.get('isError') === true ? 'tool-error' : 'complete' };
  } catch {
    return undefined;
  }
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
