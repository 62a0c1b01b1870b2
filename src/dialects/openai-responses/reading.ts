import type { ChatChunk } from '../../core/chat.ts';
import { asNumber, asString, type Json, type JsonObject } from '../../core/json.ts';
import { ID } from './fields.ts';

export type Chunks = readonly ChatChunk[];

/** A content part of a message. */
export interface OpenPart {
  readonly part: number;
  /** Whether any of its text has come: what repeats the whole of it says nothing more then. */
  spoken: boolean;
  annotations: number;
}

/** An output item that has begun. */
export interface Item {
  readonly type: string;
  /** The number of its part, where it has one: messages have one for each of their contents. */
  part: number | undefined;
  readonly contents: Map<number, OpenPart>;
  /** Whether any of its text or input has come. */
  spoken: boolean;
  /** The part of the reasoning that came last: each is a paragraph. */
  paragraph: number;
  done: boolean;
}

/** What is known of an answer while it is read. */
export interface Reading {
  started: boolean;
  over: boolean;
  parts: number;
  /** By place in the output: the ids of items change from event to event at some vendors. */
  readonly items: Map<number, Item>;
  /** The parts of calls by the calls' ids. */
  readonly calls: Map<string, number>;
  lastText: number | undefined;
}

export const newReading = (): Reading => ({
  started: false,
  over: false,
  parts: 0,
  items: new Map(),
  calls: new Map(),
  lastText: undefined,
});

export const indexOf = (event: JsonObject): number => asNumber(event.output_index) ?? 0;

/** The item an event belongs to, begun if its start was left out. */
export function itemOf(reading: Reading, event: JsonObject, type: string): Item {
  const index = indexOf(event);
  const known = reading.items.get(index);
  if (known !== undefined) return known;
  const item: Item = { type, part: undefined, contents: new Map(), spoken: false, paragraph: 0, done: false };
  reading.items.set(index, item);
  return item;
}

/** The number of an item's only part. */
export function partOf(reading: Reading, item: Item): number {
  item.part ??= reading.parts++;
  return item.part;
}

export function contentOf(reading: Reading, item: Item, index: number): OpenPart {
  let content = item.contents.get(index);
  if (content === undefined) {
    content = { part: reading.parts++, spoken: false, annotations: 0 };
    item.contents.set(index, content);
  }
  return content;
}

/** Content only this dialect understands: the event as it came, its place in the output being the number of the part. */
export const raw = (name: string, event: JsonObject, part: number): ChatChunk => ({
  type: 'raw',
  dialect: ID,
  name,
  value: { ...event, output_index: part },
});

export const textOf = (value: Json | undefined): string => asString(value) ?? '';
