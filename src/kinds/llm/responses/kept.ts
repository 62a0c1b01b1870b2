import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { asString, isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import type { PlanState } from '../../../core/plan.ts';
import type { Continuity, KeptEntry, KeptPlace } from '../../../core/ports.ts';
import { type Item, idsOf } from './items.ts';

/** A response that was answered here and is kept here: what was said new in its call, and the whole answer. */
export interface StoredResponse {
  readonly input: readonly Item[];
  readonly response: JsonObject;
}

/** A response that its provider keeps: whose it is, and where. */
export interface BoundResponse {
  readonly provider: string;
  /** Which of its credentials: another one may be another account's. */
  readonly credential?: string;
}

export type KeptResponse = StoredResponse | BoundResponse;

export const isBound = (kept: KeptResponse): kept is BoundResponse => 'provider' in kept;

const RESPONSE = 'response';
const CONVERSATION = 'conversation';
const ITEM = 'item';
/** Where an item of an answer stands that calls may refer to. */
const POINTER = 'pointer';

/** Milliseconds between looks for what is not there: what has just been answered may be on its way into storage. */
const LOOK_AGAIN = [100, 400];

/** The responses and conversations of one owner. */
export class ResponseStore {
  readonly #continuity: Continuity;
  readonly #owner: string;
  readonly #state: PlanState;
  readonly #now: () => number;

  private constructor(continuity: Continuity, { who, ports }: Pick<Exchange, 'who' | 'ports'>, state: PlanState) {
    this.#continuity = continuity;
    this.#owner = who.principal;
    this.#state = state;
    this.#now = () => ports.clock.now();
  }

  /** `undefined` where this deployment keeps nothing. */
  static of(exchange: Pick<Exchange, 'who' | 'ports'>, state: PlanState): ResponseStore | undefined {
    const { continuity } = exchange.ports;
    return continuity === undefined || state.responses === 0 ? undefined : new ResponseStore(continuity, exchange, state);
  }

  static need(exchange: Pick<Exchange, 'who' | 'ports'>, state: PlanState): ResponseStore {
    const store = ResponseStore.of(exchange, state);
    if (store !== undefined) return store;
    throw new GatewayError(
      'state_off',
      'This gateway keeps no responses and conversations: its operator has not set WEIR_SECRET. Send the whole conversation as input.',
    );
  }

  async response(id: string): Promise<KeptResponse | undefined> {
    for (let look = 0; ; look++) {
      const kept = readResponse((await this.#continuity.get(this.#owner, RESPONSE, [id])).get(id));
      const pause = LOOK_AGAIN[look];
      if (kept !== undefined || pause === undefined) return kept;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  /** Every item of a stored response and of all it continues, in order; `undefined` where any of them is gone. */
  async history(id: string): Promise<readonly Item[] | undefined> {
    const chain = await this.#continuity.chain(this.#owner, { kind: RESPONSE, id }, this.#until());
    const turns = chain?.map(readResponse);
    if (turns === undefined) return undefined;
    const items: Item[] = [];
    for (const turn of turns) {
      if (turn === undefined || isBound(turn)) return undefined;
      items.push(...turn.input, ...outputOf(turn.response));
    }
    return items;
  }

  /** Items of stored answers by their ids. */
  async items(ids: readonly string[]): Promise<ReadonlyMap<string, Item>> {
    const pointers = await this.#continuity.get(this.#owner, POINTER, ids);
    const of = [...new Set([...pointers.values()].flatMap((value) => asString(value) ?? []))];
    const found = new Map<string, Item>();
    if (of.length === 0) return found;
    for (const value of (await this.#continuity.get(this.#owner, RESPONSE, of)).values()) {
      const kept = readResponse(value);
      if (kept === undefined || isBound(kept)) continue;
      for (const item of [...kept.input, ...outputOf(kept.response)]) {
        const id = asString(item.id);
        if (id !== undefined && ids.includes(id)) found.set(id, item);
      }
    }
    return found;
  }

  /** Keeps a response, as the one that follows `previous`, and its items at the end of a conversation where it is part of one. */
  async keep(
    id: string,
    kept: StoredResponse,
    where: { readonly previous?: string | undefined; readonly conversation?: string | undefined },
  ): Promise<void> {
    const expiresAt = this.#until();
    const output = outputOf(kept.response);
    const value: Json = { input: kept.input, response: kept.response };
    const parent = where.previous === undefined ? {} : { parent: { kind: RESPONSE, id: where.previous } };
    const pointers = this.#pointers(id, idsOf([...kept.input, ...output]));
    const said = where.conversation === undefined ? [] : this.#conversationItems(where.conversation, [...kept.input, ...output]);
    await this.#put([{ kind: RESPONSE, id, value, ...parent, expiresAt }, ...pointers, ...said]);
  }

  /** Records whose a response is that its provider keeps, and its items. */
  bind(id: string, where: BoundResponse, items: readonly string[]): Promise<void> {
    return this.#put([{ kind: RESPONSE, id, value: { ...where }, expiresAt: this.#until() }, ...this.#pointers(id, items)]);
  }

  async bindItems(response: string, items: readonly string[]): Promise<void> {
    if (items.length > 0) await this.#put(this.#pointers(response, items));
  }

  /** The first of some ids that is of no item of this owner's responses, wherever those are kept. */
  async foreignItem(ids: readonly string[]): Promise<string | undefined> {
    for (let look = 0; ; look++) {
      const owned = await this.#continuity.get(this.#owner, POINTER, ids);
      const foreign = ids.find((id) => !owned.has(id));
      const pause = LOOK_AGAIN[look];
      if (foreign === undefined || pause === undefined) return foreign;
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
  }

  #pointers(response: string, items: readonly string[]): KeptEntry[] {
    const expiresAt = this.#until();
    const parent = { kind: RESPONSE, id: response };
    return items.map((id) => ({ kind: POINTER, id, value: response, parent, expiresAt }));
  }

  delete(id: string): Promise<boolean> {
    return this.#continuity.delete(this.#owner, { kind: RESPONSE, id }, POINTER);
  }

  async conversation(id: string): Promise<JsonObject | undefined> {
    const value = (await this.#continuity.get(this.#owner, CONVERSATION, [id])).get(id);
    return isObject(value) ? value : undefined;
  }

  keepConversation(id: string, conversation: JsonObject): Promise<void> {
    return this.#put([{ kind: CONVERSATION, id, value: conversation, expiresAt: this.#until() }]);
  }

  async conversationItems(id: string): Promise<readonly Item[]> {
    return (await this.#continuity.children(this.#owner, place(id), ITEM, this.#until())).filter((item) => isObject(item));
  }

  async appendItems(id: string, items: readonly Item[]): Promise<void> {
    if (items.length > 0) await this.#put(this.#conversationItems(id, items));
  }

  deleteConversation(id: string): Promise<boolean> {
    return this.#continuity.delete(this.#owner, place(id), ITEM);
  }

  deleteItem(conversation: string, item: string): Promise<boolean> {
    return this.#continuity.delete(this.#owner, { kind: ITEM, id: itemPlace(conversation, item) });
  }

  #conversationItems(id: string, items: readonly Item[]): KeptEntry[] {
    const expiresAt = this.#until();
    return items.map((item) => ({
      kind: ITEM,
      id: itemPlace(id, asString(item.id) ?? ''),
      value: item,
      parent: place(id),
      expiresAt,
    }));
  }

  #put(entries: readonly KeptEntry[]): Promise<void> {
    return this.#continuity.put(this.#owner, entries, this.#state);
  }

  #until(): number {
    return this.#now() + this.#state.responses;
  }
}

const place = (conversation: string): KeptPlace => ({ kind: CONVERSATION, id: conversation });
const itemPlace = (conversation: string, item: string) => `${conversation} ${item}`;

export const outputOf = (response: JsonObject): readonly Item[] =>
  isArray(response.output) ? response.output.filter((item) => isObject(item)) : [];

function readResponse(value: Json | undefined): KeptResponse | undefined {
  if (!isObject(value)) return undefined;
  if (typeof value.provider === 'string') {
    return { provider: value.provider, ...(typeof value.credential === 'string' ? { credential: value.credential } : {}) };
  }
  if (!isArray(value.input) || !isObject(value.response)) return undefined;
  return { input: value.input.filter((item) => isObject(item)), response: value.response };
}
