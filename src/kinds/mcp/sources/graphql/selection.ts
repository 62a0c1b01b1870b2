import { type Field, isComposite, mustBeGiven, refText, type Schema, type Type, type TypeRef } from './schema.ts';

export interface SelectionLimits {
  /** Selections within each other at most, below the field that is asked for. */
  readonly depth: number;
  /** Fields at most, all together. */
  readonly maxFields: number;
}

/** Arguments by which lists are cut into pages (the Cursor Connections specification). APIs often refuse such a list without one. */
const PAGES: ReadonlySet<string> = new Set(['first', 'last']);

/** One selection while it is written: what it names is known before what lies below, so that the fields nearest to the root come first. */
interface Open {
  readonly type: Type;
  readonly depth: number;
  /** The types that lead here. */
  readonly trail: ReadonlySet<string>;
  /** Of leaves and of `__typename`, as they are written. */
  readonly leaves: string[];
  readonly nested: { readonly name: string; readonly below: Open }[];
  readonly fragments: { readonly on: string; readonly below: Open }[];
}

/**
 * What is selected of a type, with its braces; `''` for one that has no fields. Scalars and enums first, then objects as
 * deep as `depth` says, never one within itself, and no field that has to be given arguments.
 */
export function selectionOf(schema: Schema, { named }: TypeRef, limits: SelectionLimits): string {
  const type = schema.type(named);
  if (!isComposite(type)) return '';
  const root = opened(type, 1, new Set());
  new Selector(schema, limits).fill(root);
  return printed(root) ?? '{ __typename }';
}

const opened = (type: Type, depth: number, trail: ReadonlySet<string>): Open => ({
  type,
  depth,
  trail: new Set([...trail, type.name]),
  leaves: [],
  nested: [],
  fragments: [],
});

class Selector {
  readonly #schema: Schema;
  readonly #limits: SelectionLimits;
  #left: number;

  constructor(schema: Schema, limits: SelectionLimits) {
    this.#schema = schema;
    this.#limits = limits;
    this.#left = limits.maxFields;
  }

  fill(root: Open): void {
    const pending = [root];
    for (let at = 0; at < pending.length && this.#left > 0; at++) {
      const open = pending[at];
      if (open === undefined) continue;
      if (open.type.kind === 'OBJECT') this.#fields(open, new Map());
      else this.#abstract(open);
      pending.push(
        ...open.nested.map(({ below }) => below),
        ...open.fragments.flatMap(({ below }) => below.nested.map((each) => each.below)),
      );
    }
  }

  /** Fields that all have, then what each of them has of its own. */
  #abstract(open: Open): void {
    open.leaves.push('__typename');
    this.#left--;
    const taken = new Map<string, string>();
    this.#fields(open, taken);
    for (const name of open.type.possible) {
      const type = this.#left > 0 && !open.trail.has(name) ? this.#schema.type(name) : undefined;
      if (type?.kind !== 'OBJECT') continue;
      const below = opened(type, open.depth, open.trail);
      this.#left--;
      this.#fields(below, taken, open.type.fields);
      open.fragments.push({ on: name, below });
    }
  }

  /**
   * `taken` holds the fields of one answer with their types: two of a name must be merged (section 5.3.2), which leaves of one
   * type always can, and others are never tried.
   */
  #fields(open: Open, taken: Map<string, string>, known: ReadonlyMap<string, Field> = new Map()): void {
    const free = [...open.type.fields.values()].filter(({ name, args, deprecated }) => {
      return !known.has(name) && deprecated === undefined && !args.some(mustBeGiven);
    });
    for (const { name, type } of free) {
      if (this.#left <= 0) return;
      const text = refText(type);
      if (!this.#schema.isLeaf(type) || (taken.get(name) ?? text) !== text) continue;
      taken.set(name, text);
      open.leaves.push(name);
      this.#left--;
    }
    if (open.depth >= this.#limits.depth) return;
    for (const { name, type, args } of free) {
      if (this.#left <= 0) return;
      const target = this.#schema.type(type.named);
      if (!isComposite(target) || open.trail.has(target.name) || taken.has(name) || args.some((each) => PAGES.has(each.name))) continue;
      taken.set(name, refText(type));
      open.nested.push({ name, below: opened(target, open.depth + 1, open.trail) });
      this.#left--;
    }
  }
}

/** `undefined` for one with nothing in it, which no document may hold. */
function printed({ leaves, nested, fragments }: Open): string | undefined {
  const parts = [...leaves];
  for (const { name, below } of nested) {
    const text = printed(below);
    if (text !== undefined) parts.push(`${name} ${text}`);
  }
  for (const { on, below } of fragments) {
    const text = printed(below);
    if (text !== undefined) parts.push(`... on ${on} ${text}`);
  }
  return parts.length === 0 ? undefined : `{ ${parts.join(' ')} }`;
}
