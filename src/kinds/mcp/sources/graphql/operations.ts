import { matchesGlob } from '../../../../core/glob.ts';
import type { JsonObject } from '../../../../core/json.ts';
import { toolNames } from '../tool-names.ts';
import { Misuse } from '../tool-result.ts';
import { inputSchemaOf } from './inputs.ts';
import { type Field, mustBeGiven, type Root, refText, type Schema } from './schema.ts';
import { type SelectionLimits, selectionOf } from './selection.ts';

/** Characters of a description, and of all tools of a source together: what is more fills the context of every model that is shown them. */
const DESCRIPTION = 1_024;
const TOTAL = 2 * 1024 * 1024;
/** Fields that are named as no tools; the rest is counted. */
const NAMED = 100;

/** One field of a root, and the tool that it is. */
export interface Operation {
  readonly name: string;
  readonly root: Root;
  readonly field: Field;
  /** As it is listed. */
  readonly tool: JsonObject;
}

/** A field that is no tool, and why. */
export interface Omitted {
  readonly operation: string;
  readonly why: string;
}

export interface ReadOptions {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly most: number;
  /** Names that tools must not have. */
  readonly taken: readonly string[];
}

/** Whether the operator wants a field of a root: by `query.users`, with `*` for any text; case does not count. */
export function isWanted({ include, exclude }: Pick<ReadOptions, 'include' | 'exclude'>, root: Root, field: string): boolean {
  const place = `${root}.${field}`.toLowerCase();
  const fits = (globs: readonly string[]) => globs.some((glob) => matchesGlob(glob, place));
  return (include === undefined || fits(include)) && !(exclude !== undefined && fits(exclude));
}

/** The queries and then the mutations of a schema, in its own order, each as a tool. */
export function readOperations(
  schema: Schema,
  options: ReadOptions,
): { readonly operations: readonly Operation[]; readonly omitted: readonly Omitted[] } {
  const found = (['query', 'mutation'] as const).flatMap((root) =>
    [...(schema.root(root)?.fields.values() ?? [])]
      .filter((field) => isWanted(options, root, field.name))
      .map((field) => ({ root, field, id: field.name, place: `${root}.${field.name}` })),
  );
  const chosen = found.slice(0, Math.max(0, options.most - options.taken.length));
  const names = toolNames([...options.taken.map((id) => ({ id, place: `weir:${id}` })), ...chosen]).slice(options.taken.length);
  const operations: Operation[] = [];
  let length = 0;
  for (const [at, { root, field }] of chosen.entries()) {
    const operation = { name: names[at] ?? '', root, field };
    const tool = toolOf(schema, operation);
    length += JSON.stringify(tool).length;
    if (length > TOTAL) break;
    operations.push({ ...operation, tool });
  }
  const left = found.slice(operations.length);
  const why =
    length > TOTAL ? `the tools of a source have ${TOTAL} characters at most` : `the route has ${options.most} tools of a source at most`;
  const omitted = left.slice(0, NAMED).map(({ place }) => ({ operation: place, why }));
  if (left.length > NAMED) omitted.push({ operation: `${left.length - NAMED} more`, why });
  return { operations, omitted };
}

function toolOf(schema: Schema, { name, root, field }: Omit<Operation, 'tool'>): JsonObject {
  const { description, deprecated, type, args } = field;
  const lines = [...(deprecated === undefined ? [] : [`Deprecated: ${deprecated}.`]), ...(description === '' ? [] : [description])];
  return {
    name,
    description: `${lines.join('\n\n').slice(0, DESCRIPTION)}${lines.length === 0 ? '' : '\n\n'}GraphQL ${root} that gives ${refText(type)}.`,
    inputSchema: inputSchemaOf(schema, args),
    annotations: annotationsOf(root),
  };
}

/** A query has no effects (October 2021, section 6.2.1); what a mutation does nobody says. */
export const annotationsOf = (root: Root): JsonObject =>
  root === 'query' ? { readOnlyHint: true, openWorldHint: true } : { readOnlyHint: false, destructiveHint: true, openWorldHint: true };

/** What is sent for a call of a tool: the arguments travel as variables, and the document is the same whatever they are. */
export interface GraphQlRequest {
  readonly query: string;
  readonly variables: JsonObject;
  readonly operationName?: string;
}

/** Throws `Misuse` for arguments that are missing or unknown. */
export function requestOf(schema: Schema, { root, field }: Operation, args: JsonObject, limits: SelectionLimits): GraphQlRequest {
  const missing = field.args.filter((each) => mustBeGiven(each) && !Object.hasOwn(args, each.name));
  if (missing.length > 0) throw new Misuse(`Missing arguments: ${missing.map(({ name }) => name).join(', ')}.`);
  const given = field.args.filter(({ name }) => Object.hasOwn(args, name));
  const known = new Set(given.map(({ name }) => name));
  const unknown = Object.keys(args).filter((name) => !known.has(name));
  if (unknown.length > 0) {
    const there = field.args.map(({ name }) => name).join(', ') || 'none';
    throw new Misuse(`Unknown arguments: ${unknown.join(', ').slice(0, 1_024)}. There are: ${there}.`);
  }
  const list = (each: readonly string[]) => (each.length === 0 ? '' : `(${each.join(', ')})`);
  const variables = list(given.map(({ name, type }) => `$${name}: ${refText(type)}`));
  const passed = list(given.map(({ name }) => `${name}: $${name}`));
  const selection = selectionOf(schema, field.type, limits);
  const query = `${root} ${field.name}${variables} { ${field.name}${passed}${selection === '' ? '' : ` ${selection}`} }`;
  return { query, variables: args };
}
