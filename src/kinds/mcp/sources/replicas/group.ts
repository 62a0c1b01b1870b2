import { GatewayError } from '../../../../core/errors.ts';
import type { JsonObject } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import { codes, RpcError } from '../../wire/errors.ts';
import { textOf } from '../../wire/message.ts';
import type { Ask, ListenFilter, Listing, Offer, Page, Source, SourceContext, SourceHome } from '../source.ts';
import { Affinity } from './affinity.ts';
import { Breaker, mayGoOn } from './breaker.ts';
import { type Equality, isRepeatable, type Listed, type Row, tableOf } from './table.ts';

/** Milliseconds for which what the replicas list is kept, for as many callers. */
const TABLES_FOR = 30_000;
const MOST_TABLES = 200;
/** Milliseconds that lists wait for one of them. */
const LIST_WITHIN = 4_000;
/** Milliseconds after its last answer for which a replica needs not be asked whether it is there before it is asked to do something. */
const FRESH_FOR = 2_000;
/** Of requests that are not a tool's, those that only one replica understands: what they are about was begun there. */
const BOUND = /^tasks\//;

const WHAT: { readonly [method: string]: { readonly what: Listing; readonly key: string } } = {
  'tools/call': { what: 'tools', key: 'name' },
  'prompts/get': { what: 'prompts', key: 'name' },
  'resources/read': { what: 'resources', key: 'uri' },
};

interface Tables {
  readonly at: number;
  /** Plain data: a promise would be of the request that made it. */
  readonly of: Map<Listing, ReadonlyMap<string, Row>>;
}

/** Several servers for the same things as one. Who is served by one stays with it as long as it does well. */
export class Group implements Source {
  readonly #replicas: readonly Source[];
  readonly #home: SourceHome;
  readonly #equality: Equality;
  readonly #breaker: Breaker;
  readonly #affinity: Affinity;
  readonly #tables = new Map<string, Tables>();

  constructor(replicas: readonly Source[], settings: { readonly avoid: number; readonly equal: Equality }, home: SourceHome) {
    this.#replicas = replicas;
    this.#home = home;
    this.#equality = settings.equal;
    this.#breaker = new Breaker(home.ports.clock, settings.avoid);
    this.#affinity = new Affinity(replicas.length, home);
  }

  async needsSession(context: SourceContext): Promise<boolean> {
    const order = this.#order(context).filter((each) => this.#breaker.isClosed(each));
    const needs = await Promise.all(
      order.map(async (each) => {
        try {
          return (await this.#replicas[each]?.needsSession?.(context)) === true;
        } catch (thrown) {
          this.#breaker.failed(each, thrown);
          return false;
        }
      }),
    );
    return needs.includes(true);
  }

  /** What any of them is and can. Throws what the first said where none answers. */
  async offer(context: SourceContext): Promise<Offer> {
    const found = await this.#everybody(context, (each) => each.offer(context));
    const [first] = found;
    if (first === undefined) throw nobody(this.#home);
    const capabilities: JsonObject = Object.assign({}, ...found.toReversed().map(({ value }) => value.capabilities));
    return { ...first.value, capabilities };
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    if (cursor !== undefined) throw new RpcError(codes.invalidParams, 'There is one page only.');
    const tables = this.#tablesOf(context);
    tables.of.delete(what);
    return { items: [...(await this.#table(what, tables, context)).values()].map(({ item }) => item) };
  }

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const place = placeOf(ask);
    if (place !== undefined) return this.#only(place.replica, { ...ask, params: place.params }, context);
    if (BOUND.test(ask.method)) return this.#only(this.#affinity.order(context.principal)[0] ?? 0, ask, context);
    const known = Object.hasOwn(WHAT, ask.method) ? WHAT[ask.method] : undefined;
    const name = known === undefined ? undefined : textOf(ask.params, known.key);
    const row =
      known === undefined || name === undefined ? undefined : (await this.#table(known.what, this.#tablesOf(context), context)).get(name);
    const isCall = ask.method === 'tools/call';
    // What is not listed is asked of one alone: nobody says that another would do the same.
    const candidates = this.#order(context).filter((each) => row === undefined || row.replicas.includes(each));
    return this.#walk(row === undefined && isCall ? candidates.slice(0, 1) : candidates, ask, context, {
      isRepeatable: !isCall || (row !== undefined && isRepeatable(row.item)),
      isAlternative: row !== undefined && row.replicas.length > 1,
    });
  }

  async notify(method: string, params: JsonObject, context: SourceContext): Promise<void> {
    await this.#replicas[this.#affinity.order(context.principal)[0] ?? 0]?.notify?.(method, params, context);
  }

  async listen(filter: ListenFilter, context: SourceContext): Promise<void> {
    const inside: SourceContext = {
      ...context,
      notify: (method, params) => {
        if (method.endsWith('/list_changed')) this.#tables.clear();
        context.notify(method, params);
      },
    };
    await Promise.allSettled(this.#replicas.map((each) => each.listen?.(filter, inside)));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#replicas.map((each) => each.close?.()));
  }

  #order({ principal }: SourceContext): readonly number[] {
    return this.#breaker.order(this.#affinity.order(principal));
  }

  /** One after the other, as long as going on can do no harm. */
  async #walk(
    candidates: readonly number[],
    ask: Ask,
    context: SourceContext,
    how: { readonly isRepeatable: boolean; readonly isAlternative: boolean },
  ): Promise<Wire> {
    let first: unknown;
    for (const [tried, replica] of candidates.entries()) {
      const isLast = tried === candidates.length - 1;
      try {
        // A connection that is refused looks like one that broke when all had been sent; so one is made first that may break.
        if (!how.isRepeatable && how.isAlternative && !this.#breaker.isFresh(replica, FRESH_FOR)) await this.#look(replica, context);
      } catch (thrown) {
        first ??= thrown;
        if (context.signal.aborted || isLast) throw first;
        continue;
      }
      try {
        return await this.#only(replica, ask, context);
      } catch (thrown) {
        first ??= thrown;
        if (context.signal.aborted || isLast || !mayGoOn(thrown, how.isRepeatable)) throw thrown;
      }
    }
    throw first ?? nobody(this.#home);
  }

  /** Throws where it is not there. What it says does not matter. */
  async #look(replica: number, context: SourceContext): Promise<void> {
    try {
      await inTime(
        this.#noted(replica, async (source) => source.list('tools', undefined, context)),
        () => this.#late(replica),
      );
    } catch (thrown) {
      if (!(thrown instanceof RpcError)) throw thrown;
    }
  }

  async #only(replica: number, ask: Ask, context: SourceContext): Promise<Wire> {
    const result = await this.#noted(replica, (source) => source.request(ask, context));
    this.#affinity.served(context.principal, replica);
    return placed(result, replica);
  }

  async #noted<T>(replica: number, work: (source: Source) => Promise<T>): Promise<T> {
    const source = this.#replicas[replica];
    if (source === undefined) throw new GatewayError('internal', 'A replica was asked that there is not.');
    try {
      const done = await work(source);
      this.#breaker.good(replica);
      return done;
    } catch (thrown) {
      if (thrown instanceof RpcError) this.#breaker.good(replica);
      else this.#breaker.failed(replica, thrown);
      throw thrown;
    }
  }

  #tablesOf({ principal, caller, client }: SourceContext): Tables {
    const key = JSON.stringify([principal, caller, client]);
    const now = this.#home.ports.clock.now();
    const known = this.#tables.get(key);
    if (known !== undefined && now - known.at < TABLES_FOR) return known;
    const tables: Tables = { at: now, of: new Map() };
    this.#tables.delete(key);
    if (this.#tables.size >= MOST_TABLES) this.#tables.delete(this.#tables.keys().next().value ?? '');
    this.#tables.set(key, tables);
    return tables;
  }

  async #table(what: Listing, tables: Tables, context: SourceContext): Promise<ReadonlyMap<string, Row>> {
    const known = tables.of.get(what);
    if (known !== undefined) return known;
    const made = await this.#read(what, context);
    tables.of.set(what, made);
    return made;
  }

