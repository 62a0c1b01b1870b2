import { isObject, type JsonObject } from '../../../core/json.ts';
import type { Wire } from '../../../core/wire.ts';
import type { Client, Question } from '../sources/source.ts';
import { ANSWER_FOR } from '../state.ts';
import { codes, RpcError, UNANSWERED } from '../wire/errors.ts';
import type { RpcId, RpcResponse } from '../wire/message.ts';

const CAPABILITIES: { readonly [method: string]: string } = {
  'elicitation/create': 'elicitation',
  'sampling/createMessage': 'sampling',
  'roots/list': 'roots',
  // Of tasks that the client runs for its server (2025-11-25).
  'tasks/get': 'tasks',
  'tasks/result': 'tasks',
  'tasks/list': 'tasks',
  'tasks/cancel': 'tasks',
};

/** Throws -32601 where the client has not said that it can be asked this. */
export function checkAskable({ capabilities }: Client, { method }: Question): void {
  const capability = Object.hasOwn(CAPABILITIES, method) ? CAPABILITIES[method] : undefined;
  if (capability === undefined || !isObject(capabilities[capability])) {
    throw new RpcError(codes.methodNotFound, `The client cannot be asked ${method.slice(0, 64)}.`);
  }
}

interface Waiting {
  readonly resolve: (answer: JsonObject) => void;
  readonly reject: (error: RpcError) => void;
}

/** Questions that are on their way to a client of the old way, under ids of the gateway's own. */
export class Questions {
  readonly #waiting = new Map<RpcId, Waiting>();

  /** `send` puts the question on a stream. Rejects with the client's error, when it takes too long, and when the request it belongs to is over. */
  put(send: (id: RpcId) => void, signal: AbortSignal): Promise<JsonObject> {
    const id = `weir-${crypto.randomUUID()}`;
    const { promise, resolve, reject } = Promise.withResolvers<JsonObject>();
    const late = setTimeout(() => reject(new RpcError(codes.internal, 'The client did not answer in time.', UNANSWERED)), ANSWER_FOR);
    const gone = () => reject(new RpcError(codes.internal, 'The request was cancelled.', UNANSWERED));
    signal.addEventListener('abort', gone, { once: true });
    this.#waiting.set(id, { resolve, reject });
    send(id);
    return promise.finally(() => {
      clearTimeout(late);
      signal.removeEventListener('abort', gone);
      this.#waiting.delete(id);
    });
  }

  /** An answer of the client's. One to nothing that is waited for is passed over. */
  answer({ id, result, error }: RpcResponse): void {
    const waiting = id === null ? undefined : this.#waiting.get(id);
    if (waiting === undefined) return;
    if (result !== undefined) waiting.resolve(result.json());
    else waiting.reject(errorOf(error ?? {}));
  }
}

function errorOf({ code, message, data }: JsonObject): RpcError {
  return new RpcError(typeof code === 'number' ? code : codes.internal, typeof message === 'string' ? message : '', {
    data,
    isForeign: true,
  });
}

/** What a modern client brings with it: the answer to each question, by the key it was given under. */
export function answersIn(params: Wire): JsonObject {
  const answers = params.fields.get('inputResponses');
  return isObject(answers) ? answers : {};
}
