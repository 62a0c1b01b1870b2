import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from './errors.ts';
import { notAnAnswer, PartReader } from './reply-reader.ts';
import { PartWriter } from './reply-writer.ts';
import { readUsage } from './usage.ts';

/** A JSON answer, told as the parts of the stream that it would have been. */
export function readReply(body: Json): readonly ChatChunk[] {
  const whole = answer(body);
  const reader = new PartReader();
  const { response, warnings } = whole;
  const parts: readonly JsonObject[] = [
    { type: 'stream-start', ...(warnings !== undefined && { warnings }) },
    { ...(isObject(response) && response), type: 'response-metadata' },
    ...(isArray(whole.content) ? whole.content : []).flatMap((content, index) => (isObject(content) ? told(content, String(index)) : [])),
    { ...whole, type: 'finish' },
  ];
  return parts.flatMap((part) => reader.read(part));
}

export const replyUsage = (body: Json): Usage | undefined => readUsage(answer(body).usage);

/** Throws what an answer is that is none. */
function answer(body: Json): JsonObject {
  if (isObject(body) && isObject(body.error)) throw readStreamError(body.error);
  if (isObject(body) && isArray(body.content)) return body;
  throw notAnAnswer();
}

function told(content: JsonObject, id: string): readonly JsonObject[] {
  const { type } = content;
  if (type !== 'text' && type !== 'reasoning') return [content];
  const { text, providerMetadata } = content;
  return [
    { type: `${type}-start`, id },
    { type: `${type}-delta`, id, delta: asString(text) ?? '' },
    { type: `${type}-end`, id, ...(providerMetadata !== undefined && { providerMetadata }) },
  ];
}

/** The chunks as a JSON answer. Throws the error that stands among them: half an answer is none. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const writer = new PartWriter(options);
  const assembly = new Assembly();
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    for (const part of writer.parts(chunk)) assembly.add(part);
  }
  return { body: assembly.result(), loss: [...writer.loss] };
}

/** Puts the parts of a stream together into the result that they tell: `LanguageModelV4GenerateResult`. */
class Assembly {
  readonly #content: JsonObject[] = [];
  /** Where the part of an id stands in the content. */
  readonly #places = new Map<string, number>();
  #fields: JsonObject = { warnings: [] };

  add(part: JsonObject): void {
    const { type, id, ...others } = part;
    switch (type) {
      case 'stream-start':
        this.#fields = { ...this.#fields, ...others };
        break;
      case 'response-metadata':
        this.#fields = { ...this.#fields, response: { ...others, ...(id !== undefined && { id }) } };
        break;
      case 'text-start':
      case 'reasoning-start':
        this.#places.set(String(id), this.#content.length);
        this.#content.push({ type: type === 'text-start' ? 'text' : 'reasoning', text: '' });
        break;
      case 'text-delta':
      case 'reasoning-delta':
        this.#extend(String(id), asString(part.delta) ?? '', {});
        break;
      case 'text-end':
      case 'reasoning-end':
        this.#extend(String(id), '', others);
        break;
      case 'tool-input-start':
        // Calls are written when they are whole, and stand where they began.
        this.#places.set(`call ${id}`, this.#content.length);
        this.#content.push({ type: 'tool-call' });
        break;
      case 'tool-input-delta':
      case 'tool-input-end':
        break;
      case 'finish':
        this.#fields = { ...this.#fields, ...others };
        break;
      default:
        this.#put(part);
    }
  }

  #extend(id: string, text: string, fields: JsonObject): void {
    const place = this.#places.get(id);
    const before = place === undefined ? undefined : this.#content[place];
    if (place === undefined || before === undefined) return;
    this.#content[place] = { ...before, ...fields, text: `${asString(before.text) ?? ''}${text}` };
  }

  #put(part: JsonObject): void {
    const place = part.type === 'tool-call' ? this.#places.get(`call ${part.toolCallId}`) : undefined;
    if (place === undefined) this.#content.push(part);
    else this.#content[place] = part;
  }

  result(): JsonObject {
    return { content: this.#content, ...this.#fields };
  }
}
