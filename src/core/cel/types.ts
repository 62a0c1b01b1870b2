import { refuse } from './fault.ts';
import type { Binary } from './parser.ts';
import type { Kind } from './values.ts';

/** What is known of a value before there is one. `dyn`: nothing. */
export interface Type {
  readonly kind: Kind | 'dyn';
  /** Of the elements of a list, or of the values of a map; absent where nothing is known. */
  readonly item?: Type;
  /** All that a map has. */
  readonly fields?: readonly string[];
  /** All that a map has, where its values are of several types: instead of `item` and `fields`. */
  readonly members?: Variables;
}

export const DYN: Type = { kind: 'dyn' };
export const BOOL: Type = { kind: 'bool' };
export const STRING: Type = { kind: 'string' };
export const INT: Type = { kind: 'int' };

/** What the variables of an expression are, by name. */
export interface Variables {
  readonly [name: string]: Type;
}

const arithmetic: ReadonlyMap<string, Kind> = new Map([
  ...['+', '-', '*', '/', '%'].map((sign) => [`int ${sign} int`, 'int'] as const),
  ...['+', '-', '*', '/'].map((sign) => [`double ${sign} double`, 'double'] as const),
  ['string + string', 'string'],
  ['timestamp - timestamp', 'duration'],
  ['timestamp + duration', 'timestamp'],
  ['timestamp - duration', 'timestamp'],
  ['duration + timestamp', 'timestamp'],
  ['duration + duration', 'duration'],
  ['duration - duration', 'duration'],
]);

const ORDERED: ReadonlySet<string> = new Set(['string', 'bool', 'timestamp', 'duration']);
const isNumber = (kind: string) => kind === 'int' || kind === 'double';

/** What a sign gives between two values. Throws a `RuleFault` where it cannot stand there, as far as is known. */
export function typeOfSign(sign: Binary, left: Type, right: Type): Type {
  switch (sign) {
    case '==':
    case '!=':
      if (!isComparable(left, right)) throw unfit(sign, left, right);
      return BOOL;
    case 'in':
      if (right.kind !== 'dyn' && right.kind !== 'list' && right.kind !== 'map') throw unfit(sign, left, right);
      if (!isComparable(left, right.kind === 'map' ? STRING : (right.item ?? DYN))) throw unfit(sign, left, right);
      return BOOL;
    case '<':
    case '<=':
    case '>':
    case '>=':
      if (!isOrdered(left.kind, right.kind)) throw unfit(sign, left, right);
      return BOOL;
    default: {
      if (left.kind === 'dyn' || right.kind === 'dyn') return DYN;
      const kind = arithmetic.get(`${left.kind} ${sign} ${right.kind}`);
      if (kind === undefined) throw unfit(sign, left, right);
      return { kind };
    }
  }
}

const isComparable = (left: Type, right: Type) => left.kind === right.kind || left.kind === 'dyn' || right.kind === 'dyn';

const isOrdered = (left: string, right: string) =>
  [left, right].every((kind) => kind === 'dyn' || isNumber(kind) || ORDERED.has(kind)) &&
  (left === right || left === 'dyn' || right === 'dyn' || (isNumber(left) && isNumber(right)));

const unfit = (sign: Binary, left: Type, right: Type) => refuse(`\`${sign}\` does not stand between ${left.kind} and ${right.kind}`);
