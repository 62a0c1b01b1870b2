import { GatewayError } from '../../../core/errors.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { FrameSplitter } from '../../../core/sse.ts';
import { hasEnded } from './envelope.ts';
import { checkAnswers, type Item, inputItems, replayed } from './items.ts';
import { outputOf } from './kept.ts';

/** Turns that may wait for the one that is being answered. */
const WAITING = 16;

/** What a session works with. */
export interface SessionDeps {
  send(text: string): void;
  /** One turn as an HTTP call of its own: a stream of server-sent events, or an error's body. */
  ask(body: JsonObject): Promise<{ readonly status: number; readonly body: ReadableStream<Uint8Array> | null }>;
  /** An error as this dialect's HTTP answers write it. */
  writeError(error: GatewayError): { readonly status: number; readonly body: JsonObject };
  /** The event of a response that failed. */
  failed(body: JsonObject, error: GatewayError): JsonObject;
  /** An answer without content, for a call that only prepares the next one. */
  prepared(body: JsonObject): readonly JsonObject[];
}

/** The last response of a connection that nobody else keeps: its id, and all that was said up to its end. */
interface Last {
  readonly id: string;
  readonly items: readonly Item[];
}

interface Turn {
  readonly body: JsonObject;
  /** The whole conversation, where it is known. */
  readonly items: readonly Item[] | undefined;
  /** What the caller continues, where that is known to this connection alone. */
  readonly previous: string | undefined;
  readonly lane: { readonly stream_id?: Json };
}

/**
 * The WebSocket mode of Responses: one `response.create` at a time in, its events as JSON texts out. A response with
 * `store: false` can be continued on the connection that made it, from memory, until a continuation of it fails.
 * Sources: developers.openai.com, "WebSocket mode"; openresponses.org, specification, WebSocket transport.
 */
export class ResponsesSession {
  readonly #deps: SessionDeps;
  #last: Last | undefined;
  #reader: ReadableStreamDefaultReader<Uint8Array> | undefined;
  #waiting = 0;
  #queue: Promise<void> = Promise.resolve();

  constructor(deps: SessionDeps) {
    this.#deps = deps;
  }

  /** Takes one message; resolves when its turn is over. Never rejects. */
  receive(text: string): Promise<void> {
    if (this.#waiting >= WAITING) {
      this.#refuse(new GatewayError('rate_limited', 'One response at a time: wait for the end of those that were asked for.'), {});
      return Promise.resolve();
    }
    this.#waiting++;
    this.#queue = this.#queue.then(() => this.#answer(text)).finally(() => this.#waiting--);
    return this.#queue;
  }

  async #answer(text: string): Promise<void> {
    const message = parseJson(text);
    const lane = isObject(message) && message.stream_id !== undefined ? { stream_id: message.stream_id } : {};
    const continues = isObject(message) ? asString(message.previous_response_id) : undefined;
    try {
      const turn = this.#turn(createdBy(message), lane);
      const done = isObject(message) && message.generate === false ? this.#prepare(turn) : await this.#run(turn);
      if (done) return;
    } catch (thrown) {
      this.#refuse(GatewayError.from(thrown), lane);
    }
    // What cannot be continued now would be continued from a state that the caller takes for another.
    if (continues !== undefined && continues === this.#last?.id) this.#last = undefined;
  }

