import { asString, isObject, type JsonObject, parseJson } from '../../core/json.ts';
import { type Frame, FrameSplitter, joinBytes } from '../../core/sse.ts';
import { callsOf, type Identity, isCompletion, textOf } from './reply.ts';

/** The frames of a model's stream as chunks of a chat completion; those that are such already pass untouched. */
export function chunksOf(identity: Identity): TransformStream<Uint8Array, Uint8Array> {
  const splitter = new FrameSplitter();
  const chunks = new Chunks(identity);
  return new TransformStream({
    transform(bytes, controller) {
      for (const frame of splitter.push(bytes)) {
        const written = chunks.write(frame);
        if (written.length > 0) controller.enqueue(written);
      }
    },
    // What is behind the last whole frame was cut: it goes on as it is, and nothing says that the answer is complete.
    flush(controller) {
      if (splitter.rest.length > 0) controller.enqueue(splitter.rest);
    },
  });
}

const encoder = new TextEncoder();
const NOTHING = new Uint8Array();

/** One stream's state: `{response}` again and again, with `usage` in the last, and `[DONE]` behind it. */
class Chunks {
  readonly #identity: Identity;
  #isOwn = false;
  #begun = false;
  #calls = 0;
  #finish: string | undefined;
  #usage: JsonObject | undefined;

  constructor(identity: Identity) {
    this.#identity = identity;
  }

  write(frame: Frame): Uint8Array {
    const { data } = frame;
    if (data === '[DONE]') return this.#end(frame);
    const piece = data === undefined ? undefined : parseJson(data);
    if (!isObject(piece) || isCompletion(piece) || piece.error !== undefined) return frame.bytes;
    this.#isOwn = true;
    if (isObject(piece.usage)) this.#usage = piece.usage;
    this.#finish = asString(piece.finish_reason) ?? this.#finish;
    const delta = this.#delta(piece);
    return delta === undefined ? NOTHING : this.#chunk({ choices: [{ index: 0, delta, finish_reason: null }] });
  }

  #delta(piece: JsonObject): JsonObject | undefined {
    const content = textOf(piece.response) ?? '';
    const calls = callsOf(piece.tool_calls, this.#identity.id, this.#calls);
    this.#calls += calls.filter((call) => 'id' in call).length;
    if (content === '' && calls.length === 0) return undefined;
    const role = this.#begun ? {} : { role: 'assistant' };
    this.#begun = true;
    return { ...role, ...(content !== '' && { content }), ...(calls.length > 0 && { tool_calls: calls }) };
  }

  #end(frame: Frame): Uint8Array {
    if (!this.#isOwn) return frame.bytes;
    const reason = this.#finish ?? (this.#calls > 0 ? 'tool_calls' : 'stop');
    const last = this.#chunk({ choices: [{ index: 0, delta: {}, finish_reason: reason }] });
    const usage = this.#usage === undefined ? NOTHING : this.#chunk({ choices: [], usage: this.#usage });
    return joinBytes(last, usage, frame.bytes);
  }

  #chunk(fields: JsonObject): Uint8Array {
    const { id, model, created } = this.#identity;
    return encoder.encode(`data: ${JSON.stringify({ id, object: 'chat.completion.chunk', created, model, ...fields })}\n\n`);
  }
}
