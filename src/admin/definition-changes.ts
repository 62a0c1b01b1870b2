import { pointed, shown } from '../core/hidden-text.ts';
import { isArray, isObject, type Json } from '../core/json.ts';
import { canonicalJson } from '../core/ledger/canonical.ts';

/** One place at which two definitions differ. Texts as a person can see them: what is hidden is written as `\u{…}`. */
export interface Change {
  /** A JSON pointer (RFC 6901). */
  readonly at: string;
  /** `null`: it was not there. */
  readonly from: string | null;
  /** `null`: it is not there any more. */
  readonly to: string | null;
}

/** Places that are told at most. */
const MOST = 200;

/** Where one definition is another than the other, field by field, in the order of their names. */
export function changesBetween(before: Json, after: Json): readonly Change[] {
  const changes: Change[] = [];
  compare(before, after, '', changes);
  return changes.slice(0, MOST);
}

function compare(before: Json | undefined, after: Json | undefined, at: string, changes: Change[]): void {
  if (changes.length > MOST || (before === undefined && after === undefined)) return;
  if (before !== undefined && after !== undefined && canonicalJson(before) === canonicalJson(after)) return;
  if (isObject(before) && isObject(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    for (const name of names) compare(before[name], after[name], `${at}/${shown(pointed(name))}`, changes);
  } else if (isArray(before) && isArray(after)) {
    for (let index = 0; index < Math.max(before.length, after.length); index++) {
      compare(before[index], after[index], `${at}/${index}`, changes);
    }
  } else {
    changes.push({ at, from: textOf(before), to: textOf(after) });
  }
}

function textOf(value: Json | undefined): string | null {
  if (value === undefined) return null;
  return shown(typeof value === 'string' ? value : canonicalJson(value));
}
