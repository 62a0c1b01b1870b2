import { isArray, isObject, type Json, type JsonObject } from '../../../core/json.ts';
import { encodeHeader } from './headers.ts';

/** An argument that a tool wants repeated in a header (2026-07-28, `x-mcp-header`). */
export interface ParamHeader {
  readonly path: readonly string[];
  readonly header: string;
}

const KEY = 'x-mcp-header';
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$/;
/** Not `number`: nobody agrees how one that is no whole one is written (2026-07-28, "Custom headers"). */
const PRIMITIVES = ['string', 'integer', 'boolean'];
/** Schemas are read to this depth, and no further than so many of them: a tool may not keep the gateway busy. */
const DEEPEST = 32;
const MOST_SCHEMAS = 10_000;
/** What is never said in a header of a tool's choosing, even behind `Mcp-Param-`. */
const REFUSED = /^(?:authorization|proxy-.*|cookie|set-cookie|host|.*key|.*token)$/i;

interface Walk {
  readonly found: ParamHeader[];
  left: number;
}

/** The headers a tool declares; `undefined` where it declares them in a way that nobody may follow: then the tool is left out. */
export function paramHeadersOf(schema: Json | undefined): readonly ParamHeader[] | undefined {
  const walk: Walk = { found: [], left: MOST_SCHEMAS };
  if (!visit(schema, [], true, walk)) return undefined;
  const names = new Set(walk.found.map(({ header }) => header.toLowerCase()));
  return names.size === walk.found.length ? walk.found : undefined;
}

/** `isStatic`: whether the value always stands at this path, reached through `properties` alone. */
function visit(node: Json | undefined, path: readonly string[], isStatic: boolean, walk: Walk): boolean {
  if (--walk.left < 0 || path.length > DEEPEST) return false;
  if (isArray(node)) return node.every((each) => visit(each, [...path, '[]'], false, walk));
  if (!isObject(node)) return true;
  if (Object.hasOwn(node, KEY) && !declare(node, path, isStatic, walk)) return false;
  return Object.entries(node).every(([keyword, below]) => {
    if (keyword === KEY || keyword === 'const' || keyword === 'default' || keyword === 'enum' || keyword === 'examples') return true;
    if (keyword === 'properties' && isObject(below)) {
      return Object.entries(below).every(([name, child]) => visit(child, [...path, name], isStatic, walk));
    }
    return visit(below, [...path, keyword], false, walk);
  });
}

function declare(node: JsonObject, path: readonly string[], isStatic: boolean, walk: Walk): boolean {
  const header = node[KEY];
  const { type } = node;
  const isGood = isStatic && path.length > 0 && typeof header === 'string' && TOKEN.test(header) && !REFUSED.test(header);
  if (!isGood || typeof type !== 'string' || !PRIMITIVES.includes(type)) return false;
  walk.found.push({ path, header });
  return true;
}

/** The headers for these arguments. What is absent or null has none. */
export function paramHeaderValues(declared: readonly ParamHeader[], args: Json | undefined): { readonly [name: string]: string } {
  const headers: { [name: string]: string } = {};
  for (const { path, header } of declared) {
    const value = path.reduce<Json | undefined>((at, key) => (isObject(at) && Object.hasOwn(at, key) ? at[key] : undefined), args);
    if (typeof value !== 'string' && typeof value !== 'boolean' && typeof value !== 'number') continue;
    headers[`mcp-param-${header.toLowerCase()}`] = encodeHeader(String(value));
  }
  return headers;
}
