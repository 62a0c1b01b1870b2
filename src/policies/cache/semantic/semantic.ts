import { isWhollyRead, plain } from '../../../core/cache/asked.ts';
import { questionsOf } from '../../../core/cache/checks.ts';
import { fingerprintOf } from '../../../core/cache/fingerprint.ts';
import type { AnswerCache } from '../../../core/cache/port.ts';
import type { StoredAnswer } from '../../../core/cache/stored-answer.ts';
import type { LlmCall } from '../../../core/call.ts';
import type { Exchange } from '../../../core/exchange.ts';
import type { Json, JsonObject } from '../../../core/json.ts';
import { type Embedder, similarity } from '../../../core/meaning/embedder.ts';
import type { VectorPlace } from '../../../core/meaning/vectors.ts';
import { templateOf, unfit } from '../../../core/sameness/index.ts';
import { pointOf } from '../../../core/stable-hash.ts';
import { type Comparison, compared, textOf } from './compare.ts';
import { within } from './deadline.ts';
import { writeQuestion } from './kept-question.ts';
import { questionIn } from './question.ts';
import { type Candidate, type Found, search } from './search.ts';
import type { SemanticSettings } from './settings.ts';

/** Of the partition: what was kept under another one is not found. */
const VERSION = 1;
const SECOND = 1_000;
/**
 * Milliseconds that a call waits: an object on the same continent takes 5 to 40, and the answer comes from KV as long
 * again. An embedder elsewhere is a call of its own.
 */
const NEAR = 100;
const FAR = 1_000;
/** Milliseconds that what goes behind an answer may take. */
const BEHIND = 10_000;
/** Characters of an answer that are compared by direction. */
const COMPARED = 4_000;
/** How often, and after how many milliseconds each time, the answer of a call that was made once more is looked for. */
const LOOKS = 20;
const LOOK = 100;

export interface SemanticOptions {
  readonly settings: SemanticSettings;
  /** Seconds. */
  readonly ttl: number;
  readonly maxAge: number | undefined;
  readonly exchange: Exchange;
  readonly answers: AnswerCache;
  readonly call: LlmCall;
  /** By which the call's own answer is kept. */
  readonly key: string;
  /** What else the key holds beside what is asked. */
  readonly under: Json;
}

/** An answer that was made for another question, and what is said of it. */
export interface Meant {
  readonly answer: StoredAnswer;
  readonly key: string;
  readonly said: JsonObject;
}

/** One call before the questions that were answered before. Whatever of it fails or is slow is a miss. */
export class Semantic {
  readonly #options: SemanticOptions;
  /** Absent where the call is none whose question may be said in other words. */
  #text: string | undefined;
  #embedder: Embedder | undefined;
  #place: VectorPlace | undefined;
  #vector: Int8Array | undefined;
  #found: Found | undefined;
  #why: string | undefined;

  constructor(options: SemanticOptions) {
    this.#options = options;
  }

