import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';

/** What every chunk of one answer carries. */
export interface Identity {
  readonly id: string;
  readonly model: string;
  /** Unix seconds. */
  readonly created: number;
}

/** Whether it has the form of a chat completion already, as newer models answer. */
export const isCompletion = (answer: JsonObject): boolean => isArray(answer.choices);

/** `{response, tool_calls, usage}` as a chat completion. An answer of no known form stays as it is, and is refused where it is read. */
export function completionOf(value: Json, { id, model, created }: Identity): JsonObject {
  const answer = unwrapped(value);
  if (isCompletion(answer) || !isAnswer(answer)) return answer;
  const calls = callsOf(answer.tool_calls, id, 0);
  const message = { role: 'assistant', content: textOf(answer.response), ...(calls.length > 0 && { tool_calls: calls }) };
  const finish = asString(answer.finish_reason) ?? (calls.length > 0 ? 'tool_calls' : 'stop');
  return {
    id,
    object: 'chat.completion',
    created,
    model,
    choices: [{ index: 0, message, finish_reason: finish }],
    ...(isObject(answer.usage) && { usage: answer.usage }),
  };
}

/**
 * `{shape, data: [[…]]}` in the form of OpenAI's embeddings.
 * Source: https://developers.cloudflare.com/workers-ai/models/bge-base-en-v1.5/
 */
export function embeddingsOf(value: Json, model: string): JsonObject {
  const { data } = unwrapped(value);
  const items = isArray(data) ? data.map((embedding, index) => ({ object: 'embedding', index, embedding })) : [];
  return { object: 'list', data: items, model };
}

/** The envelope of Cloudflare's API: `{result, success, errors}`. */
export const unwrapped = (value: Json): JsonObject => {
  if (!isObject(value)) return {};
  return isObject(value.result) && value.response === undefined ? value.result : value;
};

const isAnswer = ({ response, tool_calls: calls }: JsonObject) => response !== undefined || calls !== undefined;

/** With a JSON schema the answer is the object itself. */
export const textOf = (response: Json | undefined): string | null => {
  if (response === undefined || response === null) return null;
  return typeof response === 'string' ? response : JSON.stringify(response);
};

/**
 * The calls of an answer, numbered from `first`. The older form is `{name, arguments}` with the arguments as an object and
 * without an id; ids are made of the answer's, so that those of two answers differ.
 */
export function callsOf(value: Json | undefined, id: string, first: number): readonly JsonObject[] {
  return (isArray(value) ? value : []).filter(isObject).map((call, at) => {
    const called = isObject(call.function) ? call.function : call;
    const { arguments: given } = called;
    const index = asNumber(call.index) ?? first + at;
    // A later piece of a call has neither a name nor an id.
    const head =
      called.name === undefined || called.name === null
        ? {}
        : { id: asString(call.id) ?? `call_${id.slice(-12)}_${index}`, type: 'function' };
    const text = typeof given === 'string' ? given : given === undefined || given === null ? '' : JSON.stringify(given);
    return { index, ...head, function: { ...('id' in head && { name: called.name }), arguments: text } };
  });
}

/** `{errors: [{code, message}]}`, or `{internalCode, description}` of the binding, as OpenAI's errors are written. */
export function errorOf(value: Json): JsonObject {
  const answer = isObject(value) ? value : {};
  const [listed] = isArray(answer.errors) ? answer.errors : [];
  const error = isObject(listed) ? listed : isObject(answer.error) ? answer.error : answer;
  const message = asString(error.message) ?? asString(error.description) ?? 'Workers AI answered with an error.';
  const code = error.code ?? error.internalCode ?? null;
  return { error: { message, type: asString(error.name) ?? null, param: null, code: code === null ? null : String(code) } };
}
