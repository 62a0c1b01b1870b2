import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../core/json.ts';
import { Misuse } from '../shell.ts';
import type { JsonFile } from './client.ts';

const jsonText = (value: JsonObject): string => `${JSON.stringify(value, undefined, 2)}\n`;

/** A file with what a client is to be told; what else stands in it stays. Throws `Misuse` where that cannot be. */
export function mergedJson(before: string | undefined, { value, server }: JsonFile, path: string): string {
  if (before === undefined || before.trim() === '') return jsonText(value);
  const known = parseJson(before);
  if (known === undefined || !isObject(known)) {
    throw new Misuse(
      `${path} is not plain JSON (it may hold comments), and stays as it is. Put in by hand what is printed without --write.`,
    );
  }
  if (server !== undefined) checkSame(known, value, server, path);
  const indent = /^\{\r?\n([ \t]+)"/.exec(before)?.[1] ?? 2;
  return `${JSON.stringify(together(known, value), undefined, indent)}\n`;
}

/** Objects key by key; of lists, what is not in them yet, by `id` where they have one. */
function together(known: JsonObject, added: JsonObject): JsonObject {
  const all: { [name: string]: Json } = {};
  for (const [name, value] of Object.entries(known)) if (value !== undefined) all[name] = value;
  for (const [name, value] of Object.entries(added)) {
    if (value === undefined) continue;
    const before = Object.hasOwn(all, name) ? all[name] : undefined;
    if (before !== undefined && isObject(before) && isObject(value)) all[name] = together(before, value);
    else if (before !== undefined && isArray(before) && isArray(value))
      all[name] = [...before, ...value.filter((each) => !before.some((other) => isAlike(other, each)))];
    else all[name] = value;
  }
  return all;
}

const isAlike = (left: Json, right: Json): boolean =>
  isObject(left) && isObject(right) && left.id !== undefined ? left.id === right.id : JSON.stringify(left) === JSON.stringify(right);

/** Another server of the same name is somebody's work. */
function checkSame(known: JsonObject, added: JsonObject, place: readonly string[], path: string): void {
  const [before, after] = [at(known, place), at(added, place)];
  if (before === undefined) return;
  const address = (server: Json | undefined) => (server !== undefined && isObject(server) ? (server.url ?? server.httpUrl) : undefined);
  if (address(before) === address(after)) return;
  throw new Misuse(`${path} has another server called "${place.at(-1)}". Give this one another name: --name <name>.`);
}

function at(value: JsonObject, place: readonly string[]): Json | undefined {
  let found: Json | undefined = value;
  for (const name of place) found = found !== undefined && isObject(found) ? found[name] : undefined;
  return found;
}
