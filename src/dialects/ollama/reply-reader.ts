import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { asTokens, present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { ID } from './fields.ts';
import { readDoneReason } from './finish.ts';
import { argumentsText } from './read-messages.ts';

/**
 * Reads a stream of lines, each a piece of the message; the last one says `done` and holds the usage. Whether a line is
 * the last cannot be told without parsing it: the arguments of a tool are JSON in JSON and may say `done` themselves.
 */
export class LineReader implements ReplyReader {
  readonly #body = new BodyReader();

  read(frame: Frame): readonly ChatChunk[] {
    const { data } = frame;
    if (data === undefined || data === '' || this.#body.over) return [];
    const body = parseJson(data);
    if (!isObject(body)) throw notAnAnswer();
    return this.#body.read(body);
  }

  /** A stream that ends behind its last line has said all; one that ends before was cut. */
  close(): readonly ChatChunk[] {
    return [];
  }
}

export const notAnAnswer = () => new GatewayError('upstream_invalid', 'The provider sent something that is not an answer of the chat API.');

/** Reads the lines of one answer, or the one object of an answer that does not stream. */
export class BodyReader {
  #over = false;
  #started = false;
  #parts = 0;
  #calls = 0;
  /** The numbers of the parts that texts are added to. */
  readonly #open = new Map<'text' | 'thinking', number>();
  #time = '';

  get over(): boolean {
    return this.#over;
  }

  read(body: JsonObject): readonly ChatChunk[] {
    if (body.error !== undefined && body.error !== null) {
      this.#over = true;
      return [{ type: 'error', error: readStreamError(body) }];
    }
    const message = isObject(body.message) ? body.message : {};
    return [
      ...this.#start(body),
      ...this.#say('thinking', message.thinking),
      ...this.#say('text', message.content),
      ...(isArray(message.tool_calls) ? message.tool_calls.flatMap((call) => this.#call(call)) : []),
      ...(isArray(body.logprobs) ? [raw('logprobs', body.logprobs)] : []),
      ...(body.done === true ? this.#end(body) : []),
    ];
  }

  #start(body: JsonObject): readonly ChatChunk[] {
    if (this.#started) return [];
    this.#started = true;
    this.#time = asString(body.created_at) ?? '';
    const created = Math.floor(Date.parse(this.#time) / 1000);
    return [{ type: 'start', ...present({ model: asString(body.model), created: Number.isNaN(created) ? undefined : created }) }];
  }

  #say(type: 'text' | 'thinking', value: Json | undefined): readonly ChatChunk[] {
    if (typeof value !== 'string' || value === '') return [];
    const part = this.#open.get(type) ?? this.#parts++;
    this.#open.set(type, part);
    return [{ type, part, choice: 0, text: value }];
  }

  #call(value: Json): readonly ChatChunk[] {
    const called = isObject(value) && isObject(value.function) ? value.function : undefined;
    if (!isObject(value) || called === undefined) return [];
    const part = this.#parts++;
    const id = asString(value.id) || this.#newId();
    this.#calls++;
    return [
      { type: 'tool-call', part, choice: 0, id, name: asString(called.name) ?? '' },
      { type: 'tool-input', part, choice: 0, text: argumentsText(called.arguments) },
    ];
  }

  /** Unique in a conversation by the moment of the answer, which is all that tells answers apart. */
  #newId(): string {
    return `call_${this.#time.replaceAll(/\D/g, '')}_${this.#calls}`;
  }

  #end(body: JsonObject): readonly ChatChunk[] {
    this.#over = true;
    const usage = readUsage(body);
    const facts = present(Object.fromEntries(FACTS.map((name) => [name, body[name] ?? undefined])));
    return [
      ...(Object.keys(facts).length === 0 ? [] : [raw('durations', facts)]),
      ...(usage === undefined ? [] : [{ type: 'usage' as const, usage }]),
      readDoneReason(asString(body.done_reason), this.#calls > 0),
      { type: 'end' },
    ];
  }
}

/** What only this dialect says of an answer. */
const FACTS = ['total_duration', 'load_duration', 'prompt_eval_duration', 'eval_duration'];

const raw = (name: string, value: Json): ChatChunk => ({ type: 'raw', dialect: ID, name, value });

/** Older servers leave the prompt out where it was cached whole: then nothing is known of it. */
export function readUsage(body: JsonObject) {
  const input = asTokens(body.prompt_eval_count);
  const output = asTokens(body.eval_count);
  return input === undefined || output === undefined ? undefined : { input, output };
}
