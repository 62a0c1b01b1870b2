import { isArray, isObject, type Json, type JsonObject } from './json.ts';

/** Text with places that are filled from facts: `{claims.azp}`, and `{claims.email|claims.sub}` for the first that there is. */
export interface Template {
  /** Literal text, and between two of them the paths of one place. */
  readonly parts: readonly (string | readonly string[])[];
}

export type TemplateProblem = { readonly problem: string };

/** Longer values name nobody. */
export const MOST_FILLED = 256;

const PLACE = /\{\{|\}\}|\{([^{}]*)\}|[{}]/g;

/** `{{` and `}}` are braces themselves. */
export function parseTemplate(text: string): Template | TemplateProblem {
  const parts: (string | readonly string[])[] = [];
  let at = 0;
  let literal = '';
  for (const match of text.matchAll(PLACE)) {
    const [found, inside] = match;
    literal += text.slice(at, match.index);
    at = match.index + found.length;
    if (found === '{{' || found === '}}') literal += found.charAt(0);
    else if (inside === undefined) return { problem: `has a "${found}" without its other half: a brace itself is written twice` };
    else {
      const paths = inside.split('|').map((path) => path.trim());
      if (paths.includes('')) return { problem: 'has a place without a name: write {claims.sub}' };
      if (literal !== '') parts.push(literal);
      literal = '';
      parts.push(paths);
    }
  }
  literal += text.slice(at);
  if (literal !== '') parts.push(literal);
  return { parts };
}

/** Whether nothing in it comes from facts. */
export const isLiteral = ({ parts }: Template): boolean => parts.every((part) => typeof part === 'string');

/** The names that its places begin with. */
export const rootsOf = ({ parts }: Template): readonly string[] =>
  parts.flatMap((part) => (typeof part === 'string' ? [] : part.map((path) => path.split('.', 1)[0] ?? '')));

/**
 * The text with every place filled; `undefined` where a fact is missing, is no text, number or truth value, or makes it too
 * long. What is filled in is never read as a template itself.
 */
export function fill({ parts }: Template, facts: JsonObject): string | undefined {
  let text = '';
  for (const part of parts) {
    const value = typeof part === 'string' ? part : firstOf(part, facts);
    if (value === undefined) return undefined;
    text += value;
    if (text.length > MOST_FILLED) return undefined;
  }
  return text === '' ? undefined : text;
}

function firstOf(paths: readonly string[], facts: JsonObject): string | undefined {
  for (const path of paths) {
    const text = textOf(factAt(facts, path));
    if (text !== undefined) return text;
  }
  return undefined;
}

/** Control characters name nobody, and would be unreadable where they are shown. */
function textOf(value: Json | undefined): string | undefined {
  if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return String(value);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
  return typeof value === 'string' && value !== '' && !/[\u0000-\u001f\u007f]/.test(value) ? value : undefined;
}

/**
 * What stands at a path of names with dots between them, and of numbers in lists. Names may hold dots themselves
 * (`https://acme.example/team`): the longest name that is there counts. Only a value's own names are seen.
 */
export function factAt(value: Json | undefined, path: string): Json | undefined {
  if (isArray(value)) {
    const [, index, rest] = /^(\d{1,4})(?:\.(.+))?$/s.exec(path) ?? [];
    if (index === undefined) return undefined;
    return rest === undefined ? value[Number(index)] : factAt(value[Number(index)], rest);
  }
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, path)) return value[path];
  for (let dot = path.lastIndexOf('.'); dot > 0; dot = path.lastIndexOf('.', dot - 1)) {
    const name = path.slice(0, dot);
    if (Object.hasOwn(value, name)) return factAt(value[name], path.slice(dot + 1));
  }
  return undefined;
}

/**
 * Whether a fact is or holds a value: a list by its members, `scope` and `scp` by the words of their text (RFC 6749
 * section 3.3), anything else as a whole.
 */
export function holds(facts: JsonObject, path: string, wanted: string | number | boolean): boolean {
  const value = factAt(facts, path);
  if (isArray(value)) return value.includes(wanted);
  if (typeof value === 'string' && /(?:^|\.)(?:scope|scp)$/.test(path)) return value.split(' ').some((word) => word === wanted);
  return value === wanted;
}
