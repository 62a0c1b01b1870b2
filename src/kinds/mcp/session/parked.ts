import { isObject, type JsonObject } from '../../../core/json.ts';
import { Wire } from '../../../core/wire.ts';
import type { Outlet } from '../outlet.ts';
import type { Sealer } from '../seal.ts';
import type { Client, Question, SourceContext } from '../sources/source.ts';
import { ANSWER_FOR, sealParked } from '../state.ts';
import type { Asked } from '../virtual.ts';
import { codes, RpcError, rpcErrorOf, UNANSWERED } from '../wire/errors.ts';
import { errorText, notificationText, type RpcId, resultText } from '../wire/message.ts';
import type { Note } from './noted.ts';
import { answersIn, checkAskable } from './questions.ts';

/** Milliseconds in which questions of one server are put together. */
const TOGETHER = 20;

interface Open extends Question {
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: RpcError) => void;
}

interface Heard {
  readonly id: RpcId;
  /** For the log row of this request. */
  readonly note: Note;
  readonly outlet: Outlet;
}

/**
 * A modern client's request to a server that asks back in the old way. The client is answered with the questions and goes;
 * the request waits here, in memory, until the client comes back with the answers.
 */
export class ParkedCall {
  readonly #asked: Asked;
  readonly #client: Client;
  readonly #sealer: Sealer;
  readonly #park: string;
  readonly #controller = new AbortController();
  readonly #questions = new Map<string, Open>();
  #heard: Heard | undefined;
  #note: Note = () => undefined;
  #next = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #late: ReturnType<typeof setTimeout> | undefined;
  #ended: { readonly text: (id: RpcId) => string; readonly status: number } | undefined;

  constructor(park: string, asked: Asked, client: Client, sealer: Sealer) {
    this.#park = park;
    this.#asked = asked;
    this.#client = client;
    this.#sealer = sealer;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether the client may come back for it. */
  get isOver(): boolean {
    return this.#ended !== undefined && this.#heard !== undefined;
  }

  hear(heard: Heard): void {
    this.#heard = heard;
    this.#note = heard.note;
    clearTimeout(this.#late);
  }

  /** The client that is being answered has left: nobody waits for this any more. */
  left(outlet: Outlet): void {
    if (this.#heard?.outlet === outlet && this.#ended === undefined) this.#controller.abort(new Error('the client has left'));
  }

  /** What is noted belongs to the request that waits for the answer, or was the last to. */
  readonly note: Note = (fact, value) => this.#note(fact, value);

  readonly notify: SourceContext['notify'] = (method, params) => this.#heard?.outlet.tell(notificationText(method, params), true);

  readonly ask: SourceContext['ask'] = async (question) => {
    checkAskable(this.#client, question);
    const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
    const key = `q${this.#next}`;
    this.#next += 1;
    this.#questions.set(key, { ...question, resolve, reject });
    this.#timer ??= setTimeout(() => void this.#suspend(), TOGETHER);
    return promise;
  };

  /** The client is back. What it does not answer it is asked again. */
  resume(params: Wire, heard: Heard): void {
    this.hear(heard);
    const answers = answersIn(params);
    for (const [key, question] of this.#questions) {
      const answer = answers[key];
      if (!isObject(answer)) continue;
      this.#questions.delete(key);
      question.resolve(answer);
    }
    if (this.#ended !== undefined) this.#deliver();
    else if (this.#questions.size > 0) void this.#suspend();
  }

  /** Serves it to its end, whoever hears it then. */
  async run(work: () => Promise<Wire>, requestId: string): Promise<void> {
    try {
      const result = await work();
      this.#ended = { text: (id) => resultText(id, result), status: 200 };
    } catch (thrown) {
      const error = rpcErrorOf(thrown, requestId);
      this.#ended = { text: (id) => errorText(id, error), status: error.status ?? 200 };
    }
    clearTimeout(this.#timer);
    this.#deliver();
  }

  #deliver(): void {
    const heard = this.#heard;
    const ended = this.#ended;
    if (heard !== undefined && ended !== undefined) heard.outlet.finish(ended.text(heard.id), ended.status);
  }

  async #suspend(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const heard = this.#heard;
    if (heard === undefined || this.#questions.size === 0) return;
    this.#heard = undefined;
    const requestState = await sealParked(this.#park, this.#asked, this.#sealer);
    const inputRequests = Object.fromEntries([...this.#questions].map(([key, { method, params }]) => [key, { method, params }]));
    heard.outlet.finish(resultText(heard.id, Wire.of({ resultType: 'input_required', inputRequests, requestState })));
    this.#late = setTimeout(() => this.#forget(), ANSWER_FOR);
  }

  #forget(): void {
    const error = new RpcError(codes.internal, 'The client did not come back with an answer.', UNANSWERED);
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
    this.#controller.abort(error);
  }
}
