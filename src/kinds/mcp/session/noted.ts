import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { ENDED, type McpEnd, type WatchedAnswer } from '../watch.ts';
import { isId, type RpcId } from '../wire/message.ts';

/** Where the head of a session's stream says that something may have been noted, to be asked for once it is over. */
const NOTED = 'weir-noted';

/** Requests of which it is known at the same time: the door fetches it, unless it was ended meanwhile. */
const MOST = 1_000;
/** Characters of it that the head of an answer has room for. */
const MOST_IN_HEAD = 4_096;

/** Takes a fact for the log row. */
export type Note = (fact: string, value: Json) => void;

/** What policies and sources noted inside of a session, until the door fetches it, which writes the log. */
export class Noted {
  readonly #requests = new Map<string, Map<RpcId, { [fact: string]: Json }>>();

  /** Of one message of a POST, which the door knows by its request id. */
  of(requestId: string, id: RpcId): Note {
    return (fact, value) => {
      const messages = this.#requests.get(requestId) ?? new Map<RpcId, { [fact: string]: Json }>();
      messages.set(id, { ...messages.get(id), [fact]: value });
      this.#requests.set(requestId, messages);
      const [oldest] = this.#requests.keys();
      if (this.#requests.size > MOST && oldest !== undefined) this.#requests.delete(oldest);
    };
  }

  /** What was noted of a POST, message by message; it is forgotten. */
  take(requestId: string): readonly (readonly [id: RpcId, notes: JsonObject])[] {
    const messages = this.#requests.get(requestId);
    this.#requests.delete(requestId);
    return [...(messages ?? [])];
  }

  /** An answer whose head says what was noted, beside how it ended; of a stream, that it can be asked for. */
  head(response: Response, requestId: string): Response {
    const { headers } = response;
    if (/^text\/event-stream\b/i.test(headers.get('content-type') ?? '')) headers.set(NOTED, '1');
    const ended = parseJson(headers.get(ENDED) ?? '');
    const [[, notes] = []] = isObject(ended) ? this.take(requestId) : [];
    if (notes === undefined) return response;
    const said = inAscii(JSON.stringify({ ...(isObject(ended) ? ended : {}), notes }));
    if (said.length <= MOST_IN_HEAD) headers.set(ENDED, said);
    return response;
  }
}

const inAscii = (text: string) =>
  text.replaceAll(/[\u007f-\uffff]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** A stream whose ends say what a session noted of each. `ask` asks the session once the stream is over. */
export function withNoted(answer: WatchedAnswer, ask: () => Promise<string>): WatchedAnswer {
  const { headers } = answer.response;
  if (answer.cut === undefined || !headers.has(NOTED)) return answer;
  headers.delete(NOTED);
  const each = new Map(answer.each);
  const end = answer.end.then(async (last): Promise<McpEnd> => {
    // Where it cannot be had, the row does without.
    const noted = readNoted(await ask().catch(() => ''));
    for (const [id, how] of answer.each) each.set(id, { ...how, ...noteOf(noted, id) });
    const [first] = noted.keys();
    return first === undefined ? last : { ...last, ...noteOf(noted, first) };
  });
  return { ...answer, end, each };
}

const noteOf = (noted: ReadonlyMap<RpcId, JsonObject>, id: RpcId): Pick<McpEnd, 'notes'> => {
  const notes = noted.get(id);
  return notes === undefined ? {} : { notes };
};

function readNoted(text: string): ReadonlyMap<RpcId, JsonObject> {
  const said = parseJson(text);
  const found = new Map<RpcId, JsonObject>();
  for (const entry of isArray(said) ? said : []) {
    const [id, notes] = isArray(entry) ? entry : [];
    if (isId(id) && isObject(notes)) found.set(id, notes);
  }
  return found;
}
