import { isObject, type Json, type JsonObject } from '../../../../core/json.ts';
import { Misuse } from '../tool-result.ts';
import type { Executable, OperationDefinition, PageSize, Selection } from './document.ts';
import { isComposite, type Root, type Schema, type Type } from './schema.ts';

/** What a document may come to, and what it may hold. */
export interface DocumentLimits {
  /** Selections within each other, that of the operation counted. */
  readonly maxDepth: number;
  /** Fields, those below a page of a list as often as the page is long. */
  readonly maxCost: number;
  readonly mutations: boolean;
  /** Whether a field of a root may be asked for. */
  isWanted(root: Root, field: string): boolean;
}

export interface Measure {
  readonly depth: number;
  readonly cost: number;
}

/** What one page is counted as at most: enough to be over any limit, and to be multiplied without end. */
const LARGEST_PAGE = 1_000_000;

/**
 * Holds a document to the limits, whichever of its operations is meant, and to the schema as far as it names types and fields.
 * Fragments are measured once and counted wherever they are spread, so it takes no longer than the document is long.
 * Throws `Misuse`.
 */
export function measure(document: Executable, schema: Schema, variables: JsonObject, limits: DocumentLimits): Measure {
  const measures = document.operations.map((operation) => {
    const { type } = operation;
    if (type === 'subscription') throw new Misuse('Subscriptions cannot be served here: ask with a query.');
    if (type === 'mutation' && !limits.mutations)
      throw new Misuse('Mutations in documents are not allowed by the operator: use the tool of the mutation, where there is one.');
    const root = schema.root(type);
    if (root === undefined) throw new Misuse(`The schema has no ${type}.`);
    return new Measurer(document, operation, schema, variables, limits).selections(operation.selections, root);
  });
  const depth = Math.max(...measures.map((each) => each.depth));
  const cost = Math.max(...measures.map((each) => each.cost));
  if (depth > limits.maxDepth)
    throw new Misuse(`The document is ${depth} selections deep, and ${limits.maxDepth} are allowed: ask for less at once.`);
  if (cost > limits.maxCost) {
    throw new Misuse(
      `The document comes to ${cost} fields, those of a list counted as often as its page is long, and ${limits.maxCost} are allowed: ask for fewer, or for shorter pages.`,
    );
  }
  return { depth, cost };
}

class Measurer {
  readonly #document: Executable;
  readonly #operation: OperationDefinition;
  readonly #schema: Schema;
  readonly #variables: JsonObject;
  readonly #limits: DocumentLimits;
  /** Of fragments; `open` while what is in it is measured. */
  readonly #fragments = new Map<string, Measure | 'open'>();

  constructor(document: Executable, operation: OperationDefinition, schema: Schema, variables: JsonObject, limits: DocumentLimits) {
    this.#document = document;
    this.#operation = operation;
    this.#schema = schema;
    this.#variables = variables;
    this.#limits = limits;
  }

  selections(selections: readonly Selection[], parent: Type): Measure {
    let depth = 0;
    let cost = 0;
    for (const each of selections) {
      const measured = this.#selection(each, parent);
      depth = Math.max(depth, measured.depth);
      cost += measured.cost;
    }
    return { depth, cost };
  }

  #selection(selection: Selection, parent: Type): Measure {
    if (selection.kind === 'spread') return this.#spread(selection.fragment);
    if (selection.kind === 'inline') {
      return this.selections(selection.below, selection.on === undefined ? parent : this.#composite(selection.on));
    }
    const { name, pages, below } = selection;
    if (name === '__typename') return { depth: 1, cost: 1 };
    if (name.startsWith('__')) throw new Misuse(`${name} cannot be asked for here: the tool that searches the schema shows it.`);
    const field = parent.fields.get(name);
    if (field === undefined) throw new Misuse(`${parent.name} has no field ${name.slice(0, 128)}.`);
    this.#allow(parent, name);
    if (below.length === 0) return { depth: 1, cost: 1 };
    const inner = this.selections(below, this.#composite(field.type.named));
    const times = Math.max(1, ...pages.map((page) => this.#size(page)));
    return { depth: inner.depth + 1, cost: 1 + times * inner.cost };
  }

  /** A root may be reached again below itself, by its own name or by that of an interface that it has. */
  #allow(parent: Type, field: string): void {
    for (const root of ['query', 'mutation'] as const) {
      const name = this.#schema.root(root)?.name;
      if (name === undefined || (parent.name !== name && !parent.possible.includes(name))) continue;
      if (!this.#limits.isWanted(root, field)) throw new Misuse(`${root}.${field} is not allowed by the operator.`);
    }
  }

  #spread(name: string): Measure {
    const known = this.#fragments.get(name);
    if (known === 'open') throw new Misuse(`The fragment ${name} contains itself.`);
    if (known !== undefined) return known;
    const fragment = this.#document.fragments.get(name);
    if (fragment === undefined) throw new Misuse(`The document has no fragment ${name.slice(0, 128)}.`);
    this.#fragments.set(name, 'open');
    const measured = this.selections(fragment.selections, this.#composite(fragment.on));
    this.#fragments.set(name, measured);
    return measured;
  }

  #composite(name: string): Type {
    const type = this.#schema.type(name);
    if (!isComposite(type)) throw new Misuse(`The schema has no type ${name.slice(0, 128)} with fields.`);
    return type;
  }

  #size(page: PageSize): number {
    if (typeof page === 'number') return Math.min(page, LARGEST_PAGE);
    const { variable } = page;
    const given = Object.hasOwn(this.#variables, variable) ? this.#variables[variable] : this.#operation.defaults.get(variable);
    return typeof given === 'number' ? Math.min(given, LARGEST_PAGE) : numberIn(given);
  }
}

/** Some servers take a number that is written as a string. */
const numberIn = (value: Json | undefined): number =>
  typeof value === 'string' && /^\d{1,9}$/.test(value) ? Math.min(Number(value), LARGEST_PAGE) : 1;

export const variablesOf = (value: Json | undefined): JsonObject => {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new Misuse('`variables` must be an object.');
  return value;
};