  /** An answer to give. Never rejects. */
  async find(): Promise<Meant | undefined> {
    const { settings, exchange } = this.#options;
    const { timeout = settings.embedding === undefined ? NEAR : FAR } = settings;
    const found = await within(timeout, exchange.signal, (signal) => this.#search(signal));
    if (found === 'late' || found === 'failed') this.#why = found;
    else this.#found = found.done;
    const { candidate, standing } = this.#found ?? {};
    if (candidate === undefined || standing?.serves !== true) {
      this.#why ??= this.#found?.why ?? standing?.why ?? 'unknown';
      this.#explain('miss');
      return undefined;
    }
    this.#explain('hit');
    return { answer: candidate.answer, key: candidate.key, said: { semantic: true, ...saidOf(candidate), also: candidate.also } };
  }

  /** What the log says of a call that was given nothing by meaning. */
  get missed(): JsonObject {
    return { semantic: false, ...(this.#why === undefined ? {} : { why: this.#why }), ...this.#near };
  }

  /** What was nearest, where anything was near. */
  get #near(): JsonObject {
    const { candidate, similarity: alike, certainty, objections = [] } = this.#found ?? {};
    if (candidate !== undefined) return saidOf(candidate);
    return alike === undefined ? {} : { ...rounded(alike, certainty), ...(objections.length === 0 ? {} : { objections }) };
  }

  /** It was given: that is counted, and some are looked at once more. */
  served(): void {
    const { settings, exchange, key } = this.#options;
    const { candidate, checked = 0, askedToday = 0 } = this.#found ?? {};
    const { checks } = exchange.ports;
    if (candidate === undefined || checks === undefined) return;
    const { org } = exchange.who;
    checks.note(org, exchange.route.name, { hits: 1 });
    if (settings.mode !== 'verify' || askedToday >= settings.checksPerDay || exchange.again === undefined) return;
    const isDrawn = checked < settings.minChecks || pointOf(`${exchange.id} check`) < settings.sample;
    const { flights } = this.#options.answers;
    if (!isDrawn || !flights.begins(`check ${key}`)) return;
    checks.note(org, exchange.route.name, { asked: 1 });
    exchange.ports.after(this.#askAgain(candidate).finally(() => flights.done(`check ${key}`)));
  }

  /** `kept`: the call's own answer, where it was kept. */
  async end(kept: StoredAnswer | undefined): Promise<void> {
    const text = kept && textOf(kept.chunks);
    if (kept === undefined || text === undefined) return;
    const { exchange, key } = this.#options;
    exchange.ports.after(this.#learn(kept).catch(() => undefined));
    const candidate = this.#found?.candidate;
    if (candidate === undefined) return;
    const result = await this.#compare(candidate.answer, text);
    this.#count(result);
    exchange.note('cache', { hit: false, key, ...this.missed, result });
  }

  async #search(signal: AbortSignal): Promise<Found | undefined> {
    const { settings, exchange, answers, call, ttl, maxAge } = this.#options;
    const { vectors, checks, clock } = exchange.ports;
    if (vectors === undefined || checks === undefined) return this.#none('unavailable');
    if (!(await this.#prepare())) return undefined;
    const vector = await this.#embed(signal);
    const text = this.#text;
    const place = this.#place;
    if (vector === undefined || text === undefined || place === undefined) return this.#none('no-words');
    const fits = ({ dialect, at }: StoredAnswer) =>
      (dialect === undefined || dialect === call.dialect.id) &&
      (clock.now() - at) / SECOND < Math.min(ttl, maxAge ?? Number.POSITIVE_INFINITY);
    return search({ text, vector, place, settings, exchange, answers, vectors, checks, fits }, signal);
  }

  #none(why: string): undefined {
    this.#why = why;
    return undefined;
  }

  /** Finds the question and where its like are kept; whether there is one. */
  async #prepare(): Promise<boolean> {
    const { settings, exchange, call, under } = this.#options;
    // What only its provider can read may be what the answer hangs on.
    const question = isWhollyRead(call) ? questionIn(call.chat(), settings.temperature) : 'unread';
    const unsuited = typeof question === 'string' ? question : unfit(question.text, settings.domain);
    if (typeof question === 'string' || unsuited !== undefined) {
      this.#why = unsuited ?? 'no-question';
      return false;
    }
    const embedder = this.#embedderOf();
    if (embedder === undefined) {
      this.#why = 'no-embedder';
      return false;
    }
    const { org } = exchange.who;
    const { skeleton, slot } = templateOf(question.text);
    const partition = await fingerprintOf([VERSION, embedder.id, under, plain(question.rest), skeleton]);
    this.#text = slot;
    this.#embedder = embedder;
    this.#place = { owner: questionsOf(org, exchange.route.name), partition };
    return true;
  }

  #embedderOf(): Embedder | undefined {
    const { exchange, settings } = this.#options;
    if (exchange.embedder !== undefined) return exchange.embedder(settings.embedding);
    return settings.embedding === undefined ? exchange.ports.embedder : undefined;
  }

  /** `undefined` where nothing of the question is known. */
  async #embed(signal: AbortSignal): Promise<Int8Array | undefined> {
    if (this.#text === undefined || this.#embedder === undefined) return undefined;
    const [vector] = await this.#embedder.embed([this.#text], signal);
    if (vector?.some((value) => value !== 0) === true) this.#vector = vector;
    return this.#vector;
  }

  /** Keeps the question, so that others that mean the same find its answer. */
  async #learn({ at }: StoredAnswer): Promise<void> {
    const { exchange, key, ttl } = this.#options;
    const { vectors } = exchange.ports;
    // A call that asked anew, or whose search was late, has not come so far.
    if (this.#place === undefined && (vectors === undefined || !(await this.#prepare()))) return;
    const vector = this.#vector ?? (await this.#embed(AbortSignal.timeout(BEHIND)));
    if (vectors === undefined || vector === undefined || this.#place === undefined || this.#text === undefined) return;
    const data = writeQuestion({ text: this.#text, request: exchange.id, at });
    if (data === undefined) return;
    await vectors.put(this.#place, { id: key, vector, data, expiresAt: at + ttl * SECOND });
  }

  async #askAgain(candidate: Candidate): Promise<void> {
    const { exchange, answers, key } = this.#options;
    const since = exchange.ports.clock.now();
    await exchange.again?.();
    for (let look = 0; look < LOOKS; look++) {
      const own = await answers.get(key, exchange.who);
      if (own !== undefined && own.at >= since) {
        const text = textOf(own.chunks);
        this.#count(text === undefined ? 'unsure' : await this.#compare(candidate.answer, text));
        return;
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK));
    }
  }

  async #compare(kept: StoredAnswer, fresh: string): Promise<Comparison> {
    const text = textOf(kept.chunks);
    if (text === undefined) return 'unsure';
    const { exchange } = this.#options;
    // By the isolate's own embedder whatever the questions are embedded by: comparing costs nobody anything.
    const { embedder } = exchange.ports;
    const embedded = await within(NEAR, exchange.signal, async (signal) =>
      embedder?.embed(
        [text, fresh].map((each) => each.slice(0, COMPARED)),
        signal,
      ),
    );
    const [one, other] = typeof embedded === 'string' ? [] : (embedded.done ?? []);
    return compared(text, fresh, one === undefined || other === undefined ? undefined : similarity(one, other));
  }

  #count(result: Comparison): void {
    const { exchange } = this.#options;
    const counted = result === 'unsure' ? { unsure: 1 } : { checked: 1, wrong: result === 'different' ? 1 : 0 };
    exchange.ports.checks?.note(exchange.who.org, exchange.route.name, counted);
  }

  /** Tells a caller who asks how it was decided. */
  #explain(came: 'hit' | 'miss'): void {
    const { call, exchange } = this.#options;
    if (call.headers.get('x-weir-explain') !== '1') return;
    const members = Object.entries(came === 'hit' ? this.#near : { why: this.#why ?? 'none', ...this.#near });
    exchange.tell?.('x-weir-semantic', [came, ...members.map(([name, value]) => `${name}=${value}`)].join('; '));
  }
}

const saidOf = ({ similarity: alike, certainty, of }: Candidate) => ({ ...rounded(alike, certainty), of });

const rounded = (alike: number, certainty: number | undefined) => ({
  similarity: Number(alike.toFixed(4)),
  ...(certainty === undefined ? {} : { certainty: Number(certainty.toFixed(4)) }),
});
