import { Wire } from '../../../core/wire.ts';
import type { RpcId } from '../wire/message.ts';

/** A place in the list of all: what stands on which page. */
export interface Place {
  readonly source: string;
  /** How many of its things were on the pages before. */
  readonly taken: number;
}

/** The things of one page as they are sent. */
export interface ReadyPage {
  /** `{"tools":[…]`, without the brace that closes it: UTF-8. */
  readonly bytes: Uint8Array;
  /** Where the next page begins; absent: that was the last. */
  readonly next?: Place;
}

/** A member of a result: its name, and its value as JSON. */
export type Member = readonly [name: string, json: string];

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export const readyPage = (field: string, texts: readonly string[], next: Place | undefined): ReadyPage => ({
  bytes: encoder.encode(`{${JSON.stringify(field)}:[${texts.join(',')}]`),
  ...(next === undefined ? {} : { next }),
});

/** One page of a list as the answer to one request: things that are the same for many, and what is said of them now. */
export class ListAnswer {
  readonly #things: Uint8Array;
  readonly #field: string;
  readonly #said: readonly Member[];

  /** `field`: the member that `page` begins with. */
  constructor(field: string, { bytes }: ReadyPage, said: readonly Member[]) {
    this.#field = field;
    this.#things = bytes;
    this.#said = said;
  }

  get wire(): Wire {
    const start = JSON.stringify(this.#field).length + 2;
    return Wire.written([[this.#field, decoder.decode(this.#things.subarray(start))], ...this.#said]);
  }

  /** The whole JSON-RPC message, in pieces: what is kept is handed on as it is, and nobody reads it again. */
  message(id: RpcId): readonly Uint8Array[] {
    const said = this.#said.map(([name, json]) => `,${JSON.stringify(name)}:${json}`).join('');
    return [encoder.encode(`{"jsonrpc":"2.0","id":${JSON.stringify(id)},"result":`), this.#things, encoder.encode(`${said}}}`)];
  }
}

interface View {
  readonly pages: Map<string, ReadyPage>;
  weight: number;
}

/**
 * Pages that are ready, of a route: by the list that they are of (its fingerprint) and where in it they begin. So many bytes of
 * them and no more; the list that was not asked for longest goes first.
 */
export class PageStore {
  readonly #views = new Map<string, View>();
  readonly #most: number;
  #weight = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Bytes, about. */
  get weight(): number {
    return this.#weight;
  }

  get(list: string, from: Place | undefined): ReadyPage | undefined {
    const view = this.#views.get(list);
    if (view === undefined) return undefined;
    this.#views.delete(list);
    this.#views.set(list, view);
    return view.pages.get(placeKey(from));
  }

  put(list: string, from: Place | undefined, page: ReadyPage): void {
    const key = placeKey(from);
    const view = this.#views.get(list) ?? { pages: new Map<string, ReadyPage>(), weight: list.length };
    const weight = page.bytes.length - (view.pages.get(key)?.bytes.length ?? 0);
    if (view.weight + weight > this.#most) return;
    if (!this.#views.has(list)) this.#weight += view.weight;
    this.#views.delete(list);
    this.#views.set(list, view);
    view.pages.set(key, page);
    view.weight += weight;
    this.#weight += weight;
    for (const [oldest, { weight: own }] of this.#views) {
      if (this.#weight <= this.#most) break;
      this.#views.delete(oldest);
      this.#weight -= own;
    }
  }
}

const placeKey = (from: Place | undefined): string => (from === undefined ? '' : JSON.stringify([from.source, from.taken]));
