import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { readStreamError } from './errors.ts';
import { notAResponse, ResponseReader } from './reply-reader.ts';
import { type Piece, PieceWriter } from './reply-writer.ts';
import { readUsage } from './usage.ts';

/** A JSON answer read as a stream of one event: there is one way to understand an answer. */
export function readReply(body: Json): readonly ChatChunk[] {
  const reader = new ResponseReader();
  const chunks = reader.event(response(body));
  const last = reader.close();
  // A whole answer is over, whether or not it says why it ended.
  return [
    ...chunks,
    ...(last.length > 0 ? last : [{ type: 'finish' as const, choice: 0, reason: 'other' as const }, { type: 'end' as const }]),
  ];
}

export const replyUsage = (body: Json): Usage | undefined => readUsage(response(body).usageMetadata);

/** Throws what an answer is that is none. */
function response(body: Json): JsonObject {
  if (isObject(body) && isObject(body.error)) throw readStreamError(body);
  if (isObject(body) && (isArray(body.candidates) || isObject(body.promptFeedback) || isObject(body.usageMetadata))) return body;
  throw notAResponse();
}

/** The chunks as a JSON answer. Throws the error that stands among them: half an answer is none. */
export function writeReply(
  chunks: readonly ChatChunk[],
  options: ReplyWriterOptions,
): { readonly body: JsonObject; readonly loss: readonly string[] } {
  const writer = new PieceWriter(options);
  const assembly = new Assembly();
  for (const chunk of chunks) {
    if (chunk.type === 'error') throw chunk.error;
    for (const piece of writer.pieces(chunk)) assembly.add(piece);
  }
  return { body: { ...assembly.response(), ...writer.identity }, loss: [...writer.loss] };
}

interface Whole {
  readonly parts: { readonly part: number | undefined; content: JsonObject }[];
  fields: JsonObject;
}

/** Puts pieces together into the response they stream. */
class Assembly {
  readonly #candidates = new Map<number, Whole>();
  #fields: JsonObject = {};

  add({ choice, part, content, candidate, response: fields }: Piece): void {
    for (const [name, value] of Object.entries(fields ?? {})) {
      const before = this.#fields[name];
      this.#fields = { ...this.#fields, [name]: isObject(before) && isObject(value) ? { ...before, ...value } : value };
    }
    if (choice === undefined) return;
    const whole = this.#candidates.get(choice) ?? { parts: [], fields: {} };
    this.#candidates.set(choice, whole);
    whole.fields = { ...whole.fields, ...candidate };
    if (content !== undefined) addPart(whole, part, content);
  }

  response(): JsonObject {
    const candidates = [...this.#candidates].map(([index, { parts, fields }]) => ({
      content: { parts: parts.map(({ content }) => content), role: 'model' },
      ...fields,
      index,
    }));
    return { candidates, ...this.#fields };
  }
}

function addPart({ parts }: Whole, part: number | undefined, content: JsonObject): void {
  const last = parts.at(-1);
  const isSignedTwice = content.thoughtSignature !== undefined && last?.content.thoughtSignature !== undefined;
  if (last !== undefined && part !== undefined && last.part === part && typeof content.text === 'string' && !isSignedTwice) {
    last.content = { ...last.content, ...content, text: `${last.content.text ?? ''}${content.text}` };
  } else parts.push({ part, content });
}
