import { GatewayError } from '../../../core/errors.ts';
import type { Exchange } from '../../../core/exchange.ts';
import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../core/json.ts';
import { type Embedder, quantised } from '../../../core/meaning/embedder.ts';
import type { OperationCall } from '../../../core/operation.ts';
import type { Plan, PlanProvider } from '../../../core/plan.ts';
import { readText } from '../../../core/reader.ts';
import { nameOf, type Target } from '../../../core/strategy.ts';
import { unreachable } from '../ask.ts';
import { resolveModel } from '../resolve.ts';
import { firstUnmet, requiredBy } from '../routing/permitted.ts';
import { ask } from './attempt.ts';
import { embeddings } from './embeddings/index.ts';
import { asFormat } from './embeddings/vectors.ts';
import { chargeFor, settleUsage } from './meter.ts';
import { openJson } from './open.ts';
import { errorOf, placeOf, plannedProvider } from './upstream.ts';

/** Texts of one call: what every vendor takes (Cohere 96, Gemini and Workers AI 100, OpenAI 2,048). */
export const MOST_TEXTS = 96;
/** Milliseconds of one call, whatever who waits for it allows: that is for them to shorten. */
const LONGEST_CALL = 10_000;
/** Numbers of a vector: the longest that vendors sell have 4,096. */
const MOST_DIMENSIONS = 8192;
/** Bytes of an answer: so many texts, so many numbers, each in some twenty characters. */
const MOST_BYTES = 16 * 1024 * 1024;

/**
 * The embedder of a configured model: `provider/model`, or a virtual model with one target. It is asked at the provider's
 * own address and with its own credential, as any call for embeddings; nothing is tried twice, since who asks can do
 * without. Throws `model_not_found`, `model_not_allowed` where the route's texts may not go there, and `not_supported`.
 */
export function embedderOf(model: string, headers: Headers, exchange: Exchange, plan: Plan): Embedder {
  const resolved = resolveModel(plan, model);
  const [target, ...others] = resolved.options;
  if (target === undefined || 'virtual' in target || others.length > 0) {
    throw new GatewayError('not_supported', `"${model}" stands for several models, whose vectors cannot be compared. Name one model.`);
  }
  const reason = firstUnmet(target, plan, [...requiredBy(exchange, plan), resolved.require]);
  if (reason !== undefined)
    throw new GatewayError('model_not_allowed', `The model "${model}" may not be sent texts of this route: ${reason}.`);
  const planned = plannedProvider(plan, target.provider);
  if (boundOf(planned, exchange) === undefined) placeOf(planned, embeddings, target.model);
  return new ProviderEmbedder({ target, planned, headers, exchange, plan });
}

const boundOf = ({ provider, settings }: PlanProvider, { ports }: Exchange) => provider.bound?.(settings, ports.models);

interface Asked {
  readonly target: Target;
  readonly planned: PlanProvider;
  /** The caller's: a provider that is asked with the caller's own credential finds it there. */
  readonly headers: Headers;
  readonly exchange: Exchange;
  readonly plan: Plan;
}

/** One exchange asks for a text once, whoever wants its vector. */
class ProviderEmbedder implements Embedder {
  readonly id: string;
  readonly #asked: Asked;
  readonly #vectors = new Map<string, Promise<Int8Array>>();
  #dimensions = 0;
  /** What all its calls came to, as the log row has it. */
  readonly #spent = { calls: 0, texts: 0, tokens: 0, cost: 0 };

  constructor(asked: Asked) {
    this.#asked = asked;
    this.id = nameOf(asked.target);
  }

  /** 0 until the first answer says it: not every vendor names it anywhere else. */
  get dimensions(): number {
    return this.#dimensions;
  }

