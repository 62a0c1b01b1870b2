import { Misuse } from '../tool-result.ts';
import { type Field, type Input, type Root, refText, type Schema, type Type } from './schema.ts';

/** Characters of an answer, entries of a search, and characters of a description in either. */
const LONGEST = 16 * 1024;
const FOUND = 50;
const DESCRIPTION = 160;

export type Wanted = (root: Root, field: string) => boolean;

/** A type as the schema language writes it, in so far as it is of use and short enough. Throws `Misuse` for one that is not there. */
export function typeText(schema: Schema, name: string, isWanted: Wanted): string {
  const type = schema.type(name);
  if (type === undefined) throw new Misuse(`The schema has no type ${name.slice(0, 128)}. Search for a part of its name.`);
  const lines = [...commented(type.description), headOf(type)];
  const fields = [...type.fields.values()].filter((field) => isShown(schema, type, field.name, isWanted));
  lines.push(...fields.map((each) => `  ${fieldText(each)}${said(each)}`));
  lines.push(...type.inputs.map((each) => `  ${inputText(each)}${said(each)}`));
  lines.push(...type.values.map((each) => `  ${each.name}${said(each)}`));
  if (lines.length > 1 && type.kind !== 'SCALAR' && type.kind !== 'UNION') lines.push('}');
  return bounded(lines);
}

/** Types, fields, inputs and values whose names hold all words, then those that say them; without words the fields of the roots. */
export function searchText(schema: Schema, words: readonly string[], isWanted: Wanted): string {
  const byName: string[] = [];
  const byText: string[] = [];
  const take = (name: string, description: string, line: () => string) => {
    const lower = name.toLowerCase();
    const list = words.every((word) => lower.includes(word))
      ? byName
      : words.every((word) => lower.includes(word) || description.toLowerCase().includes(word))
        ? byText
        : undefined;
    if (list !== undefined && list.length < FOUND) list.push(line());
  };
  for (const type of searched(schema, words.length === 0)) {
    if (words.length > 0) take(type.name, type.description, () => `${headOf(type).replace(' {', '')}${said(type)}`);
    for (const field of type.fields.values()) {
      if (!isShown(schema, type, field.name, isWanted)) continue;
      take(`${type.name}.${field.name}`, field.description, () => `${type.name}.${fieldText(field)}${said(field)}`);
    }
    for (const input of type.inputs)
      take(`${type.name}.${input.name}`, input.description, () => `${type.name}.${inputText(input)}${said(input)}`);
    for (const value of type.values)
      take(`${type.name}.${value.name}`, value.description, () => `${type.name}.${value.name}${said(value)}`);
    if (byName.length >= FOUND) break;
  }
  const found = [...byName, ...byText].slice(0, FOUND);
  if (found.length === 0) return 'Nothing in the schema is called so.';
  return bounded(found.length < FOUND ? found : [...found, `There may be more than these ${FOUND}: search for something narrower.`]);
}

/** The roots first. */
function* searched(schema: Schema, rootsOnly: boolean): Iterable<Type> {
  const roots = [schema.root('query'), schema.root('mutation')].filter((each) => each !== undefined);
  yield* roots;
  if (rootsOnly) return;
  for (const name of schema.names) {
    const type = schema.type(name);
    if (type !== undefined && !roots.includes(type)) yield type;
  }
}

const isShown = (schema: Schema, type: Type, field: string, isWanted: Wanted): boolean =>
  (['query', 'mutation'] as const).every((root) => schema.root(root) !== type || isWanted(root, field));

function headOf({ kind, name, possible, isOneOf }: Type): string {
  if (kind === 'SCALAR') return `scalar ${name}`;
  if (kind === 'UNION') return `union ${name} = ${possible.slice(0, 100).join(' | ')}`;
  if (kind === 'ENUM') return `enum ${name} {`;
  if (kind === 'INPUT_OBJECT') return `input ${name}${isOneOf ? ' @oneOf' : ''} {`;
  return `${kind === 'INTERFACE' ? 'interface' : 'type'} ${name} {`;
}

function fieldText({ name, args, type }: Field): string {
  const taken = args.length === 0 ? '' : `(${args.map(inputText).join(', ').slice(0, 1_024)})`;
  return `${name}${taken}: ${refText(type)}`;
}

const inputText = ({ name, type, fallback }: Input): string =>
  `${name}: ${refText(type)}${fallback === undefined ? '' : ` = ${fallback.slice(0, 64)}`}`;

function said({ description, deprecated }: { readonly description: string; readonly deprecated?: string | undefined }): string {
  const text = [deprecated === undefined ? '' : `Deprecated: ${deprecated}.`, description].join(' ').replace(/\s+/g, ' ').trim();
  return text === '' ? '' : `  # ${text.slice(0, DESCRIPTION)}`;
}

const commented = (text: string): readonly string[] => (text === '' ? [] : [`# ${text.slice(0, 1_024).replace(/\s+/g, ' ')}`]);

function bounded(lines: readonly string[]): string {
  const kept: string[] = [];
  let length = 0;
  for (const line of lines) {
    length += line.length + 1;
    if (length > LONGEST) return [...kept, `… and ${lines.length - kept.length} more: search for what you need.`].join('\n');
    kept.push(line);
  }
  return kept.join('\n');
}
