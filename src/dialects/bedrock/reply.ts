import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject } from '../../core/json.ts';
import { memberOf } from './fields.ts';
import { EventReader, METADATA } from './reply-reader.ts';
import { type Event, EventWriter } from './reply-writer.ts';
import { usageOf } from './usage.ts';
import { inputOf } from './write-content.ts';

/** A JSON answer read as the stream that says the same: there is one way to understand an answer. */
export function readReply(body: Json, model?: string): readonly ChatChunk[] {
  const { content, answer } = contentOf(body);
  const reader = new EventReader(model);
  const { stopReason, usage, additionalModelResponseFields } = answer;
  const events: readonly Event[] = [
    ['messageStart', { role: 'assistant' }],
    ...content.flatMap((block, index) => (isObject(block) ? blockEvents(block, index) : [])),
    ['messageStop', { stopReason, additionalModelResponseFields }],
    ['metadata', { usage, ...Object.fromEntries(METADATA.map((name) => [name, answer[name]])) }],
  ];
  return [...events.flatMap(([type, payload]) => reader.event(type, payload)), ...reader.close()];
}

export const replyUsage = (body: Json): Usage | undefined => usageOf(contentOf(body).answer.usage);

/** Throws what an answer is that is none. */
function contentOf(body: Json): { readonly answer: JsonObject; readonly content: readonly Json[] } {
  const output = isObject(body) ? body.output : undefined;
  const message = isObject(output) ? output.message : undefined;
  if (isObject(body) && isObject(message) && isArray(message.content)) return { answer: body, content: message.content };
  throw new GatewayError('upstream_invalid', 'The provider sent something that is not an answer of the Converse API.');
}

/** A block as the events that stream it. */
function blockEvents(block: JsonObject, contentBlockIndex: number): readonly Event[] {
  const [name, value] = memberOf(block) ?? [];
  if (name === undefined || value === undefined) return [];
  const { start, deltas } = streamed.get(name)?.(value) ?? { start: { [name]: value }, deltas: [] };
  const events: Event[] = start === undefined ? [] : [['contentBlockStart', { start, contentBlockIndex }]];
  for (const delta of deltas) events.push(['contentBlockDelta', { delta, contentBlockIndex }]);
  return [...events, ['contentBlockStop', { contentBlockIndex }]];
}

interface Streamed {
  readonly start?: JsonObject;
  readonly deltas: readonly JsonObject[];
}

/** How whole blocks come in a stream; `undefined` for what only whole answers hold, which is taken as the start of a block. */
const streamed: ReadonlyMap<string, (value: Json) => Streamed | undefined> = new Map<string, (value: Json) => Streamed | undefined>([
  ['text', (text) => ({ deltas: [{ text }] })],
  ['toolUse', (use) => (isObject(use) && use.type === undefined ? toolUse(use) : undefined)],
  ['reasoningContent', (content) => (isObject(content) ? reasoning(content) : undefined)],
  ['citationsContent', (content) => (isObject(content) ? cited(content) : undefined)],
]);

const toolUse = ({ toolUseId, name, input }: JsonObject): Streamed => ({
  start: { toolUse: { toolUseId, name } },
  deltas: [{ toolUse: { input: typeof input === 'string' ? input : JSON.stringify(input ?? {}) } }],
});

function reasoning({ reasoningText: thought, redactedContent }: JsonObject): Streamed {
  if (redactedContent !== undefined) return { deltas: [{ reasoningContent: { redactedContent } }] };
  const { text, signature } = isObject(thought) ? thought : {};
  return { deltas: [{ reasoningContent: { text } }, { reasoningContent: { signature } }] };
}

const cited = ({ content, citations }: JsonObject): Streamed => ({
  deltas: [
    ...(isArray(content) ? content.map((piece) => ({ text: isObject(piece) ? piece.text : '' })) : []),
    ...(isArray(citations) ? citations.map((citation) => ({ citation })) : []),
  ],
});

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
  return { body: assembly.answer(), loss: [...writer.loss] };
}

/** What has come of one block. */
interface Pieces {
  /** The start of a tool's block, or the whole of one that does not stream. */
  start?: JsonObject;
  text: string;
  input: string;
  thought: string;
  signature?: string;
  redacted?: Json;
  readonly citations: Json[];
  readonly kinds: Set<string>;
}

/** Puts events together into the answer they stream. */
class Assembly {
  readonly #blocks: Pieces[] = [];
  #beside: JsonObject = {};

  constructor(readonly loss: Set<string>) {}

  add([type, payload]: Event): void {
    const at = asNumber(payload.contentBlockIndex) ?? 0;
    if (type === 'contentBlockStart') this.#pieces(at).start = isObject(payload.start) ? payload.start : {};
    else if (type === 'contentBlockDelta') this.#delta(this.#pieces(at), isObject(payload.delta) ? payload.delta : {});
    else if (type === 'messageStop' || type === 'metadata') this.#beside = { ...this.#beside, ...payload };
  }

  answer(): JsonObject {
    const content = this.#blocks.map((pieces) => blockOf(pieces, this.loss));
    return { output: { message: { role: 'assistant', content } }, ...this.#beside };
  }

  #pieces(at: number): Pieces {
    const pieces = this.#blocks[at] ?? { text: '', input: '', thought: '', citations: [], kinds: new Set() };
    this.#blocks[at] = pieces;
    return pieces;
  }

  #delta(pieces: Pieces, delta: JsonObject): void {
    const { text, citation, toolUse: use, reasoningContent: content } = delta;
    for (const kind of Object.keys(delta)) pieces.kinds.add(kind);
    if (typeof text === 'string') pieces.text += text;
    if (citation !== undefined) pieces.citations.push(citation);
    if (isObject(use)) pieces.input += asString(use.input) ?? '';
    if (!isObject(content)) return;
    pieces.thought += asString(content.text) ?? '';
    if (typeof content.signature === 'string') pieces.signature = content.signature;
    if (content.redactedContent !== undefined) pieces.redacted = content.redactedContent;
  }
}

function blockOf(pieces: Pieces, loss: Set<string>): JsonObject {
  const { start, text, input, thought, signature, redacted, citations, kinds } = pieces;
  if (isObject(start?.toolUse) && start.toolUse.type === undefined) {
    return { toolUse: { ...start.toolUse, input: inputOf(input, 'tool_calls.function.arguments', loss) } };
  }
  if (start !== undefined) return start;
  if (redacted !== undefined) return { reasoningContent: { redactedContent: redacted } };
  if (kinds.has('reasoningContent')) return { reasoningContent: { reasoningText: { text: thought, ...present({ signature }) } } };
  return citations.length === 0 ? { text } : { citationsContent: { content: [{ text }], citations } };
}