  async embed(texts: readonly string[], signal: AbortSignal): Promise<readonly Int8Array[]> {
    signal.throwIfAborted();
    // Vendors refuse a text in which nothing is said.
    const missing = [...new Set(texts)].filter((text) => text.trim() !== '' && !this.#vectors.has(text));
    for (let from = 0; from < missing.length; from += MOST_TEXTS) this.#ask(missing.slice(from, from + MOST_TEXTS), signal);
    const vectors = await Promise.all(texts.map((text) => this.#vectors.get(text)));
    return vectors.map((vector) => vector ?? new Int8Array(this.#dimensions));
  }

  /** One call for some texts, whose vectors are known by their texts from then on; those of a failed call are asked for again. */
  #ask(texts: readonly string[], signal: AbortSignal): void {
    const answer = this.#call(texts, signal);
    for (const [at, text] of texts.entries()) {
      const vector = answer.then((vectors) => vectors[at] ?? new Int8Array(this.#dimensions));
      vector.catch(() => this.#vectors.delete(text));
      this.#vectors.set(text, vector);
    }
  }

  async #call(texts: readonly string[], waits: AbortSignal): Promise<readonly Int8Array[]> {
    const { target, planned, headers, exchange } = this.#asked;
    const signal = AbortSignal.any([waits, AbortSignal.timeout(LONGEST_CALL)]);
    const body = JSON.stringify({ model: target.model, input: texts, encoding_format: 'float' });
    const call = openJson(embeddings, body, headers);
    this.#spent.calls += 1;
    this.#spent.texts += texts.length;
    try {
      const reply =
        boundOf(planned, exchange) === undefined ? await this.#overNetwork(call, signal) : await this.#throughBinding(body, signal);
      this.#note(call, reply);
      return this.#read(reply, texts.length);
    } catch (thrown) {
      this.#note(call, undefined);
      throw signal.aborted ? signal.reason : unreachable(thrown);
    }
  }

  async #overNetwork(call: OperationCall, signal: AbortSignal): Promise<JsonObject> {
    const { target, planned, exchange, plan } = this.#asked;
    const credential = planned.credentials[0] ?? '';
    const line = { signal, abort: () => undefined, answered: () => undefined };
    const answered = await ask({ call, operation: embeddings, plan, exchange }, { target, credential }, line);
    if (answered.type === 'json') return answered.body;
    if (answered.type === 'bytes') await answered.source.cancel(undefined);
    throw new GatewayError('upstream_invalid', 'The provider answered a call for embeddings with something that is not JSON.');
  }

  async #throughBinding(body: string, signal: AbortSignal): Promise<JsonObject> {
    const { target, planned, exchange } = this.#asked;
    const request = { url: 'https://binding.invalid/embeddings', method: 'POST', headers: {}, body, signal } as const;
    const response = await boundOf(planned, exchange)?.(request, target.model, exchange.ports.clock);
    if (response === undefined) throw new GatewayError('internal', 'What was bound is not there any more.');
    if (!response.ok) throw await errorOf(response);
    const reply = parseJson((await readText(response, MOST_BYTES)) ?? '');
    if (isObject(reply)) return reply;
    throw new GatewayError('upstream_invalid', 'The provider answered a call for embeddings with something that is not JSON.');
  }

  /** The vectors of an answer in OpenAI's form, all of one length and as many as were asked for. */
  #read(reply: JsonObject, count: number): readonly Int8Array[] {
    const items = isArray(reply.data) ? reply.data : [];
    const ordered = Array.from<Json | undefined>({ length: count });
    for (const [at, item] of items.entries()) {
      if (isObject(item)) ordered[typeof item.index === 'number' ? item.index : at] = item.embedding;
    }
    const vectors = ordered.slice(0, count).map(numbersOf);
    const [{ length = 0 } = {}] = vectors;
    const known = this.#dimensions === 0 ? length : this.#dimensions;
    const fits = items.length === count && vectors.every((vector) => vector.length === known);
    if (!fits || known === 0 || known > MOST_DIMENSIONS) {
      throw new GatewayError('upstream_invalid', 'The provider answered a call for embeddings with vectors of other numbers or lengths.');
    }
    this.#dimensions = known;
    return vectors.map(quantised);
  }

  /** The operator's own expense, and no part of what the caller's call costs: it stands beside it in the log. */
  #note(call: OperationCall, reply: JsonObject | undefined): void {
    const { target, exchange, plan } = this.#asked;
    const spent = this.#spent;
    if (reply !== undefined) {
      const usage = settleUsage(embeddings, call, embeddings.usage(reply), '', exchange);
      spent.tokens += usage.input;
      spent.cost += chargeFor(plan, target, usage, exchange.ports.clock.now()).cost ?? 0;
    }
    exchange.note('embedding', { model: this.id, ...spent });
  }
}

function numbersOf(vector: Json | undefined): readonly number[] {
  const values = asFormat(vector, 'float');
  if (!isArray(values)) return [];
  const numbers = values.filter((each): each is number => typeof each === 'number' && Number.isFinite(each));
  return numbers.length === values.length ? numbers : [];
}