  async #read(what: Listing, context: SourceContext): Promise<ReadonlyMap<string, Row>> {
    const found = await this.#everybody(context, (source) => this.#items(source, what, context));
    const lists: Listed[] = found.map(({ replica, value }) => ({ replica, items: value }));
    // In the order of the document, so that what differs is shown the same to all.
    return tableOf(
      what,
      lists.toSorted((a, b) => a.replica - b.replica),
      this.#equality,
    );
  }

  async #items(source: Source, what: Listing, context: SourceContext): Promise<readonly JsonObject[]> {
    const [kind = ''] = what.split('/');
    if (!Object.hasOwn((await source.offer(context)).capabilities, kind)) return [];
    const items: JsonObject[] = [];
    let cursor: string | undefined;
    do {
      const page: Page = await source.list(what, cursor, context);
      items.push(...page.items);
      cursor = page.nextCursor;
    } while (cursor !== undefined && items.length < this.#home.limits.capabilities);
    return items;
  }

  /** Asks all that do well, or all where none does; those that answer in time. Throws where none answers. */
  async #everybody<T>(context: SourceContext, work: (source: Source) => T | Promise<T>) {
    const order = this.#order(context);
    const well = order.filter((each) => this.#breaker.isClosed(each));
    const asked = well.length === 0 ? order : well;
    const settled = await Promise.allSettled(
      asked.map(async (replica) => ({
        replica,
        value: await inTime(
          this.#noted(replica, async (source) => work(source)),
          () => this.#late(replica),
        ),
      })),
    );
    const found = settled.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
    const failed = settled.find((each) => each.status === 'rejected');
    if (found.length === 0) throw failed?.reason ?? nobody(this.#home);
    return found;
  }

  #late(replica: number): GatewayError {
    const error = new GatewayError('upstream_timeout', `A replica of "${this.#home.name}" did not answer within ${LIST_WITHIN} ms.`);
    this.#breaker.failed(replica, error);
    return error;
  }
}

const nobody = ({ name }: SourceHome) => new GatewayError('upstream_unreachable', `No replica of "${name}" answers.`);

async function inTime<T>(work: Promise<T>, late: () => GatewayError): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const over = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(late()), LIST_WITHIN);
  });
  try {
    return await Promise.race([work, over]);
  } finally {
    clearTimeout(timer);
  }
}

/** Who asked back is answered where it asked. */
const PLACED = /^replica-(\d+) /;

function placed(result: Wire, replica: number): Wire {
  if (textOf(result, 'resultType') !== 'input_required') return result;
  return result.with({ requestState: `replica-${replica} ${textOf(result, 'requestState') ?? ''}` });
}

function placeOf({ params }: Ask): { readonly replica: number; readonly params: Wire } | undefined {
  const state = params.fields.has('requestState') ? textOf(params, 'requestState') : undefined;
  const match = state === undefined ? null : PLACED.exec(state);
  if (match === null || state === undefined) return undefined;
  const own = state.slice(match[0].length);
  return { replica: Number(match[1]), params: params.with({ requestState: own === '' ? undefined : own }) };
}
