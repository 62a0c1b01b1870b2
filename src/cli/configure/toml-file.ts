import { Misuse } from '../shell.ts';
import type { TomlFile, TomlTable } from './client.ts';

// TOML 1.0 (https://toml.io/en/v1.0.0), written and added to as text: whatever else stands in a file stays to the letter,
// comments too.

const bare = (key: string): string => (/^[\w-]+$/.test(key) ? key : JSON.stringify(key));
const header = (path: readonly string[]): string => `[${path.map(bare).join('.')}]`;

function written(value: TomlTable[string]): string {
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'string') return JSON.stringify(value);
  return `{ ${Object.entries(value)
    .map(([key, each]) => `${bare(key)} = ${JSON.stringify(each)}`)
    .join(', ')} }`;
}

const lines = (table: TomlTable): readonly string[] => Object.entries(table).map(([key, value]) => `${bare(key)} = ${written(value)}`);

/** What a client is to be told, as a file of its own. */
function tomlText({ keys, tables }: TomlFile): string {
  const parts = [lines(keys), ...tables.map((table) => [header(table.path), ...lines(table.keys)])];
  return `${parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')}\n`;
}

/** A file with what a client is to be told. Throws `Misuse` where the same is said otherwise already. */
export function mergedToml(before: string | undefined, file: TomlFile, path: string): string {
  if (before === undefined || before.trim() === '') return tomlText(file);
  const said = before.split(/\r?\n/);
  const top = said.slice(0, firstTable(said));
  const added = Object.entries(file.keys).flatMap(([key, value]) => {
    const known = saidOf(top, key);
    if (known === undefined) return [`${bare(key)} = ${written(value)}`];
    return isSame(known, value) ? [] : refuse(path, `${key} = ${known}`);
  });
  const tables = file.tables.flatMap((table) => missingTable(said, table, path));
  const head = added.length === 0 ? '' : `${added.join('\n')}\n${top.some((line) => line.trim() !== '') ? '' : '\n'}`;
  const tail = tables.length === 0 ? '' : `\n${tables.join('\n\n')}\n`;
  return `${head}${before}${before.endsWith('\n') || tail === '' ? '' : '\n'}${tail}`;
}

function missingTable(said: readonly string[], { path: place, keys }: TomlFile['tables'][number], path: string): readonly string[] {
  const from = said.findIndex((line) => isHeader(line, place));
  if (from < 0) return [[header(place), ...lines(keys)].join('\n')];
  const rest = said.slice(from + 1);
  const own = rest.slice(0, firstTable(rest));
  for (const [key, value] of Object.entries(keys)) {
    const known = saidOf(own, key);
    if (known === undefined || !isSame(known, value)) refuse(path, `${header(place)} ${key}${known === undefined ? '' : ` = ${known}`}`);
  }
  return [];
}

function refuse(path: string, what: string): never {
  throw new Misuse(
    `${path} says otherwise already: ${what}. It stays as it is; put in by hand what is printed without --write, or give another --name.`,
  );
}

function firstTable(said: readonly string[]): number {
  const found = said.findIndex((line) => /^\s*\[/.test(line));
  return found < 0 ? said.length : found;
}

/** However its names are quoted. */
function isHeader(line: string, place: readonly string[]): boolean {
  const [, inner] = /^\s*\[([^[\]]+)\]\s*(?:#.*)?$/.exec(line) ?? [];
  if (inner === undefined) return false;
  const names = [...inner.matchAll(/\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*(?:\.|$)/g)].map(
    ([, double, single, plain]) => double ?? single ?? plain,
  );
  return names.length === place.length && names.every((name, at) => name === place[at]);
}

const PAIR = /^\s*(?:"([^"]*)"|'([^']*)'|([\w-]+))\s*=\s*(.+?)\s*$/;
const WITH_COMMENT = /^("(?:[^"\\]|\\.)*"|'[^']*'|[^#"']*?)\s*#.*$/;

/** What a key is given, as it is written; `undefined` where it is not. */
function saidOf(said: readonly string[], key: string): string | undefined {
  for (const line of said) {
    const [, double, single, plain, value = ''] = PAIR.exec(line) ?? [];
    if ((double ?? single ?? plain) === key) return value.replace(WITH_COMMENT, '$1');
  }
  return undefined;
}

const isSame = (known: string, value: TomlTable[string]): boolean =>
  known === written(value) || (typeof value === 'string' && known === `'${value}'`);
