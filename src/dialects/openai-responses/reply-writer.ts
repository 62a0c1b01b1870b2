import type { ChatChunk, Usage } from '../../core/chat.ts';
import type { ReplyWriter, ReplyWriterOptions } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import { errorEvent, responseError } from './errors.ts';
import { type Finish, writeIncomplete } from './finish.ts';
import { closeAll, itemsSoFar, writeContent } from './items-writer.ts';
import { type OwnTool, ownTools } from './own-tools.ts';
import { repeatedCall, responseId, responseObject, type Status } from './response.ts';
import { type Events, newWriting } from './writing.ts';

/** Turns chunks into events, every one with its number: shared by streams and JSON answers. */
export class EventWriter {
  readonly #options: ReplyWriterOptions;
  readonly #writing = newWriting(() => this.#tools());
  #ownTools: ReadonlyMap<string, OwnTool> | undefined;
  #head: { readonly id: string; readonly created: number; readonly model: string } | undefined;
  #call: JsonObject | undefined;
  #usage: Usage | undefined;
  #finish: Finish | undefined;
  #sequence = 0;
  #over = false;

  constructor(options: ReplyWriterOptions) {
    this.#options = options;
  }

  get loss(): Set<string> {
    return this.#writing.loss;
  }

  /** Read when a tool is called: most answers call none. */
  #tools(): ReadonlyMap<string, OwnTool> {
    this.#ownTools ??= ownTools(this.#options.call);
    return this.#ownTools;
  }

  /** The events of one chunk; none after an error or the end. */
  events(chunk: ChatChunk): Events {
    if (this.#over) return [];
    if ('choice' in chunk && chunk.choice !== 0) {
      this.loss.add('n');
      return [];
    }
    return this.#say(chunk).map(({ type, ...fields }) => ({ type, sequence_number: this.#sequence++, ...fields }));
  }

  #say(chunk: ChatChunk): Events {
    switch (chunk.type) {
      case 'start':
        return this.#start(chunk);
      case 'usage':
        this.#usage = chunk.usage;
        return [];
      case 'finish':
        this.#finish ??= chunk;
        return closeAll(this.#writing, writeIncomplete(this.#finish, new Set()) === undefined ? 'completed' : 'incomplete');
      case 'error':
        return this.#fail(chunk.error);
      case 'end':
        return this.#end();
      default: {
        const begun = this.#start();
        return [...begun, ...writeContent(this.#writing, chunk)];
      }
    }
  }

  /** Once, with the first chunk: clients take it for the sign that the model is at work. */
  #start(start?: ChatChunk & { readonly type: 'start' }): Events {
    if (this.#head !== undefined) return [];
    const { created, model } = this.#options;
    const id = responseId(start?.id, this.#options);
    this.#head = { id, created: start?.created ?? created, model: start?.model ?? model };
    this.#writing.suffix = `${id.slice('resp_'.length)}_`;
    const response = this.#response('in_progress');
    return [
      { type: 'response.created', response },
      { type: 'response.in_progress', response },
    ];
  }

  #end(): Events {
    const begun = this.#start();
    const reason = writeIncomplete(this.#finish, this.loss);
    const closed = closeAll(this.#writing, reason === undefined ? 'completed' : 'incomplete');
    this.#over = true;
    // No word for an answer that its model's server gave up: to call it complete would be wrong.
    if (this.#finish?.reason === 'error')
      return [...begun, ...closed, ...failedWith(GAVE_UP, (error) => this.#response('failed', { error }))];
    const status = reason === undefined ? 'completed' : 'incomplete';
    return [...begun, ...closed, { type: `response.${status}`, response: this.#response(status, { reason }) }];
  }

  /** As OpenAI's servers do it: the event that says why, then the response as far as it came. */
  #fail(error: GatewayError): Events {
    const begun = this.#start();
    this.#over = true;
    return [...begun, ...failedWith(error, (said) => this.#response('failed', { error: said }))];
  }

  /** The response as it is now. */
  #response(status: Status, ending: { readonly reason?: string | undefined; readonly error?: JsonObject } = {}): JsonObject {
    this.#call ??= repeatedCall(this.#options.call);
    const { id, created, model } = this.#head ?? { ...this.#options, id: responseId(undefined, this.#options) };
    const output = status === 'in_progress' ? [] : itemsSoFar(this.#writing);
    return responseObject({ id, created, model, status, output, call: this.#call, usage: this.#usage, ...ending });
  }
}

const GAVE_UP = new GatewayError('upstream_error', 'The provider ended its answer with an error that it did not explain.');

const failedWith = (error: GatewayError, response: (error: JsonObject) => JsonObject): Events => {
  const { sequence_number: _, ...event } = errorEvent(error, 0);
  return [event, { type: 'response.failed', response: response(responseError(error)) }];
};

export const frameOf = (event: JsonObject): string => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;

export class FrameWriter implements ReplyWriter {
  readonly #events: EventWriter;

  constructor(options: ReplyWriterOptions) {
    this.#events = new EventWriter(options);
  }

  get loss(): ReadonlySet<string> {
    return this.#events.loss;
  }

  write(chunk: ChatChunk): string {
    return this.#events.events(chunk).map(frameOf).join('');
  }
}

/** More than any stream has events: what is appended to a stream that was not written here comes after all of it. */
const LAST_NUMBER = 2 ** 31 - 1;

/** The typed error as the last events of a stream that was handed on as it came, whose response is not known here. */
export function errorFrame(error: GatewayError, requestId: string): string {
  const options: ReplyWriterOptions = { id: requestId, model: '', created: 0, wantsUsage: true };
  const response = responseObject({
    id: responseId(undefined, options),
    created: options.created,
    model: options.model,
    status: 'failed',
    output: [],
    error: responseError(error),
    call: repeatedCall(undefined),
  });
  const failed = { type: 'response.failed', sequence_number: LAST_NUMBER, response };
  return frameOf(errorEvent(error, LAST_NUMBER - 1)) + frameOf(failed);
}
