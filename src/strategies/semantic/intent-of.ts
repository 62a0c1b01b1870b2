import type { Canon, Exchange } from '../../core/exchange.ts';
import type { Embedder } from '../../core/meaning/embedder.ts';
import { promptOf } from '../../core/routing/prompt.ts';
import type { Intents } from './intents.ts';
import { learnt, reasonOf } from './learnt.ts';
import type { Config } from './settings.ts';

type Call = Canon['llm']['call'];

/** What a call is about, as far as that can be told. */
export interface Found {
  /** Place of the route; absent where it is none of them. */
  readonly route?: number;
  readonly name?: string;
  /** What it is most like, also where that is not enough. */
  readonly nearest?: {
    readonly name: string;
    readonly example: string;
    readonly similarity: number;
    readonly threshold: number;
    readonly margin?: number;
  };
  /** Why nothing can be told. */
  readonly reason?: string;
}

/** Never throws: what cannot be told is a reason. */
export async function intentOf(settings: Config, call: Call, exchange: Exchange, now: number): Promise<Found> {
  const text = lastWords(call);
  if (text === undefined) return { reason: 'it is no chat' };
  if (text.trim() === '') return { reason: 'the user says nothing' };
  const embedder = embedderOf(exchange, settings.embedding);
  if (typeof embedder === 'string') return { reason: embedder };
  const deadline = new Deadline(settings.wait);
  try {
    const known = learnt(settings, { embedder, now, after: (work) => exchange.ports.after(work) });
    const intents = known instanceof Promise ? await deadline.within(known) : known;
    if (typeof intents === 'string') return { reason: intents };
    const embedded = embedder.embed([text], deadline.signal);
    const [vector] = embedded instanceof Promise ? await deadline.within(embedded) : embedded;
    return vector === undefined || vector.length !== intents.dimensions
      ? { reason: 'the embedder gave no vector' }
      : placed(vector, intents, settings);
  } catch (thrown) {
    return { reason: reasonOf(thrown) };
  } finally {
    deadline.over();
  }
}

function placed(vector: Int8Array, intents: Intents, { routes, threshold }: Config): Found {
  const match = intents.match(vector);
  const route = match === undefined ? undefined : routes[match.route];
  if (match === undefined || route === undefined) return { reason: 'none of its words is known' };
  const least = threshold === 'auto' ? intents.threshold : threshold;
  const nearest = {
    name: route.name,
    example: route.examples[match.example] ?? '',
    similarity: rounded(match.score),
    threshold: rounded(least),
    ...(match.margin === undefined ? {} : { margin: rounded(match.margin) }),
  };
  return match.score < least ? { nearest } : { route: match.route, name: route.name, nearest };
}

const rounded = (value: number) => Number(value.toFixed(3));

/** `undefined` for what is no chat, and for a call that cannot be read: whoever serves it will say why. */
function lastWords(call: Call): string | undefined {
  if (call.dialect === undefined) return undefined;
  try {
    return promptOf(call.chat()).text;
  } catch {
    return undefined;
  }
}

/** The embedder, or why there is none. */
function embedderOf(exchange: Exchange, model: string | undefined): Embedder | string {
  try {
    return exchange.embedder?.(model) ?? 'there is no embedder';
  } catch (thrown) {
    return reasonOf(thrown);
  }
}

/** The end of a call's patience. It costs nothing before something has to be waited for. */
class Deadline {
  readonly #wait: number;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(wait: number) {
    this.#wait = wait;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** What the work comes to; rejects where it takes too long, whether it listens to the signal or not. */
  within<T>(work: Promise<T>): Promise<T> {
    const reason = new Error(`the embedder did not answer within ${this.#wait} ms`);
    this.#timer ??= setTimeout(() => this.#controller.abort(reason), this.#wait);
    return new Promise((resolve, reject) => {
      work.then(resolve, reject);
      if (this.signal.aborted) reject(reason);
      else this.signal.addEventListener('abort', () => reject(reason));
    });
  }

  over(): void {
    clearTimeout(this.#timer);
  }
}
