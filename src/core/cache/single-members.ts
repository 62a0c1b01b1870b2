import { isArray, isObject, type Json } from '../json.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;

/**
 * Whether every member of every object stands once in a JSON text, of which `value` was read. Of one that stands twice,
 * JavaScript takes the last: who reads the text after it may take the first.
 */
export const hasSingleMembers = (text: string, value: Json): boolean => colonsIn(text) === membersOf(value);

/** Colons outside of texts: each has the name of a member before it. */
function colonsIn(text: string): number {
  let colons = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === COLON) colons++;
    else if (code === QUOTE) at = closing(text, at + 1);
  }
  return colons;
}

/** Where the quote stands that ends a text. */
function closing(text: string, from: number): number {
  for (let at = text.indexOf('"', from); at >= 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text.charCodeAt(at - slashes - 1) === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return at;
  }
  return text.length;
}

function membersOf(value: Json | undefined): number {
  if (isArray(value)) return value.reduce((sum: number, each) => sum + membersOf(each), 0);
  if (!isObject(value)) return 0;
  let members = 0;
  for (const name of Object.keys(value)) members += 1 + membersOf(value[name]);
  return members;
}
