import { type ErrorCode, GatewayError } from '../../../core/errors.ts';
import type { Clock } from '../../../core/ports.ts';
import { Snapshots } from '../../../core/snapshots.ts';
import type { Caller, Client, Listing, Offer, Page, Source, SourceContext } from '../sources/source.ts';
import { handedOn } from '../transforms/transform.ts';
import type { Kept, ListStore } from './store.ts';
import { within } from './within.ts';

/** Milliseconds for which a list counts as what a source has, whatever the source says: the notice that it has changed may have come elsewhere. */
export const MOST_FRESH = 300_000;
/** Milliseconds for which what a source says of itself is kept. */
const OFFER_FOR = 30_000;
/** Milliseconds for which an earlier list is given where the source fails. */
const EARLIER_FOR = 600_000;
/** Milliseconds for which a source is waited for whose earlier list is known. */
const WAIT_WITH_EARLIER = 1_000;
/** Milliseconds for which a source that did not answer in time is not asked for lists again; twice as long after each further time, and at most. */
const PAUSE = 10_000;
const LONGEST_PAUSE = 120_000;

/** Milliseconds for which lists of several do not ask a source again that has just failed: every page of one list would meet it anew. */
const FAILED_FOR = 2_000;
/** Callers for whom it is remembered that a source failed, or needs a session. */
const MOST_CALLERS = 256;

/** A source that is not there; one that refuses has said something, and what it said before does not hold. */
const FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'upstream_timeout',
  'upstream_unreachable',
  'upstream_error',
  'upstream_overloaded',
  'upstream_rate_limited',
  'upstream_interrupted',
  'upstream_invalid',
]);

interface Home {
  readonly name: string;
  readonly clock: Clock;
  /** Milliseconds for which a list is kept whose source does not say for how long. */
  readonly fresh: number;
}

/**
 * A source whose lists are kept as long as it allows. Where it fails, an earlier list is given and says so; where it does
 * not answer in time, nobody waits for it again for a while. It stands right before the source, behind every transform:
 * what one caller may see is decided anew each time.
 */
export function keepLists(source: Source, store: ListStore, home: Home): Source {
  const kept = new KeptLists(source, store, home);
  return {
    ...handedOn(source),
    ...(source.speaks === undefined ? {} : { speaks: source.speaks }),
    offer: (context) => kept.offer(context),
    list: (what, cursor, context) => kept.list(what, cursor, context),
    close() {
      store.forget(home.name);
      return source.close?.();
    },
    request: (ask, context) => kept.alive(source.request(ask, kept.hearing(context)), context),
    ...(source.needsSession === undefined ? {} : { needsSession: (context) => kept.needsSession(context) }),
    ...(source.listen === undefined
      ? {}
      : { listen: (filter, context) => source.listen?.(filter, kept.hearing(context)) ?? Promise.resolve() }),
  };
}

class KeptLists {
  readonly #source: Source;
  readonly #store: ListStore;
  readonly #home: Home;
  #silent: { readonly error: GatewayError; readonly until: number; readonly pause: number } | undefined;
  /** Of each caller: what one is refused, and in which words, is nobody else's. */
  readonly #failed = new Snapshots<{ readonly error: GatewayError; readonly until: number }>(MOST_CALLERS);

  readonly #needs = new Snapshots<{ readonly value: boolean; readonly until: number }>(MOST_CALLERS);

  constructor(source: Source, store: ListStore, home: Home) {
    this.#source = source;
    this.#store = store;
    this.#home = home;
  }

