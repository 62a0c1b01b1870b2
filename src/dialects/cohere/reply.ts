import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { EventReader, notAnAnswer } from './reply-reader.ts';
import { EventWriter } from './reply-writer.ts';
import { readUsage } from './usage.ts';

/** A JSON answer read as the stream that would say it: there is one way to understand an answer. */
export function readReply(body: Json): readonly ChatChunk[] {
  const { id, message, finish_reason, usage } = answer(body);
  const reader = new EventReader();
  const { tool_plan, content, tool_calls, citations } = isObject(message) ? message : {};
  const blocks = isArray(content) ? content : typeof content === 'string' ? [{ type: 'text', text: content }] : [];
  const events: readonly JsonObject[] = [
    { type: 'message-start', id },
    { type: 'tool-plan-delta', delta: { message: { tool_plan } } },
    ...blocks.map((block, index) => ({ type: 'content-start', index, delta: { message: { content: block } } })),
    ...(isArray(tool_calls) ? tool_calls : []).map((call, index) => ({
      type: 'tool-call-start',
      index,
      delta: { message: { tool_calls: call } },
    })),
    ...(isArray(citations) && citations.length > 0 ? [{ type: 'citation-start', delta: { message: { citations } } }] : []),
    { type: 'message-end', delta: { finish_reason, usage } },
  ];
  return events.flatMap((event) => reader.event(event));
}

export const replyUsage = (body: Json): Usage | undefined => readUsage(answer(body).usage);

/** Throws what an answer is that is none. */
function answer(body: Json): JsonObject {
  if (isObject(body) && isObject(body.message)) return body;
  if (isObject(body) && (asString(body.message) !== undefined || body.error !== undefined)) throw readStreamError(body);
  throw notAnAnswer();
}

/** The chunks as a JSON answer. Throws the error that stands among them: half an answer is none. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const writer = new EventWriter(options);
  const assembly = new Assembly();
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    for (const event of writer.events(chunk)) assembly.add(event);
  }
  return { body: assembly.body(), loss: [...writer.loss] };
}

/** Puts events together into the answer they stream. */
class Assembly {
  readonly #content: JsonObject[] = [];
  readonly #calls: { id: string; name: string; input: string }[] = [];
  readonly #citations: Json[] = [];
  #id: Json = '';
  #end: JsonObject = {};

  add(event: JsonObject): void {
    const index = asNumber(event.index) ?? 0;
    const delta = isObject(event.delta) ? event.delta : {};
    const { content, tool_calls: call, citations } = isObject(delta.message) ? delta.message : {};
    if (event.type === 'message-start') this.#id = event.id ?? '';
    else if (event.type === 'message-end') this.#end = delta;
    else if (isObject(content)) this.#content[index] = grown(this.#content[index] ?? {}, content);
    else if (isObject(call)) this.#call(index, call);
    else if (citations !== undefined) this.#citations.push(citations);
  }

  #call(index: number, call: JsonObject): void {
    const called = isObject(call.function) ? call.function : {};
    const known = this.#calls[index] ?? { id: asString(call.id) ?? '', name: asString(called.name) ?? '', input: '' };
    known.input += asString(called.arguments) ?? '';
    this.#calls[index] = known;
  }

  body(): JsonObject {
    const calls = this.#calls.map(({ id, name, input }) => ({
      id,
      type: 'function',
      function: { name, arguments: input === '' ? '{}' : input },
    }));
    return {
      id: this.#id,
      message: {
        role: 'assistant',
        ...((this.#content.length > 0 || calls.length === 0) && { content: this.#content }),
        ...(calls.length > 0 && { tool_calls: calls }),
        ...(this.#citations.length > 0 && { citations: this.#citations }),
      },
      ...this.#end,
    };
  }
}

/** Texts grow by what an event brings; anything else is replaced. */
function grown(block: JsonObject, fields: JsonObject): JsonObject {
  const merged = Object.entries(fields).map(([name, value]) => {
    const before = name === 'type' ? undefined : block[name];
    return [name, typeof before === 'string' && typeof value === 'string' ? before + value : value] as const;
  });
  return { ...block, ...Object.fromEntries(merged) };
}
