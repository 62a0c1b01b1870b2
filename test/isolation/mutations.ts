import { isArray, isObject, type Json, type JsonObject } from '../../src/core/json.ts';

/** A body in which one thing is different. */
export interface Mutation {
  /** Where: `.messages[].content`. */
  readonly at: string;
  readonly how: 'other' | 'absent' | 'more' | 'order' | 'twice';
  readonly body: JsonObject;
}

interface Change {
  readonly at: string;
  readonly how: Mutation['how'];
  readonly value: Json;
}

/** The body with each single thing changed that stands in it, and with one more in each object. */
export function* mutationsOf(body: JsonObject): Generator<Mutation> {
  for (const { at, how, value } of changesOf(body, '')) if (isObject(value)) yield { at, how, body: value };
}

function* changesOf(value: Json, at: string): Generator<Change> {
  const other = otherThan(value);
  if (other !== undefined) yield { at, how: 'other', value: other };
  else if (isArray(value)) yield* listChanges(value, at);
  else if (isObject(value)) yield* objectChanges(value, at);
}

function otherThan(value: Json): Json | undefined {
  if (typeof value === 'string') return `${value}x`;
  if (typeof value === 'number') return value + 1;
  if (typeof value === 'boolean') return !value;
  return value === null ? 'x' : undefined;
}

function* listChanges(list: readonly Json[], at: string): Generator<Change> {
  const turned = list.toReversed();
  if (JSON.stringify(turned) !== JSON.stringify(list)) yield { at, how: 'order', value: turned };
  for (const [index, item] of list.entries()) {
    yield { at: `${at}[]`, how: 'absent', value: list.toSpliced(index, 1) };
    yield { at: `${at}[]`, how: 'twice', value: list.toSpliced(index, 0, item) };
    for (const change of changesOf(item, `${at}[]`)) yield { ...change, value: list.with(index, change.value) };
  }
}

function* objectChanges(object: JsonObject, at: string): Generator<Change> {
  yield { at, how: 'more', value: { ...object, x_unknown: 'x' } };
  for (const [name, value] of Object.entries(object)) {
    if (value === undefined) continue;
    const { [name]: _, ...others } = object;
    yield { at: `${at}.${name}`, how: 'absent', value: others };
    for (const change of changesOf(value, `${at}.${name}`)) yield { ...change, value: { ...object, [name]: change.value } };
  }
}
