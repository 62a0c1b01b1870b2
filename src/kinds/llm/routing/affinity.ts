import type { LlmCall } from '../../../core/call.ts';
import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Place } from '../../../core/health.ts';
import { asString, isArray, isObject, type Json } from '../../../core/json.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanAffinity } from '../../../core/plan.ts';
import { hashOf } from '../../../core/stable-hash.ts';
import { subjectOf } from '../../../core/subject.ts';
import type { Resolved } from '../resolve.ts';

/** Reasoning that is sealed for one account: a conversation that holds it goes back to where it came from. */
const SEALED: PlanAffinity = { by: 'conversation', lasts: 3_600_000 };
const SEALED_DIALECT = 'openai-responses';
const KIND = 'affinity';
/** Milliseconds that a call waits at most to learn where its conversation was answered from another isolate. */
const PATIENCE = 100;

/** Where the calls of one conversation, session or user are answered. */
export interface Affinity {
  /** Where the last one was answered, if anybody knows. */
  place(): Promise<Place | undefined> | Place | undefined;
  /** This one was answered there. */
  keep(place: Place): void;
}

/** `undefined` where the model asks for none, or the call does not say what it belongs to. */
export function affinityOf(model: Resolved, call: LlmCall | OperationCall, exchange: Exchange, plan: Plan): Affinity | undefined {
  const wanted = model.affinity ?? (carriesSealed(call) ? SEALED : undefined);
  const subject = wanted === undefined ? undefined : subjectOf(wanted.by, call, exchange);
  const { affinities } = exchange.ports;
  if (wanted === undefined || subject === undefined || affinities === undefined) return undefined;
  return new KnownAffinity(`${model.name} ${subject}`, wanted.lasts, { exchange, plan, affinities });
}

interface Instruments {
  readonly exchange: Exchange;
  readonly plan: Plan;
  readonly affinities: NonNullable<Exchange['ports']['affinities']>;
}

/** Known to this isolate, or to one before it by way of what is kept for the app. */
class KnownAffinity implements Affinity {
  readonly #subject: string;
  readonly #lasts: number;
  readonly #instruments: Instruments;

  constructor(subject: string, lasts: number, instruments: Instruments) {
    this.#subject = subject;
    this.#lasts = lasts;
    this.#instruments = instruments;
  }

  place(): Promise<Place | undefined> | Place | undefined {
    const { exchange, affinities } = this.#instruments;
    const { continuity, clock } = exchange.ports;
    const known = affinities.of(this.#subject, clock.now());
    if (known !== undefined || continuity === undefined) return known;
    const id = this.#id;
    const kept = continuity.get(exchange.who.principal, KIND, [id]).then(
      (found) => asString(found.get(id)),
      (thrown: unknown) => this.#missed(thrown),
    );
    // It is a hint: whoever keeps it slowly keeps nobody waiting.
    return Promise.race([kept, new Promise<undefined>((resolve) => setTimeout(resolve, PATIENCE))]);
  }

  keep(place: Place): void {
    const { exchange, plan, affinities } = this.#instruments;
    const { continuity, clock, after } = exchange.ports;
    const now = clock.now();
    const isNews = affinities.note(this.#subject, place, now, this.#lasts);
    if (!isNews || continuity === undefined) return;
    const entry = { kind: KIND, id: this.#id, value: place, expiresAt: now + this.#lasts };
    after(continuity.put(exchange.who.principal, [entry], plan.state).catch((thrown: unknown) => void this.#missed(thrown)));
  }

  get #id(): string {
    return hashOf(this.#subject);
  }

  #missed(thrown: unknown): undefined {
    this.#instruments.exchange.note('affinity', GatewayError.from(thrown).message);
  }
}

/** Whether a call asks for sealed reasoning, or brings some: source: platform.openai.com, "Encrypted reasoning items". */
function carriesSealed({ dialect, wire }: LlmCall | OperationCall): boolean {
  if (dialect?.id !== SEALED_DIALECT || !wire.text.includes('encrypted_content')) return false;
  const { include, input } = wire.json();
  const isSealed = (item: Json) => isObject(item) && item.type === 'reasoning' && typeof item.encrypted_content === 'string';
  return (isArray(include) && include.includes('reasoning.encrypted_content')) || (isArray(input) && input.some(isSealed));
}
