import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { asString, isObject, type JsonObject, parseJson } from '../../../core/json.ts';
import type { Target } from '../../../core/strategy.ts';
import type { Keeper } from '../continuity/keeper.ts';
import { enveloped, hasEnded } from './envelope.ts';
import { type Item, idsOf, listedItems } from './items.ts';
import { type BoundResponse, outputOf, type ResponseStore } from './kept.ts';

export interface KeptCall {
  /** What it said that earlier calls had not. */
  readonly input: readonly Item[];
  /** Whether the caller wants the response kept. */
  readonly store: boolean;
  /** The stored response that it continues. */
  readonly previous?: string | undefined;
  readonly conversation?: string | undefined;
}

/**
 * Gives an answer that was written here what it says of its call, and keeps it. It is kept before its last event
 * leaves: who is told an id may use it at once. Of an answer that its provider keeps, only whose it and its items are is recorded.
 */
export class ResponseKeeper implements Keeper {
  readonly #call: KeptCall;
  readonly #store: ResponseStore | undefined;
  readonly #exchange: Exchange;
  readonly wantsFrames: boolean;
  /** The response that its provider keeps. */
  #bound: string | undefined;

  constructor(call: KeptCall, store: ResponseStore | undefined, exchange: Exchange) {
    this.#call = call;
    this.#store = store;
    this.#exchange = exchange;
    // The provider does not know the conversation: what it answers is read on its way, and added here.
    this.wantsFrames = call.conversation !== undefined;
  }

  begun(id: string, { provider }: Target, credential?: string): void {
    this.#bind(id, { provider, ...(credential === undefined ? {} : { credential }) }, []);
  }

  ended(items: readonly string[]): void {
    if (this.#store === undefined || this.#bound === undefined) return;
    this.#after(this.#store.bindItems(this.#bound, items));
  }

  #bind(id: string, where: BoundResponse, items: readonly string[]): void {
    if (this.#store === undefined || !this.#call.store) return;
    this.#bound = id;
    this.#after(this.#store.bind(id, where, items));
  }

  #after(writing: Promise<void>): void {
    this.#exchange.ports.after(writing.catch((thrown: unknown) => this.#note(thrown)));
  }

  async frames(text: string, translated: boolean): Promise<string> {
    if ((!translated && !this.wantsFrames) || !text.includes('"response":')) return text;
    const frames = text.split(/(?<=\n\n)/);
    return (await Promise.all(frames.map((frame) => this.#frame(frame, translated)))).join('');
  }

  async whole(body: string, { provider }: Target, translated: boolean, credential?: string): Promise<string> {
    const response = parseJson(body);
    if (!isObject(response)) return body;
    if (translated) return JSON.stringify(await this.#kept(response));
    const id = asString(response.id);
    const where = { provider, ...(credential === undefined ? {} : { credential }) };
    if (id !== undefined) this.#bind(id, where, idsOf(outputOf(response)));
    await this.#append(response);
    return body;
  }

  async #frame(frame: string, translated: boolean): Promise<string> {
    const at = frame.indexOf('data: ');
    const event = at < 0 || !frame.includes('"response":') ? undefined : parseJson(frame.slice(at + 'data: '.length));
    if (!isObject(event) || !isObject(event.response)) return frame;
    if (!translated) {
      await this.#append(event.response);
      return frame;
    }
    return `${frame.slice(0, at)}data: ${JSON.stringify({ ...event, response: await this.#kept(event.response) })}\n\n`;
  }

  /** The response as the caller is to have it. That it is stored is said only when it is. */
  async #kept(answer: JsonObject): Promise<JsonObject> {
    const { input, store, previous, conversation } = this.#call;
    const now = this.#exchange.ports.clock.now();
    const written = (stored: boolean) => enveloped(answer, { stored, previous, conversation }, now);
    const wanted = store && this.#store !== undefined;
    const response = written(wanted);
    const id = asString(response.id);
    if (id === undefined || !hasEnded(response)) return response;
    if (!wanted) {
      await this.#append(response);
      return response;
    }
    try {
      await this.#store?.keep(id, { input: listedItems(input), response }, { previous, conversation });
      return response;
    } catch (thrown) {
      this.#note(thrown);
      return written(false);
    }
  }

  /** Adds a turn to its conversation, where the response itself is not kept here. */
  async #append(response: JsonObject): Promise<void> {
    const { conversation, input } = this.#call;
    if (conversation === undefined || !hasEnded(response)) return;
    await this.#store
      ?.appendItems(conversation, listedItems([...input, ...outputOf(response)]))
      .catch((thrown: unknown) => this.#note(thrown));
  }

  #note(thrown: unknown): void {
    this.#exchange.note('continuity.write', GatewayError.from(thrown).message);
  }
}
