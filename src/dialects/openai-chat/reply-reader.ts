import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { DONE, holdsError } from '../../core/openai/frames.ts';
import { usageOf } from '../../core/openai/usage.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { type Answer, ChoiceReader } from './choice-reader.ts';

/** Reads a stream of `chat.completion.chunk` frames, of OpenAI and of the many that speak like it. */
export class StreamReader implements ReplyReader {
  readonly #body = new BodyReader('delta');
  #over = false;

  read(frame: Frame): readonly ChatChunk[] {
    const data = frame.data?.trim();
    if (this.#over || data === undefined || data === '') return [];
    if (data === DONE) {
      this.#over = true;
      return this.#body.end();
    }
    const isError = frame.event === 'error';
    const body = parseJson(data);
    if (isError || (isObject(body) && holdsError(body))) {
      this.#over = true;
      return [{ type: 'error', error: readStreamError(body ?? data) }];
    }
    if (isObject(body)) return this.#body.read(body);
    // Events of other names belong to vendors' extensions and may hold anything.
    if (frame.event !== undefined && frame.event !== 'message') return [];
    throw new GatewayError('upstream_invalid', 'The provider sent an event that is not part of a chat completion.');
  }
}

/** Reads bodies of one answer: the chunks of a stream, whose choices hold a `delta`, or one answer with a `message`. */
export class BodyReader {
  readonly #content: 'delta' | 'message';
  readonly #answer: Answer = { chunks: [], nextPart: 0, id: '' };
  readonly #choices = new Map<number, ChoiceReader>();
  #started = false;

  constructor(content: 'delta' | 'message') {
    this.#content = content;
  }

  read(body: JsonObject): readonly ChatChunk[] {
    this.#start(body);
    if (isArray(body.choices)) for (const choice of body.choices) this.#readChoice(choice);
    const usage = usageOf(body);
    if (usage !== undefined) this.#answer.chunks.push({ type: 'usage', usage });
    return this.#take();
  }

  /** A choice that was left without a reason has ended all the same. */
  end(): readonly ChatChunk[] {
    for (const choice of this.#choices.values()) choice.finish(undefined);
    this.#answer.chunks.push({ type: 'end' });
    return this.#take();
  }

  /** Azure opens with a frame about the prompt, whose id and model are empty: the answer starts after it. */
  #start(body: JsonObject): void {
    const id = asString(body.id) || undefined;
    const says = (isArray(body.choices) && body.choices.length > 0) || isObject(body.usage);
    if (this.#started || (id === undefined && !says)) return;
    this.#started = true;
    this.#answer.id = id ?? '';
    const created = asNumber(body.created) || undefined;
    this.#answer.chunks.push({ type: 'start', ...present({ id, model: asString(body.model) || undefined, created }) });
  }

  #readChoice(value: Json): void {
    if (!isObject(value)) return;
    const index = asNumber(value.index) ?? 0;
    let choice = this.#choices.get(index);
    if (choice === undefined) {
      choice = new ChoiceReader(index, this.#answer);
      this.#choices.set(index, choice);
    }
    const content = value[this.#content];
    if (isObject(content)) choice.read(content, this.#content === 'message');
    const reason = asString(value.finish_reason) || undefined;
    if (reason !== undefined) choice.finish(reason);
  }

  #take(): readonly ChatChunk[] {
    return this.#answer.chunks.splice(0);
  }
}