  async offer(context: SourceContext): Promise<Offer> {
    const key = this.#key('offer', undefined, context, 'private');
    const known = this.#store.offer(key);
    const now = this.#home.clock.now();
    if (known !== undefined && now < known.until) return known.value;
    const offer = await this.#asked(known, context, (inside) => this.#source.offer(inside));
    if (offer instanceof GatewayError) return earlier(known, offer);
    this.#store.put(this.#home.name, key, { value: offer, at: now, until: now + OFFER_FOR });
    return offer;
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    const [own, shared] = [this.#key(what, cursor, context, 'private'), this.#key(what, cursor, context, 'public')];
    const known = this.#store.page(shared) ?? this.#store.page(own);
    const now = this.#home.clock.now();
    if (known !== undefined && now < known.until && now - known.at < (context.listedWithin ?? Number.POSITIVE_INFINITY)) {
      const { ttlMs, ...page } = known.value;
      return ttlMs === undefined ? page : { ...page, ttlMs: known.until - now };
    }
    const page = await this.#asked(known, context, (inside) => this.#source.list(what, cursor, inside));
    if (page instanceof GatewayError) return { ...earlier(known, page), ttlMs: 0, failed: page };
    const { fresh } = this.#home;
    const told = page.ttlMs === undefined || !Number.isFinite(page.ttlMs) ? undefined : Math.min(Math.max(page.ttlMs, 0), MOST_FRESH);
    const said = told === undefined ? page : { ...page, ttlMs: told };
    // A cursor may be the caller's own, though what it leads to is everybody's.
    const isShared = page.cacheScope === 'public' && page.nextCursor === undefined && cursor === undefined;
    this.#store.put(this.#home.name, isShared ? shared : own, { value: said, at: now, until: now + (told ?? fresh) });
    return said;
  }

  /** It may be known without asking: then nothing is said of whether the source is there. */
  async needsSession(context: SourceContext): Promise<boolean> {
    const { listingWithin } = context;
    if (listingWithin === undefined) return (await this.#source.needsSession?.(context)) ?? false;
    const now = this.#home.clock.now();
    if (this.#failure(now, context) !== undefined) return false;
    const key = clientText(context.client) + whose(context);
    const known = this.#needs.get(key);
    if (known !== undefined && now < known.until) return known.value;
    this.#tries(now + listingWithin);
    try {
      const value = await within(listingWithin, context, (inside) => this.#source.needsSession?.(inside) ?? false);
      this.#tries(now);
      this.#needs.put(key, { value, until: now + OFFER_FOR });
      return value;
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (thrown instanceof GatewayError) this.#missed(thrown, context);
      throw thrown;
    }
  }

  /** What a source tells in the middle of anything else may be that its lists have changed. */
  hearing(context: SourceContext): SourceContext {
    const notify: SourceContext['notify'] = (method, params) => {
      if (method.endsWith('/list_changed')) this.#store.forget(this.#home.name);
      context.notify(method, params);
    };
    return { ...context, notify };
  }

  /** Who answers is there again. */
  alive<T>(answer: Promise<T>, context: SourceContext): Promise<T> {
    if (this.#silent === undefined && this.#failed.size === 0) return answer;
    return answer.then((value) => {
      this.#silent = undefined;
      this.#failed.delete(whose(context));
      return value;
    });
  }

  /** What the source says now; an error where something it said before is to be given for it. Throws where there is nothing. */
  async #asked<T>(
    known: Kept<unknown> | undefined,
    context: SourceContext,
    work: (context: SourceContext) => T | Promise<T>,
  ): Promise<T | GatewayError> {
    const now = this.#home.clock.now();
    const isKnown = known !== undefined && now - known.at < EARLIER_FOR;
    const { listingWithin } = context;
    const failure = listingWithin === undefined ? undefined : this.#failure(now, context);
    if (failure !== undefined) {
      if (isKnown) return failure;
      throw failure;
    }
    if (listingWithin !== undefined) this.#tries(now + listingWithin);
    try {
      const most = listingWithin !== undefined && isKnown ? Math.min(listingWithin, WAIT_WITH_EARLIER) : listingWithin;
      const value = await within(most, context, work);
      this.#silent = undefined;
      if (this.#failed.size > 0) this.#failed.delete(whose(context));
      return value;
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (!(thrown instanceof GatewayError)) throw thrown;
      if (listingWithin !== undefined) this.#missed(thrown, context);
      if (isKnown && FAILURES.has(thrown.code)) return thrown;
      throw thrown;
    }
  }

  /** Why it is not asked now, where it was in vain a moment ago. */
  #failure(now: number, context: SourceContext): GatewayError | undefined {
    if (this.#silent !== undefined && now < this.#silent.until) return this.#silent.error;
    const failed = this.#failed.size === 0 ? undefined : this.#failed.get(whose(context));
    return failed !== undefined && now < failed.until ? failed.error : undefined;
  }

  /** After a pause, one finds out whether the source is there again: until then nobody else waits with it. */
  #tries(until: number): void {
    if (this.#silent !== undefined) this.#silent = { ...this.#silent, until };
  }

  #missed(error: GatewayError, context: SourceContext): void {
    const { clock, fresh } = this.#home;
    if (error.code === 'upstream_timeout') this.#pause(error);
    else this.#tries(clock.now());
    if (FAILURES.has(error.code)) this.#failed.put(whose(context), { error, until: clock.now() + Math.min(FAILED_FOR, fresh) });
  }

  #pause(error: GatewayError): void {
    const pause = this.#silent === undefined ? PAUSE : Math.min(2 * this.#silent.pause, LONGEST_PAUSE);
    this.#silent = { error, until: this.#home.clock.now() + pause, pause };
  }

  /** `private`: of this caller, and of what its client can; `public`: of everybody whose client can the same. */
  #key(what: Listing | 'offer', cursor: string | undefined, context: SourceContext, scope: 'private' | 'public'): string {
    const thing = JSON.stringify([this.#home.name, what, cursor ?? null]);
    return thing + clientText(context.client) + (scope === 'private' ? whose(context) : '');
  }
}

/** Lists of thirty sources are looked for by the same texts. */
const clientTexts = new WeakMap<Client, string>();
const callerTexts = new WeakMap<Caller, string>();

/** What a server may go by: what a client can and is. From which level on it wants to be told makes no difference to lists. */
function clientText(client: Client): string {
  const { logLevel: _, ...said } = client;
  return textFor(clientTexts, client, () => said);
}

/** The whole of who asks. */
function whose({ principal, caller }: SourceContext): string {
  // Neither makes a difference to a server; what a run may not see is taken away behind this.
  const { run: _, address: __, ...who } = caller;
  return JSON.stringify(principal) + textFor(callerTexts, caller, () => who);
}

function textFor<T extends object>(known: WeakMap<T, string>, of: T, said: () => object): string {
  let text = known.get(of);
  if (text === undefined) {
    text = JSON.stringify(said());
    known.set(of, text);
  }
  return text;
}

function earlier<T>(known: Kept<T> | undefined, error: GatewayError): T {
  if (known === undefined) throw error;
  return known.value;
}
