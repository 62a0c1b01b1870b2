import { isArray, isObject, type Json, type JsonObject } from '../../../../core/json.ts';

/** Names of members from the outermost on; `*` is any of them. Lists are gone through. */
export type Path = readonly string[];

export const pathOf = (written: string): Path => written.split('.');

export interface Cut {
  readonly remove: readonly Path[];
  readonly mask: readonly Path[];
  readonly with: string;
  /** Told of every text and number that was taken out. */
  readonly taken: (leaf: string) => void;
}

/** The value without what is cut; the same object where there is nothing of it. */
export function cutFrom(value: Json, cut: Cut): Json {
  if (cut.remove.length === 0 && cut.mask.length === 0) return value;
  if (isArray(value)) {
    const items = value.map((each) => cutFrom(each, cut));
    return items.every((each, at) => each === value[at]) ? value : items;
  }
  return isObject(value) ? cutMembers(value, cut) : value;
}

function cutMembers(value: JsonObject, cut: Cut): JsonObject {
  let isChanged = false;
  const members: [string, Json][] = [];
  for (const [name, member] of Object.entries(value)) {
    if (member === undefined) continue;
    const remove = below(cut.remove, name);
    const mask = below(cut.mask, name);
    const isRemoved = remove.some((path) => path.length === 0);
    const isMasked = !isRemoved && mask.some((path) => path.length === 0);
    if (isRemoved || isMasked) tell(member, cut.taken);
    const left = isMasked ? cut.with : isRemoved ? member : cutFrom(member, { ...cut, remove, mask });
    if (isRemoved || left !== member) isChanged = true;
    if (!isRemoved) members.push([name, left]);
  }
  return isChanged ? Object.fromEntries(members) : value;
}

const below = (paths: readonly Path[], name: string): readonly Path[] =>
  paths.flatMap(([first, ...rest]) => (first === name || first === '*' ? [rest] : []));

function tell(value: Json, taken: Cut['taken']): void {
  if (typeof value === 'string' || typeof value === 'number') taken(String(value));
  else if (isArray(value)) for (const each of value) tell(each, taken);
  else if (isObject(value)) for (const each of Object.values(value)) tell(each ?? null, taken);
}

/** Every text of a value changed; the same object where none is. */
export function eachText(value: Json, change: (text: string) => string): Json {
  if (typeof value === 'string') return change(value);
  if (isArray(value)) {
    const items = value.map((each) => eachText(each, change));
    return items.every((each, at) => each === value[at]) ? value : items;
  }
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([name, member]): [string, Json] => [name, eachText(member ?? null, change)]);
  return members.every(([name, member]) => member === value[name]) ? value : Object.fromEntries(members);
}

/** What of a question or a notification people and models read: what leads it to where it belongs stays as it is. */
const READ = ['message', 'messages', 'data', 'systemPrompt'];

export function eachRead(params: JsonObject, change: (text: string) => string): JsonObject {
  const changes: { [member: string]: Json } = {};
  for (const member of READ) {
    const value = params[member];
    if (value !== undefined) changes[member] = eachText(value, change);
  }
  return { ...params, ...changes };
}
