import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import { type Ask, type ListenFilter, type Listing, OMITTED, type Page, type Source, type SourceContext } from '../sources/source.ts';
import { codes, RpcError } from '../wire/errors.ts';
import { objectOf, textOf } from '../wire/message.ts';
import { type CallerFacts, callerFacts, callerRule, condition } from './caller.ts';
import { Lists } from './lists.ts';
import { unknown } from './refusals.ts';
import { promptLists, resourceLists, type Screen, Sieve, toolLists, type WrittenLists } from './sieve.ts';
import { defineTransform, handedOn, type TransformHome, written } from './transform.ts';

const config = z.strictObject({
  when: condition.optional().describe('For whom the filter is there, in CEL; everybody when absent, and who cannot be told.'),
  tools: toolLists.optional(),
  prompts: promptLists.optional(),
  resources: resourceLists.optional(),
});

const SORTS = ['tools', 'prompts', 'resources'] as const;
type Sort = (typeof SORTS)[number];
type Settings = z.output<typeof config>;
/** What is filtered for one caller; a sort that is absent is let through whole. */
type Screens = { readonly [sort in Sort]?: Screen };

const ALL: Screens = {};

class Filter {
  readonly #isFor: (facts: CallerFacts) => boolean;
  readonly #sieves: readonly (readonly [Sort, Sieve])[];
  /** Whether it is not the same for everybody. */
  readonly asks: boolean;

  constructor(settings: Settings) {
    const rule = settings.when === undefined ? undefined : callerRule(settings.when);
    this.#isFor = (facts) => {
      const verdict = rule?.judge(facts);
      return verdict === undefined || verdict.holds || verdict.fault !== undefined;
    };
    this.#sieves = SORTS.flatMap((sort) => {
      const lists: WrittenLists | undefined = settings[sort];
      return lists === undefined ? [] : [[sort, new Sieve(lists)] as const];
    });
    this.asks = rule !== undefined || this.#sieves.some(([, sieve]) => sieve.asks);
  }

  for({ caller }: SourceContext): Screens {
    const facts = callerFacts(caller);
    return this.#isFor(facts) ? Object.fromEntries(this.#sieves.map(([sort, sieve]) => [sort, sieve.for(facts)])) : ALL;
  }
}

/** A source of which a caller sees and reaches a part. */
class Filtered {
  readonly #filter: Filter;
  readonly #source: Source;
  readonly #home: TransformHome;
  readonly #lists: Lists;

  constructor(filter: Filter, source: Source, home: TransformHome) {
    this.#filter = filter;
    this.#source = source;
    this.#home = home;
    this.#lists = new Lists(source, home);
  }

  async list(what: Listing, cursor: string | undefined, context: SourceContext): Promise<Page> {
    const page = await this.#source.list(what, cursor, context);
    const screen = this.#filter.for(context)[what === 'resources/templates' ? 'resources' : what];
    const { cacheScope, ...own } = page;
    const shared = this.#filter.asks ? own : page;
    if (screen === undefined) return shared;
    const { [OMITTED]: _, ...meta } = page.meta ?? {};
    return { ...shared, meta, items: page.items.filter((item) => screen.passes(this.#formsOf(item), item)) };
  }

  async request(ask: Ask, context: SourceContext) {
    const screens = this.#filter.for(context);
    await this.#check(ask, screens, context);
    return this.#source.request(ask, context);
  }

  listen(filter: ListenFilter, context: SourceContext) {
    const { resources } = this.#filter.for(context);
    const isLet = (uri: string) => resources === undefined || resources.passes(this.#uriForms(uri), {});
    const notify: SourceContext['notify'] = (method, params) => {
      if (method.endsWith('/list_changed')) this.#lists.forget();
      const { uri } = params;
      if (typeof uri !== 'string' || isLet(uri)) context.notify(method, params);
    };
    const { resourceSubscriptions: uris, ...rest } = filter;
    return (
      this.#source.listen?.(uris === undefined ? rest : { ...rest, resourceSubscriptions: uris.filter(isLet) }, { ...context, notify }) ??
      Promise.resolve()
    );
  }

  /** Throws what is thrown of things that there are not. */
  async #check({ method, params }: Ask, screens: Screens, context: SourceContext): Promise<void> {
    const name = textOf(params, 'name');
    const uri = textOf(params, 'uri');
    if (method === 'tools/call') return this.#checkName('tools', name ?? '', screens, context);
    if (method === 'prompts/get') return this.#checkName('prompts', name ?? '', screens, context);
    if (method.startsWith('resources/') && uri !== undefined) return this.#checkUri(uri, screens);
    if (method !== 'completion/complete') return;
    const ref = objectOf(params, 'ref');
    if (typeof ref.uri === 'string') this.#checkUri(ref.uri, screens);
    if (typeof ref.name === 'string') await this.#checkName('prompts', ref.name, screens, context);
  }

  async #checkName(sort: 'tools' | 'prompts', own: string, { [sort]: screen }: Screens, context: SourceContext): Promise<void> {
    if (screen === undefined) return;
    const item = screen.looks ? await this.#lists.find(sort, own, context) : {};
    if (item === undefined || !screen.passes([written(this.#home).name(own)], item)) {
      throw unknown(sort, this.#home, own);
    }
  }

  #checkUri(own: string, { resources }: Screens): void {
    if (resources === undefined || resources.passes(this.#uriForms(own), {})) return;
    const uri = this.#home.exposedUri(own).slice(0, 1024);
    throw new RpcError(codes.invalidParams, 'Resource not found', { data: { uri } });
  }

  #formsOf({ uri, uriTemplate = uri, name }: JsonObject): readonly string[] {
    if (typeof uriTemplate === 'string') return this.#uriForms(uriTemplate);
    return typeof name === 'string' ? [written(this.#home).name(name)] : [];
  }

  #uriForms(own: string): readonly string[] {
    return formsOf(own).map(written(this.#home).uri);
  }
}

/** What an address may be read as by who serves it: `..` taken out, escapes undone. Templates are what they are. */
function formsOf(uri: string): readonly string[] {
  const href = uri.includes('{') ? undefined : URL.parse(uri)?.href;
  return [...new Set([uri, ...(href === undefined ? [] : [href]), ...[uri, href ?? uri].map(unescaped)])];
}

function unescaped(uri: string): string {
  try {
    return decodeURIComponent(uri);
  } catch {
    return uri;
  }
}

/** Which tools, prompts and resources there are, and for whom. What is held back is neither listed nor reached by its name. */
export const filter = defineTransform({
  use: 'filter',
  config,
  examples: [
    { tools: { allow: ['search_*', { annotations: { readOnlyHint: true } }], deny: [{ tag: 'internal' }] } },
    { when: '!("admin" in caller.scopes)', tools: { deny: [{ annotations: { destructiveHint: true } }] }, prompts: { allow: [] } },
    { resources: { allow: ['docs://*', { uri: 'file:///shared/*', when: 'caller.team == "support"' }] } },
  ],
  problems: ({ tools, prompts, resources }) =>
    tools === undefined && prompts === undefined && resources === undefined
      ? [{ path: 'tools', message: 'must be given, or prompts or resources: it filters nothing' }]
      : [],
  wrap(settings, source, home) {
    const filtered = new Filtered(new Filter(settings), source, home);
    return {
      ...handedOn(source),
      list: (what, cursor, context) => filtered.list(what, cursor, context),
      request: (ask, context) => filtered.request(ask, context),
      ...(source.listen === undefined ? {} : { listen: (wanted, context) => filtered.listen(wanted, context) }),
    };
  },
});
