import { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { Wire } from '../../../core/wire.ts';
import type { Ask, Source, SourceContext } from '../sources/source.ts';
import { RpcError } from '../wire/errors.ts';
import { objectOf, textOf } from '../wire/message.ts';
import { unknown } from './refusals.ts';
import { defineTransform, handedOn, ownOf, remembered, type TransformHome } from './transform.ts';

const newName = z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, { error: 'is not a name: letters, digits, "_", "-" and "."' });

const names = z
  .record(z.string().min(1).max(256), z.union([newName, z.strictObject({ name: newName, title: z.string().min(1).max(256).optional() })]))
  .optional();

const config = z.strictObject({
  tools: names.describe('The new names of tools by their old ones; at the route without the prefix, which stays.'),
  prompts: names.describe('Of prompts, likewise.'),
});

const SORTS = ['tools', 'prompts'] as const;
type Sort = (typeof SORTS)[number];
type Written = z.output<typeof names>;

interface NewName {
  readonly name: string;
  readonly title?: string | undefined;
}

const nameOf = (written: string | NewName): NewName => (typeof written === 'string' ? { name: written } : written);

/** Names of one sort, there and back. */
class Names {
  readonly #renamed: ReadonlyMap<string, NewName>;
  readonly #back: ReadonlyMap<string, string>;

  constructor(written: Written, home: TransformHome) {
    this.#renamed = new Map(
      Object.entries(written ?? {}).flatMap(([old, value]) => {
        const own = ownOf(home, old);
        return own === undefined ? [] : [[own, nameOf(value)] as const];
      }),
    );
    this.#back = new Map([...this.#renamed].map(([own, { name }]) => [name, own]));
  }

  /** As it is listed; nothing for what has given its name to another. */
  shown(item: JsonObject): readonly JsonObject[] {
    const { name } = item;
    if (typeof name !== 'string') return [item];
    if (this.#renamed.has(name)) return [this.#changed(item)];
    return this.#back.has(name) ? [] : [item];
  }

  readonly #changed = remembered((item) => {
    const renamed = typeof item.name === 'string' ? this.#renamed.get(item.name) : undefined;
    if (renamed === undefined) return item;
    return { ...item, name: renamed.name, ...(renamed.title === undefined ? {} : { title: renamed.title }) };
  });

  /** The source's name of what is called so now; `undefined` where nothing is. */
  own(name: string): string | undefined {
    return this.#back.get(name) ?? (this.#renamed.has(name) ? undefined : name);
  }
}

class Renamed {
  readonly #names: { readonly [sort in Sort]: Names };
  readonly #source: Source;
  readonly #home: TransformHome;

  constructor(settings: z.output<typeof config>, source: Source, home: TransformHome) {
    this.#names = { tools: new Names(settings.tools, home), prompts: new Names(settings.prompts, home) };
    this.#source = source;
    this.#home = home;
  }

  shown = (sort: Sort, items: readonly JsonObject[]): readonly JsonObject[] => items.flatMap((item) => this.#names[sort].shown(item));

  async request(ask: Ask, context: SourceContext): Promise<Wire> {
    const { method, params } = ask;
    const name = textOf(params, 'name') ?? '';
    if (method === 'tools/call') return this.#as('tools', name, (own) => ({ ...ask, params: params.with({ name: own }) }), context);
    if (method === 'prompts/get') return this.#as('prompts', name, (own) => ({ ...ask, params: params.with({ name: own }) }), context);
    const ref = method === 'completion/complete' ? objectOf(params, 'ref') : {};
    if (typeof ref.name !== 'string') return this.#source.request(ask, context);
    return this.#as('prompts', ref.name, (own) => ({ ...ask, params: params.with({ ref: { ...ref, name: own } }) }), context);
  }

  async #as(sort: Sort, name: string, asked: (own: string) => Ask, context: SourceContext): Promise<Wire> {
    const own = this.#names[sort].own(name);
    if (own === undefined) throw unknown(sort, this.#home, name);
    try {
      return await this.#source.request(own === name ? asked(name) : asked(own), context);
    } catch (thrown) {
      // What is not there for this caller is not there under the name that they know.
      const isUnknown = thrown instanceof RpcError && thrown.message === unknown(sort, this.#home, own).message;
      throw isUnknown ? unknown(sort, this.#home, name) : thrown;
    }
  }
}

/** Two of one sort that would be called alike. */
function collisions(sort: Sort, written: Written) {
  const taken = new Map<string, string>();
  return Object.entries(written ?? {}).flatMap(([old, value]) => {
    const { name } = nameOf(value);
    const other = taken.get(name);
    taken.set(name, old);
    return other === undefined ? [] : [{ path: sort, message: `would call both "${other}" and "${old}" by the name "${name}"` }];
  });
}

/** Other names for tools and prompts. A tool whose name another one takes is not there any more. */
export const rename = defineTransform({
  use: 'rename',
  config,
  examples: [
    { tools: { search_web: 'find', delete_file: { name: 'remove_file', title: 'Remove a file' } } },
    { tools: { search_web: 'search_file', search_file: 'search_web' }, prompts: { greet: 'hello' } },
  ],
  problems: (settings) => SORTS.flatMap((sort) => collisions(sort, settings[sort])),
  wrap(settings, source, home) {
    const renamed = new Renamed(settings, source, home);
    return {
      ...handedOn(source),
      async list(what, cursor, context) {
        const page = await source.list(what, cursor, context);
        return what === 'tools' || what === 'prompts' ? { ...page, items: renamed.shown(what, page.items) } : page;
      },
      request: (ask, context) => renamed.request(ask, context),
    };
  },
});
