import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from './errors.ts';
import { EventReader } from './reply-reader.ts';
import { EventWriter } from './reply-writer.ts';
import { tallied, usageOf } from './usage.ts';
import { inputOf } from './write-content.ts';

/** A JSON answer read as a stream that begins with all of it: there is one way to understand an answer. */
export function readReply(body: Json): readonly ChatChunk[] {
  const reader = new EventReader();
  return [...reader.event({ type: 'message_start', message: message(body) }), ...reader.event({ type: 'message_stop' })];
}

export const replyUsage = (body: Json): Usage | undefined => usageOf(tallied({}, message(body).usage));

/** Throws what an answer is that is none. */
function message(body: Json): JsonObject {
  if (isObject(body) && body.type === 'error') throw readStreamError(body);
  if (isObject(body) && isArray(body.content)) return body;
  throw new GatewayError('upstream_invalid', 'The provider sent something that is not an answer of the Messages API.');
}

/** The chunks as a JSON answer. Throws the error that stands among them: half an answer is none. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const writer = new EventWriter(options);
  const assembly = new Assembly(writer.loss);
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    for (const event of writer.events(chunk)) assembly.add(event);
  }
  return { body: assembly.message(), loss: [...writer.loss] };
}

/** Puts events together into the message they stream. */
class Assembly {
  #message: JsonObject = {};
  readonly #blocks: JsonObject[] = [];
  readonly #inputs = new Map<number, string>();
  readonly #loss: Set<string>;

  constructor(loss: Set<string>) {
    this.#loss = loss;
  }

  add(event: JsonObject): void {
    const { index, message, content_block: block, delta } = event;
    const at = asNumber(index) ?? 0;
    if (isObject(message)) this.#message = message;
    else if (isObject(block)) this.#blocks[at] = block;
    else if (event.type === 'content_block_delta' && isObject(delta)) this.#delta(at, delta);
    else if (event.type === 'message_delta' && isObject(delta)) {
      const { type: _, delta: __, ...beside } = event;
      this.#message = { ...this.#message, ...delta, ...beside };
    }
  }

  message(): JsonObject {
    const content = this.#blocks.map((block, index) => {
      const input = this.#inputs.get(index);
      return input === undefined ? block : { ...block, input: inputOf(input, 'tool_calls.function.arguments', this.#loss) };
    });
    return { ...this.#message, content };
  }

  #delta(index: number, delta: JsonObject): void {
    const { type, partial_json: fragment, citation, ...fields } = delta;
    const block = this.#blocks[index] ?? {};
    if (type === 'input_json_delta') {
      this.#inputs.set(index, (this.#inputs.get(index) ?? '') + (asString(fragment) ?? ''));
    } else if (type === 'citations_delta') {
      const before = isArray(block.citations) ? block.citations : [];
      this.#blocks[index] = { ...block, citations: [...before, citation ?? null] };
    } else {
      this.#blocks[index] = { ...block, ...grown(block, fields) };
    }
  }
}

/** Texts grow by what a delta brings; anything else is replaced. */
const grown = (block: JsonObject, fields: JsonObject): JsonObject =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]) => {
      const before = block[name];
      return [name, typeof before === 'string' && typeof value === 'string' ? before + value : value];
    }),
  );
