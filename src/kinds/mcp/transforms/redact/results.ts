import { isArray, isObject, type Json, type JsonObject, parseJson } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';
import { type Cut, cutFrom, eachRead, eachText, type Path } from './paths.ts';
import { Taken, type TextMask } from './texts.ts';

export interface ResultCut {
  readonly remove: readonly Path[];
  readonly mask: readonly Path[];
  readonly with: string;
  readonly texts: TextMask;
}

/** What of a result holds texts that people or models read, besides its content. */
const SAID = ['structuredContent', 'description', 'completion', 'statusMessage', 'error'];

/** A result without what nobody is to see. What it does not concern leaves as it came. */
export function cutResult(result: Wire, cut: ResultCut): Wire {
  const before = result.json();
  const after = cutObject(before, cut);
  const changed = Object.keys(after).filter((member) => after[member] !== before[member]);
  return changed.length === 0 ? result : result.with(Object.fromEntries(changed.map((member) => [member, after[member]])));
}

/** The same of one that is parsed: of a call, a prompt, a resource, or a task that holds the result of its call. */
export function cutObject(before: JsonObject, cut: ResultCut): JsonObject {
  const taken = new Taken();
  const paths: Cut = { ...cut, taken: taken.add };
  const structured = before.structuredContent === undefined ? {} : { structuredContent: cutFrom(before.structuredContent, paths) };
  // First all texts that are JSON themselves: what is found in them is to be masked in those that are not.
  const read = (block: JsonObject): JsonObject => (typeof block.text === 'string' ? withText(block, cutText(block.text, paths)) : block);
  const blocks = eachBlock(before, read);
  const word = taken.mask(cut.with);
  const over = (text: string) => cut.texts.over(word(text));
  const whole = eachBlock({ ...blocks, ...structured }, (block) => overBlock(block, over));
  const changes: { [member: string]: Json } = {};
  for (const [member, value] of Object.entries(whole)) {
    const changed = value === undefined ? undefined : cutMember(member, value, over, cut);
    if (changed !== undefined && changed !== before[member]) changes[member] = changed;
  }
  return Object.keys(changes).length === 0 ? before : { ...before, ...changes };
}

function cutMember(member: string, value: Json, over: (text: string) => string, cut: ResultCut): Json {
  if (member === 'inputRequests') return overQuestions(value, over);
  // Of a task (2026-07-28, the tasks extension).
  if (member === 'result' && isObject(value)) return cutObject(value, cut);
  if (member === 'tasks' && isArray(value))
    return sameOr(
      value,
      value.map((task) => (isObject(task) ? cutObject(task, cut) : task)),
    );
  if (member === 'task' && isObject(value)) return cutObject(value, cut);
  return SAID.includes(member) ? eachText(value, over) : value;
}

/** What a server asks back, by the names it gave its questions (2026-07-28, `input_required`). */
function overQuestions(questions: Json, over: (text: string) => string): Json {
  if (!isObject(questions)) return questions;
  return Object.fromEntries(
    Object.entries(questions).map(([name, question]): [string, Json] => [
      name,
      isObject(question) && isObject(question.params) ? { ...question, params: eachRead(question.params, over) } : (question ?? null),
    ]),
  );
}

/** A text that is JSON is cut as the structured result is. */
function cutText(text: string, cut: Cut): string {
  if (!/^\s*[[{]/.test(text)) return text;
  const value = parseJson(text);
  if (value === undefined) return text;
  const left = cutFrom(value, cut);
  return left === value ? text : JSON.stringify(left);
}

const withText = (block: JsonObject, text: string): JsonObject => (text === block.text ? block : { ...block, text });

/** Sound and pictures are no text, whatever letters they are written in; addresses must lead where they led. */
function overBlock(block: JsonObject, over: (text: string) => string): JsonObject {
  const { data: _, blob: __, uri: ___, mimeType: ____, type: _____, resource: ______, ...rest } = block;
  const changed = eachText(rest, over);
  return changed === rest || !isObject(changed) ? block : { ...block, ...changed };
}

/** Every block of content, wherever the protocol has it: `content`, `contents`, `messages[].content`, and resources within them. */
function eachBlock(result: JsonObject, change: (block: JsonObject) => JsonObject): JsonObject {
  const one = (block: Json): Json => {
    if (!isObject(block)) return block;
    const changed = change(block);
    const { resource } = changed;
    const inner = isObject(resource) ? change(resource) : resource;
    return inner === resource ? changed : { ...changed, resource: inner };
  };
  const all = (value: Json): Json => (isArray(value) ? sameOr(value, value.map(one)) : one(value));
  const changes: { [member: string]: Json } = {};
  const { content, contents, messages } = result;
  if (content !== undefined) changes.content = all(content);
  if (contents !== undefined) changes.contents = all(contents);
  if (isArray(messages))
    changes.messages = sameOr(
      messages,
      messages.map((each) => inMessage(each, all)),
    );
  return { ...result, ...changes };
}

function inMessage(message: Json, change: (content: Json) => Json): Json {
  if (!isObject(message) || message.content === undefined) return message;
  const content = change(message.content);
  return content === message.content ? message : { ...message, content };
}

const sameOr = (before: readonly Json[], after: readonly Json[]): readonly Json[] =>
  after.every((each, at) => each === before[at]) ? before : after;
