import type { ChatChunk } from '../../core/chat.ts';
import type { ReplyReader } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import { present } from '../../core/fields.ts';
import { asNumber, asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { readFinish } from '../../core/openai/finish.ts';
import { DONE, holdsError } from '../../core/openai/frames.ts';
import { usageOf } from '../../core/openai/usage.ts';
import type { Frame } from '../../core/sse.ts';
import { readStreamError } from '../../core/vendor-error.ts';
import { ID } from './fields.ts';

/** Reads a stream of `text_completion` frames. */
export class StreamReader implements ReplyReader {
  readonly #body = new BodyReader();
  #over = false;

  read(frame: Frame): readonly ChatChunk[] {
    const data = frame.data?.trim();
    if (this.#over || data === undefined || data === '') return [];
    if (data === DONE) {
      this.#over = true;
      return this.#body.end();
    }
    const body = parseJson(data);
    if (frame.event === 'error' || (isObject(body) && holdsError(body))) {
      this.#over = true;
      return [{ type: 'error', error: readStreamError(body ?? data) }];
    }
    if (isObject(body)) return this.#body.read(body);
    throw new GatewayError('upstream_invalid', 'The provider sent an event that is not part of a completion.');
  }
}

/** Reads the bodies of one answer: the frames of a stream, or the one of a JSON answer, which are alike. */
export class BodyReader {
  /** Whether each choice has finished. A choice is one text: its number is the number of the part. */
  readonly #choices = new Map<number, boolean>();
  #started = false;

  read(body: JsonObject): readonly ChatChunk[] {
    const choices = isArray(body.choices) ? body.choices.flatMap((choice) => this.#readChoice(choice)) : [];
    const usage = usageOf(body);
    return [...this.#start(body), ...choices, ...(usage === undefined ? [] : [{ type: 'usage' as const, usage }])];
  }

  /** A choice that was left without a reason has ended all the same. */
  end(): readonly ChatChunk[] {
    const open = [...this.#choices].filter(([, finished]) => !finished);
    return [...open.map(([choice]): ChatChunk => ({ type: 'finish', choice, reason: 'other' })), { type: 'end' }];
  }

  #start(body: JsonObject): readonly ChatChunk[] {
    if (this.#started) return [];
    this.#started = true;
    return [{ type: 'start', ...present({ id: asString(body.id), model: asString(body.model), created: asNumber(body.created) }) }];
  }

  #readChoice(value: Json): readonly ChatChunk[] {
    if (!isObject(value)) return [];
    const choice = asNumber(value.index) ?? 0;
    const text = asString(value.text) ?? '';
    const word = asString(value.finish_reason);
    const ends = word !== undefined && word !== '' && this.#choices.get(choice) !== true;
    this.#choices.set(choice, ends || this.#choices.get(choice) === true);
    return [
      ...(text === '' ? [] : [{ type: 'text' as const, part: choice, choice, text }]),
      ...(isObject(value.logprobs) ? [{ type: 'raw' as const, dialect: ID, name: 'logprobs', value: value.logprobs }] : []),
      ...(ends ? [readFinish(choice, word)] : []),
    ];
  }
}
