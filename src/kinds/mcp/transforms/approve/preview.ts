import { holdsNumbers } from '../../../../core/cache/exact-numbers.ts';
import { shown } from '../../../../core/hidden-text.ts';
import { isArray, isObject, type Json } from '../../../../core/json.ts';
import type { Wire } from '../../../../core/wire.ts';

/** Characters of one text, things of one list or object, and characters of all: a person reads it. */
const LONGEST_TEXT = 200;
const MOST_THINGS = 30;
const LONGEST = 2_000;
const DEEPEST = 6;

/** What is called like this is nobody's to read. */
const SECRET = /pass(?:word|phrase|wd)?$|secret|token|api[-_]?key|private[-_]?key|credential|authorization|cookie|^pin$|^otp$/i;
/** A text that looks like a key: long, without blanks, of letters and digits mixed. */
const KEY_LIKE = /^(?=[^\s]{24,}$)(?=.*\d)(?=.*[A-Za-z])[\w.~+/=-]+$/;

/** Arguments as a person is shown them: cut, without what looks secret, and with everything to be seen that is there. */
export function previewOf(args: Wire): string {
  const text = JSON.stringify(cut(holdsNumbers(args.text) ? args.json() : asWritten(args.text), 0), undefined, 1);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/** With what a value was read from (ECMAScript 2026, `JSON.parse` source text access), which the compiler's library does not know yet. */
const parse = JSON.parse as (text: string, revive: (name: string, value: Json, read: { readonly source?: string }) => Json) => Json;

/** With numbers that JavaScript would round as texts of what stands there. */
const asWritten = (text: string): Json =>
  parse(text, (_, value, { source }) => (typeof value === 'number' && source !== undefined && source !== String(value) ? source : value));

function cut(value: Json | undefined, depth: number): Json {
  if (typeof value === 'string') return cutText(value);
  if (depth >= DEEPEST && typeof value === 'object' && value !== null) return '…';
  if (isArray(value)) {
    const kept = value.slice(0, MOST_THINGS).map((each) => cut(each, depth + 1));
    return value.length > MOST_THINGS ? [...kept, `… ${value.length - MOST_THINGS} more`] : kept;
  }
  if (!isObject(value)) return value ?? null;
  const entries = Object.entries(value);
  const kept = entries
    .slice(0, MOST_THINGS)
    .map(([name, each]) => [shown(name.slice(0, 100)), SECRET.test(name) && each !== null ? '[redacted]' : cut(each, depth + 1)] as const);
  return Object.fromEntries(entries.length > MOST_THINGS ? [...kept, ['…', `${entries.length - MOST_THINGS} more`]] : kept);
}

function cutText(text: string): string {
  if (text.length <= 400 && KEY_LIKE.test(text)) return `${text.slice(0, 4)}…[redacted]`;
  return shown(text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}… (${text.length} characters)`);
}
