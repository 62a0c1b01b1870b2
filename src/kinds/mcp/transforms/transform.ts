import type { z } from 'zod';
import type { JsonObject } from '../../../core/json.ts';
import type { Source, SourceHome } from '../sources/source.ts';

/** What a transform works with: what its source has, and how clients see the source's names. */
export interface TransformHome extends SourceHome {
  /** Whether it stands at the route, over all of its sources: then its settings name things as clients see them. Else as the source does. */
  readonly isRoute: boolean;
  /** A tool's or prompt's name as clients see it. */
  exposed(own: string): string;
  /** The address of a resource as clients see it. */
  exposedUri(own: string): string;
  /** The name behind one that clients see; `undefined` where it is none of this source's, or had to be cut and cannot be told from itself. */
  own(exposed: string): string | undefined;
}

/** How settings name the things of a source: as clients see them at the route, else as the source does. */
export const written = ({ isRoute, exposed, exposedUri }: TransformHome) => ({
  name: (own: string): string => (isRoute ? exposed(own) : own),
  uri: (own: string): string => (isRoute ? exposedUri(own) : own),
});

/** The source's own name of what settings name; `undefined` where it is none of this source's. */
export const ownOf = ({ isRoute, own }: TransformHome, name: string): string | undefined => (isRoute ? own(name) : name);

/**
 * A kind of transform, on the shelf: a source in front of a source. What it shows in lists and what it lets through by name
 * must be the same, so that nobody calls what is not there for them.
 */
export interface TransformKind<Name extends string = string, Config = unknown> {
  readonly use: Name;
  /** Its own settings, without `use`. */
  readonly config: z.ZodType<Config>;
  /** Settings as an operator may write them: what the laws are tried with and the docs show. At least one. */
  readonly examples: readonly JsonObject[];
  /** What is wrong with settings that the schema cannot say. */
  problems?(config: Config): readonly { readonly path: string; readonly message: string }[];
  /** Does nothing yet, and asks nobody. What of the source it is not about it hands on: `needsSession`, `notify`, `listen`, `close`. */
  wrap(config: Config, source: Source, home: TransformHome): Source;
}

/** Ties the type of a transform's settings to their schema. */
export const defineTransform = <const Name extends string, Config>(kind: TransformKind<Name, Config>): TransformKind<Name, Config> => kind;

/** The source as it is, to be changed in parts; it does not speak for itself any more, so that its lists are read and named anew. */
export const handedOn = (source: Source): Source => ({
  offer: (context) => source.offer(context),
  list: (what, cursor, context) => source.list(what, cursor, context),
  request: (ask, context) => source.request(ask, context),
  ...(source.needsSession === undefined ? {} : { needsSession: (context) => source.needsSession?.(context) ?? false }),
  ...(source.notify === undefined ? {} : { notify: (method, params, context) => source.notify?.(method, params, context) }),
  ...(source.listen === undefined ? {} : { listen: (filter, context) => source.listen?.(filter, context) ?? Promise.resolve() }),
  ...(source.close === undefined ? {} : { close: () => source.close?.() }),
});

/**
 * What becomes of a thing where nothing but the thing itself decides it: the same object each time. So a list that has not
 * changed is known again behind a transform too.
 */
export function remembered(make: (item: JsonObject) => JsonObject): (item: JsonObject) => JsonObject {
  const made = new WeakMap<JsonObject, JsonObject>();
  return (item) => {
    let known = made.get(item);
    if (known === undefined) {
      known = make(item);
      made.set(item, known);
    }
    return known;
  };
}
