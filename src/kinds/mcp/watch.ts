import { errorCodes } from '../../core/errors.ts';
import { isObject, type JsonObject } from '../../core/json.ts';
import { StreamCut } from './cut.ts';
import { APPROVAL } from './transforms/approve/answers.ts';
import { EventReader } from './wire/events.ts';
import { type Message, type RpcId, readMessages } from './wire/message.ts';

/** How a request ended, as its answer tells. */
export interface McpEnd {
  /** `accepted`: the answer comes on another stream, later than the log waits for it (HTTP+SSE). */
  readonly outcome: 'complete' | 'tool-error' | 'error' | 'input-required' | 'accepted' | 'cancelled' | 'interrupted';
  /** Of an error: the number of the protocol, and the gateway's own code where it is one of those. */
  readonly code?: number;
  readonly errorCode?: string;
  /** A result of the gateway's, which says that the call was not made. */
  readonly isUnmade?: true;
  /** What was noted of it where it was answered, for the log row. */
  readonly notes?: JsonObject;
}

/** One event or document that is larger is passed on and not looked into. */
const LOOKED_INTO = 4 * 1024 * 1024;

/** Where an answer that is one document says how it ended, on its way to the door: then nobody has to look into it there. */
export const ENDED = 'weir-ended';
const TELLING = ['"error"', '"isError"', '"input_required"'];
/** Of a result with nothing special in it. */
export const COMPLETE = JSON.stringify({ outcome: 'complete' } satisfies McpEnd);

/** How the one request ended that a document answers, for the head of the answer; empty where it does not say. */
export function endText(text: string): string {
  // What would be another end says so in one of these words.
  if (!TELLING.some((word) => text.includes(word))) return COMPLETE;
  const [ended, ...others] = endsIn(text);
  return ended === undefined || others.length > 0 ? '' : JSON.stringify(ended.end);
}

/** An answer on its way out. */
export interface WatchedAnswer {
  readonly response: Response;
  /** How it ended: the last thing that is known when it has gone. */
  readonly end: Promise<McpEnd>;
  /** How the requests of a batch ended, each by its id: all that is known once `end` is. */
  readonly each: ReadonlyMap<RpcId, McpEnd>;
  /** Ends a stream before its time, with these last messages; absent where the answer is none. */
  readonly cut?: (texts: readonly string[]) => void;
}

export function watchAnswer(response: Response): WatchedAnswer {
  const { promise: end, resolve } = Promise.withResolvers<McpEnd>();
  const { body, status } = response;
  if (body === null) {
    resolve({ outcome: status < 400 ? 'complete' : 'error' });
    return { response, end, each: new Map() };
  }
  const ended = response.headers.get(ENDED);
  if (ended !== null && ended !== '') {
    resolve(JSON.parse(ended));
    return { response, end, each: new Map() };
  }
  const isStream = /^text\/event-stream\b/i.test(response.headers.get('content-type') ?? '');
  const reader = isStream ? new EventReader(LOOKED_INTO) : undefined;
  const pieces: Uint8Array[] = [];
  const each = new Map<RpcId, McpEnd>();
  let found: McpEnd | undefined;
  let looks = true;
  const look = (bytes: Uint8Array) => {
    if (reader === undefined) pieces.push(bytes);
    else for (const { data } of reader.push(bytes)) note(data ?? '');
  };
  const note = (text: string) => {
    for (const { id, end: ended } of endsIn(text)) {
      found = ended;
      if (id !== null) each.set(id, ended);
    }
  };
  const cut = new StreamCut();
  const watched = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      start: (controller) => cut.starts(controller),
      transform(bytes, controller) {
        if (cut.isMade) return;
        controller.enqueue(bytes);
        cut.passed(bytes);
        try {
          if (looks) look(bytes);
        } catch {
          looks = false;
        }
      },
      flush() {
        if (reader === undefined) note(new TextDecoder().decode(joined(pieces)));
        resolve(found ?? { outcome: 'interrupted' });
      },
      cancel() {
        resolve(found ?? { outcome: 'cancelled' });
      },
    }),
  );
  const answer = { response: new Response(watched, response), end, each };
  if (reader === undefined) return answer;
  return {
    ...answer,
    cut(texts) {
      for (const text of texts) note(text);
      cut.make(texts);
      resolve(found ?? { outcome: 'interrupted' });
    },
  };
}

/** What one or several messages say of the ends of requests; nothing where they are no answers. */
function endsIn(text: string): readonly { readonly id: RpcId | null; readonly end: McpEnd }[] {
  if (!text.includes('"result"') && !text.includes('"error"')) return [];
  try {
    return readMessages(text).messages.flatMap((message) => (message.type === 'response' ? [{ id: message.id, end: endOf(message) }] : []));
  } catch {
    return [];
  }
}

function endOf({ error, result }: Extract<Message, { type: 'response' }>): McpEnd {
  if (error !== undefined) {
    const { code, data } = error;
    const own = isObject(data) ? data.code : undefined;
    // A server may write there what it likes; only codes of the table are told apart.
    const isOwn = typeof own === 'string' && Object.hasOwn(errorCodes, own);
    return { outcome: 'error', ...(typeof code === 'number' ? { code } : {}), ...(isOwn ? { errorCode: own } : {}) };
  }
  const fields = result?.fields;
  if (fields?.get('resultType') === 'input_required') return { outcome: 'input-required' };
  if (fields?.has('isError') !== true || fields.get('isError') !== true) return { outcome: 'complete' };
  const meta = fields.get('_meta');
  return { outcome: 'tool-error', ...(isObject(meta) && Object.hasOwn(meta, APPROVAL) ? { isUnmade: true } : {}) };
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
