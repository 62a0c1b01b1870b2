import type { Embedder } from '../../core/meaning/embedder.ts';
import { Intents } from './intents.ts';
import type { Config } from './settings.ts';

/** Texts that an embedder is given at once: the least that vendors' models take is more. */
const BATCH = 64;
/** Milliseconds for the examples of a configuration, behind the call that was the first to need them. */
const PATIENCE = 25_000;
/** Milliseconds after a failure before they are tried again. */
const REST = 10_000;

/** The examples of a configuration as vectors, or why there are none. */
type Learnt =
  | { readonly intents: Intents; readonly embedder: string }
  | { readonly missing: string; readonly embedder: string; readonly until: number };

/** Vectors live as long as the plan whose settings they belong to; its schema says how many there may be. */
const LEARNT = new WeakMap<Config, Learnt>();

export interface Learning {
  readonly embedder: Embedder;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Keeps on what is not done when the call is. */
  after(work: Promise<unknown>): void;
}

/**
 * What the examples say: at once where it is known or the embedder asks nobody, and else when it has been asked. A call
 * must not wait for what another one has asked for, since the platform ends that with the other call: it is told why there
 * is nothing yet. Never throws or rejects.
 */
export function learnt(settings: Config, { embedder, now, after }: Learning): Intents | string | Promise<Intents | string> {
  const known = LEARNT.get(settings);
  if (known !== undefined && known.embedder === embedder.id) {
    if ('intents' in known) return known.intents;
    if (now < known.until) return known.missing;
  }
  const texts = settings.routes.flatMap(({ examples }) => examples);
  const keep = (vectors: readonly Int8Array[]): Intents => {
    const intents = intentsOf(settings, vectors, embedder.dimensions);
    LEARNT.set(settings, { intents, embedder: embedder.id });
    return intents;
  };
  const miss = (thrown: unknown): string => {
    const missing = `the examples could not be embedded: ${reasonOf(thrown)}`;
    LEARNT.set(settings, { missing, embedder: embedder.id, until: now + REST });
    return missing;
  };
  try {
    const first = embedder.embed(texts.slice(0, BATCH), AbortSignal.timeout(PATIENCE));
    if (!(first instanceof Promise)) return keep(rest(embedder, texts, first));
    LEARNT.set(settings, { missing: 'the examples are being embedded', embedder: embedder.id, until: now + PATIENCE });
    const work = asked(embedder, texts, first).then(keep).catch(miss);
    after(work);
    return work;
  } catch (thrown) {
    return miss(thrown);
  }
}

/** Of an embedder that answers at once. */
function rest(embedder: Embedder, texts: readonly string[], first: readonly Int8Array[]): readonly Int8Array[] {
  const vectors = [...first];
  const { signal } = new AbortController();
  while (vectors.length > 0 && vectors.length < texts.length) {
    const more = embedder.embed(texts.slice(vectors.length, vectors.length + BATCH), signal);
    if (more instanceof Promise) throw new Error('it answered at once, and then not');
    if (more.length === 0) break;
    vectors.push(...more);
  }
  return vectors;
}

/** Of one that is asked elsewhere: one batch after the other, so that nobody's rate limit is used up at once. */
async function asked(embedder: Embedder, texts: readonly string[], first: Promise<readonly Int8Array[]>): Promise<readonly Int8Array[]> {
  const signal = AbortSignal.timeout(PATIENCE);
  const vectors = [...(await first)];
  for (let at = BATCH; at < texts.length; at += BATCH) {
    vectors.push(...(await embedder.embed(texts.slice(at, at + BATCH), signal)));
  }
  return vectors;
}

/** Throws where an embedder does not keep to its contract. */
function intentsOf({ routes }: Config, vectors: readonly Int8Array[], dimensions: number): Intents {
  const texts = routes.reduce((sum, { examples }) => sum + examples.length, 0);
  if (vectors.length !== texts || vectors.some(({ length }) => length !== dimensions)) {
    throw new Error('there is not one vector of the right length for each');
  }
  let at = 0;
  const split = routes.map(({ examples }) => {
    at += examples.length;
    return vectors.slice(at - examples.length, at);
  });
  return new Intents(split, dimensions);
}

export const reasonOf = (thrown: unknown): string => (thrown instanceof Error ? thrown.message : String(thrown));
