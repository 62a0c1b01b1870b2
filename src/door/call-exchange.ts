import type { Drain } from '../core/drain.ts';
import type { Canon, Destination, Exchange, Identity, KindName, Surface } from '../core/exchange.ts';
import type { CallHold } from '../core/hold.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Embedder } from '../core/meaning/embedder.ts';
import type { Ports } from '../core/ports.ts';
import type { Decision } from '../core/routing/decision.ts';
import type { Vigil } from '../core/vigil.ts';
import { metadataOf, userOf } from './call-facts.ts';
import { originOf } from './origin.ts';

/** What the door knows of a call when its exchange begins. */
export interface ExchangeFacts {
  readonly id: string;
  readonly who: Identity;
  readonly route: { readonly name: string; readonly kind: KindName };
  readonly surface: Surface;
  readonly ports: Ports;
  readonly hold: CallHold | undefined;
  readonly run: string | undefined;
  readonly vigil: Vigil | undefined;
  readonly listens: true | undefined;
  readonly drain: Drain | undefined;
  readonly request: Request;
  readonly call: Canon['llm']['call'] | undefined;
  /** Whether an edge stands before the gateway, which says where calls come from. */
  readonly edge: boolean;
  /** Where a call would go, by the kind that would serve it. */
  destination(call: Canon['llm']['call'], exchange: Exchange): Promise<Destination | undefined>;
  /** The embedder of a configured model, by the kind that calls it. */
  embedder(model: string, exchange: Exchange): Embedder | undefined;
  again(): Promise<void>;
}

/** The exchange of one call. What few calls are asked about is worked out when they are. */
export class CallExchange implements Exchange {
  readonly id: string;
  readonly who: Identity;
  readonly route: { readonly name: string; readonly kind: KindName };
  readonly surface: Surface;
  readonly ports: Ports;
  readonly hold: CallHold | undefined;
  readonly run: string | undefined;
  readonly vigil: Vigil | undefined;
  readonly listens: true | undefined;
  readonly drain: Drain | undefined;
  readonly #facts: ExchangeFacts;
  #embedders: Map<string, Embedder> | undefined;
  /** How the call finds its way, once that has begun to be decided. */
  decision: Decision | undefined;
  /** What was noted, for the log row. */
  notes: { [fact: string]: Json } | undefined;
  /** What policies and strategies say in the head of the answer. */
  told: { readonly [header: string]: string } | undefined;

  constructor(facts: ExchangeFacts) {
    this.#facts = facts;
    this.id = facts.id;
    this.who = facts.who;
    this.route = facts.route;
    this.surface = facts.surface;
    this.ports = facts.ports;
    this.hold = facts.hold;
    this.run = facts.run;
    this.vigil = facts.vigil;
    this.listens = facts.listens;
    this.drain = facts.drain;
  }

  get signal(): AbortSignal {
    return this.drain?.signal ?? this.#facts.request.signal;
  }

  get user(): string | undefined {
    return userOf(this.who, this.#facts.request.headers, this.#facts.call);
  }

  get metadata(): JsonObject | undefined {
    return metadataOf(this.#facts.request.headers, this.who.metadata);
  }

  get country(): string | undefined {
    return originOf(this.#facts.request, this.#facts.edge).country;
  }

  decided(decision: Decision): void {
    this.decision = decision;
  }

  destination(call: Canon['llm']['call']): Promise<Destination | undefined> {
    return this.#facts.destination(call, this);
  }

  /** One for each model, so that what several ask in one call is asked once. */
  embedder(model: string | undefined): Embedder | undefined {
    if (model === undefined) return this.ports.embedder;
    this.#embedders ??= new Map();
    const known = this.#embedders.get(model) ?? this.#facts.embedder(model, this);
    if (known !== undefined) this.#embedders.set(model, known);
    return known;
  }

  again(): Promise<void> {
    return this.#facts.again();
  }

  tell(header: string, value: string): void {
    this.told = { ...this.told, [header]: value };
  }

  note(fact: string, value: Json): void {
    this.notes ??= {};
    this.notes[fact] = value;
  }
}