  #turn({ stream_id: _, generate: __, type: ___, ...body }: JsonObject, lane: Turn['lane']): Turn {
    const previous = asString(body.previous_response_id);
    const last = previous !== undefined && previous === this.#last?.id ? this.#last : undefined;
    const input = inputItems(body.input);
    if (last === undefined) {
      return {
        body: sealing(body),
        items: previous === undefined && body.conversation == null ? input : undefined,
        previous: undefined,
        lane,
      };
    }
    checkAnswers([...last.items, ...input]);
    const items = [...last.items, ...input];
    const { previous_response_id: _id, ...left } = body;
    return { body: sealing({ ...left, input: [...replayed(last.items, true), ...input] }), items, previous, lane };
  }

  /** Answers without asking a model: the caller wants the state ready before its first turn. */
  #prepare(turn: Turn): boolean {
    for (const event of this.#deps.prepared(turn.body)) this.#tell(event, { ...turn, body: { ...turn.body, store: false } });
    return true;
  }

  /** Whether the turn came to its end. */
  async #run(turn: Turn): Promise<boolean> {
    const { status, body } = await this.#deps.ask({ ...turn.body, stream: true });
    if (body === null) throw new GatewayError('internal', 'The gateway failed to answer. Report the request id to the operator.');
    if (status !== 200) {
      const error = parseJson(await new Response(body).text());
      this.#deps.send(JSON.stringify({ ...this.#refusal(turn, status, isObject(error) ? error : {}), ...turn.lane }));
      return false;
    }
    const splitter = new FrameSplitter(Number.POSITIVE_INFINITY);
    let ended = false;
    let error: JsonObject | undefined;
    this.#reader = body.getReader();
    for (let read = await this.#reader.read(); !read.done; read = await this.#reader.read()) {
      for (const { data } of splitter.push(read.value)) {
        const event = data === undefined ? undefined : parseJson(data);
        if (!isObject(event)) continue;
        // A stream says an error twice, as an event and as the response that failed; here either is the end of a turn.
        error = event.type === 'error' ? event : event.type === 'response.failed' ? undefined : error;
        if (event.type !== 'error') ended = this.#tell(event, turn) || ended;
      }
    }
    if (error !== undefined) this.#deps.send(JSON.stringify({ ...asTurnError(error), ...turn.lane }));
    return ended;
  }

  /**
   * An error's body as a message. A limit that frees soon is told as OpenAI's streams tell one: Codex waits for as long as
   * the response that failed says, and gives up at an error with the status 429.
   */
  #refusal({ body }: Turn, status: number, told: JsonObject): JsonObject {
    const { error } = told;
    const message = status === 429 && isObject(error) ? asString(error.message) : undefined;
    if (message === undefined) return { type: 'error', status, ...told };
    return this.#deps.failed(body, new GatewayError('rate_limited', message));
  }

  /** The connection is gone: the answer that is under way is for nobody. */
  close(): void {
    this.#waiting = WAITING;
    this.#reader?.cancel().catch(() => undefined);
  }

  /** Hands one event on; whether it ends the turn well. */
  #tell(event: JsonObject, turn: Turn): boolean {
    const { response } = event;
    if (!isObject(response)) {
      this.#deps.send(JSON.stringify({ ...event, ...turn.lane }));
      return false;
    }
    const told = turn.previous === undefined ? response : { ...response, previous_response_id: turn.previous };
    const ended = hasEnded(response);
    // Before the caller can go on: its next message may be here already.
    if (ended) this.#remember(response, turn);
    this.#deps.send(JSON.stringify({ ...event, response: told, ...turn.lane }));
    return ended;
  }

  #remember(response: JsonObject, { body, items }: Turn): void {
    const id = asString(response.id);
    const isOurs = body.store === false && id !== undefined && items !== undefined;
    this.#last = isOurs ? { id, items: [...items, ...outputOf(response)] } : undefined;
  }

  #refuse(error: GatewayError, lane: Turn['lane']): void {
    const { status, body } = this.#deps.writeError(error);
    this.#deps.send(JSON.stringify({ type: 'error', status, ...body, ...lane }));
  }
}

function createdBy(message: Json | undefined): JsonObject {
  if (!isObject(message)) throw new GatewayError('invalid_json', 'A message is one JSON object.');
  if (message.type !== 'response.create') {
    throw new GatewayError('invalid_request', 'Messages are of the type response.create.', { param: 'type' });
  }
  if (message.background === true) {
    throw new GatewayError('not_supported', 'A WebSocket does not answer in the background: leave background out.', {
      param: 'background',
    });
  }
  return message;
}

/** The error event of a stream, as this transport says errors. */
function asTurnError({ code, message, param, error }: JsonObject): JsonObject {
  const said = isObject(error)
    ? error
    : { type: 'server_error', code: code ?? 'server_error', message: message ?? '', param: param ?? null };
  return { type: 'error', status: 500, error: said };
}

const ENCRYPTED = 'reasoning.encrypted_content';

/** A call that nobody stores, asking for its reasoning in the form in which it can be sent back. */
function sealing(body: JsonObject): JsonObject {
  if (body.store !== false) return body;
  const include = isArray(body.include) ? body.include : [];
  return include.includes(ENCRYPTED) ? body : { ...body, include: [...include, ENCRYPTED] };
}
