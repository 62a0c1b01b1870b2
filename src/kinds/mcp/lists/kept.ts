import { type ErrorCode, GatewayError } from '../../../core/errors.ts';
import type { Clock } from '../../../core/ports.ts';
import type { Listing, Offer, Page, Source, SourceContext } from '../sources/source.ts';
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
    request: (ask, context) => kept.alive(source.request(ask, kept.hearing(context))),
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

  async needsSession(context: SourceContext): Promise<boolean> {
    const { listingWithin } = context;
    if (listingWithin === undefined) return (await this.#source.needsSession?.(context)) ?? false;
    const needs = await this.#asked(undefined, context, (inside) => this.#source.needsSession?.(inside) ?? false);
    return needs === true;
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
  alive<T>(answer: Promise<T>): Promise<T> {
    if (this.#silent === undefined) return answer;
    return answer.then((value) => {
      this.#silent = undefined;
      return value;
    });
  }

  /** What the source says now; an error where something it said before is to be given for it. Throws where there is nothing. */
  async #asked<T>(
    known: Kept<unknown> | undefined,
    context: SourceContext,
    work: (context: SourceContext) => T | Promise<T>,
  ): Promise<T | GatewayError> {
    const { clock } = this.#home;
    const isKnown = known !== undefined && clock.now() - known.at < EARLIER_FOR;
    const silent = this.#silent;
    const { listingWithin } = context;
    if (silent !== undefined && listingWithin !== undefined && clock.now() < silent.until) {
      if (isKnown) return silent.error;
      throw silent.error;
    }
    try {
      const most = listingWithin !== undefined && isKnown ? Math.min(listingWithin, WAIT_WITH_EARLIER) : listingWithin;
      const value = await within(most, context, work);
      this.#silent = undefined;
      return value;
    } catch (thrown) {
      context.signal.throwIfAborted();
      if (!(thrown instanceof GatewayError)) throw thrown;
      if (thrown.code === 'upstream_timeout' && listingWithin !== undefined) this.#pause(thrown);
      if (isKnown && FAILURES.has(thrown.code)) return thrown;
      throw thrown;
    }
  }

  #pause(error: GatewayError): void {
    const pause = this.#silent === undefined ? PAUSE : Math.min(2 * this.#silent.pause, LONGEST_PAUSE);
    this.#silent = { error, until: this.#home.clock.now() + pause, pause };
  }

  /** `private`: of this caller, and of what its client can; `public`: of everybody whose client can the same. */
  #key(what: Listing | 'offer', cursor: string | undefined, context: SourceContext, scope: 'private' | 'public'): string {
    const { era, version, capabilities, info } = context.client;
    // Neither makes a difference to a server; what a run may not see is taken away behind this.
    const { run: _, address: __, ...caller } = context.caller;
    const whose = scope === 'private' ? [context.principal, caller] : [];
    return JSON.stringify([this.#home.name, what, cursor ?? null, era, version, capabilities, info ?? null, ...whose]);
  }
}

function earlier<T>(known: Kept<T> | undefined, error: GatewayError): T {
  if (known === undefined) throw error;
  return known.value;
}
