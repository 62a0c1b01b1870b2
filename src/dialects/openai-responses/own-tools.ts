import type { Tool } from '../../core/chat.ts';
import { present } from '../../core/fields.ts';
import { asString, isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import type { Fields } from '../../core/wire.ts';
import { objectsOf } from './fields.ts';

type FunctionTool = Extract<Tool, { readonly type: 'function' }>;

/**
 * A tool that the caller's own side runs, and how this dialect says that it was called: with JSON (`function`), with a
 * text of any kind (`custom`), or in order to be given more tools (`search`).
 */
export interface OwnTool {
  readonly kind: 'function' | 'custom' | 'search';
  readonly name: string;
  readonly namespace?: string;
}

/** The name of the client's own search, which has none in this dialect. */
export const SEARCH = 'tool_search';

const LONGEST = 64;

/**
 * The one name by which other dialects call a tool of a namespace. Most take 64 letters, digits, `_` and `-`; what is cut
 * off is stood for by its hash, so that two long names stay two.
 */
export function plainName({ namespace, name }: Pick<OwnTool, 'namespace' | 'name'>): string {
  if (namespace === undefined) return name;
  const whole = `${namespace}__${name}`;
  const plain = whole.replaceAll(/[^a-zA-Z0-9_-]/g, '_');
  return plain.length <= LONGEST ? plain : `${plain.slice(0, LONGEST - 9)}_${hash(whole)}`;
}

/** FNV-1a over UTF-16 units, eight hexadecimal digits: http://www.isthe.com/chongo/tech/comp/fnv/ */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}

interface Listed {
  readonly own: OwnTool;
  readonly tool: JsonObject;
}

/** The tools that an entry of `tools` stands for; none for those that run at the vendor. */
function listed(entry: Json, namespace?: string): readonly Listed[] {
  if (!isObject(entry)) return [];
  const name = asString(entry.name);
  switch (entry.type) {
    case 'namespace':
      return name === undefined ? [] : objectsOf(entry.tools).flatMap((tool) => listed(tool, name));
    case 'function':
    case 'custom':
      return name === undefined ? [] : [{ own: { kind: entry.type, name, ...present({ namespace }) }, tool: entry }];
    case 'tool_search':
      return entry.execution === 'client' ? [{ own: { kind: 'search', name: SEARCH }, tool: entry }] : [];
    default:
      return [];
  }
}

/** An entry of `tools` as functions; `undefined` where it stands for none. */
export function asFunctions(entry: Json): readonly FunctionTool[] | undefined {
  const tools = listed(entry);
  return tools.length === 0 ? undefined : tools.map(functionOf);
}

function functionOf({ own, tool }: Listed): FunctionTool {
  const parameters = own.kind === 'custom' ? textParameters(tool.format) : (tool.parameters ?? undefined);
  return {
    type: 'function',
    name: plainName(own),
    ...present({
      description: asString(tool.description),
      parameters,
      strict: tool.strict === true ? true : undefined,
    }),
  };
}

/** The field that a custom tool's text stands in where tools take JSON. */
const INPUT = 'input';

/** A model that cannot be held to a grammar is told it. */
function textParameters(format: Json | undefined): JsonObject {
  const { definition, syntax } = isObject(format) ? format : {};
  const grammar = asString(definition);
  const told = `The whole text that the tool takes, as it is.${grammar === undefined ? '' : ` It follows this ${syntax ?? ''} grammar:\n${grammar}`}`;
  return { type: 'object', properties: { [INPUT]: { type: 'string', description: told } }, required: [INPUT], additionalProperties: false };
}

export const hasGrammar = (entry: Json): boolean =>
  isObject(entry) && entry.type === 'custom' && isObject(entry.format) && entry.format.type === 'grammar';

export const wrapText = (text: string): string => JSON.stringify({ [INPUT]: text });

/** The text for a custom tool in the JSON that a model called it with; the JSON itself where it is something else. */
export function unwrapText(json: string): string {
  const read = parseJson(json);
  return (isObject(read) ? asString(read[INPUT]) : undefined) ?? json;
}

/** The tools of a call that are more than functions here, by the names under which other dialects know them. */
export function ownTools(call: Fields | undefined): ReadonlyMap<string, OwnTool> {
  const input = call?.get('input');
  const found = isArray(input) ? objectsOf(input).filter(({ type }) => type === SEARCH_OUTPUT) : [];
  const entries = [...entriesOf(call?.get('tools')), ...found.flatMap(({ tools }) => entriesOf(tools))];
  const named = entries.flatMap((entry) => listed(entry)).map(({ own }) => [plainName(own), own] as const);
  // A function that has the name by itself is the one that is meant.
  return new Map(named.sort(([, one], [, other]) => Number(isPlain(one)) - Number(isPlain(other))));
}

const isPlain = ({ kind, namespace }: OwnTool): boolean => kind === 'function' && namespace === undefined;
const entriesOf = (tools: Json | undefined): readonly Json[] => (isArray(tools) ? tools : []);

export const SEARCH_CALL = 'tool_search_call';
export const SEARCH_OUTPUT = 'tool_search_output';
