import { refuse } from './fault.ts';
import type { Arithmetic, Binary, Comparison } from './parser.ts';

// The values of expressions: booleans, whole numbers (`int`, 64 bits, as bigint), other numbers (`double`), texts, null,
// lists, maps from texts, instants (`Date`) and durations.

/** Milliseconds between two instants. */
export class Duration {
  constructor(readonly milliseconds: number) {}
}

export type Kind = 'bool' | 'int' | 'double' | 'string' | 'null' | 'list' | 'map' | 'timestamp' | 'duration';

export function kindOf(value: unknown): Kind {
  switch (typeof value) {
    case 'boolean':
      return 'bool';
    case 'bigint':
      return 'int';
    case 'number':
      return 'double';
    case 'string':
      return 'string';
    default:
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'list';
  if (value instanceof Map) return 'map';
  if (value instanceof Date) return 'timestamp';
  if (value instanceof Duration) return 'duration';
  throw refuse('a value of the call is of no known type');
}

/** Below, above or equal to zero; `undefined` where one of them is not a number. */
function compared(left: number | bigint | string, right: number | bigint | string): number | undefined {
  if (left < right) return -1;
  if (left > right) return 1;
  return Number.isNaN(left) || Number.isNaN(right) ? undefined : 0;
}

const isNumber = (value: unknown): value is number | bigint => typeof value === 'number' || typeof value === 'bigint';

/** Values of different types are not equal; numbers are compared by what they are worth. */
function isEqual(left: unknown, right: unknown): boolean {
  if (isNumber(left) && isNumber(right)) return compared(left, right) === 0;
  if (Array.isArray(left) && Array.isArray(right)) {
    return left.length === right.length && left.every((each, at) => isEqual(each, right[at]));
  }
  if (left instanceof Map && right instanceof Map) {
    return left.size === right.size && [...left].every(([key, value]) => right.has(key) && isEqual(value, right.get(key)));
  }
  if (left instanceof Date && right instanceof Date) return left.getTime() === right.getTime();
  if (left instanceof Duration && right instanceof Duration) return left.milliseconds === right.milliseconds;
  return left === right;
}

const MOST_INT = 2n ** 63n - 1n;

export function int(value: bigint): bigint {
  if (value > MOST_INT || value < -MOST_INT - 1n) throw refuse('a whole number is beyond 64 bits');
  return value;
}

const comparisons: { readonly [sign in Comparison]: (order: number) => boolean } = {
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

/** Throws a `RuleFault` where the sign does not stand between values of these types. */
export function binary(sign: Binary, left: unknown, right: unknown): unknown {
  switch (sign) {
    case '==':
      return isEqual(left, right);
    case '!=':
      return !isEqual(left, right);
    case 'in':
      return isIn(left, right);
    case '<':
    case '<=':
    case '>':
    case '>=': {
      const order = orderOf(sign, left, right);
      return order !== undefined && comparisons[sign](order);
    }
    default:
      return arithmetic(sign, left, right);
  }
}

function isIn(left: unknown, right: unknown): boolean {
  if (Array.isArray(right)) return right.some((each) => isEqual(left, each));
  if (right instanceof Map) return right.has(left);
  throw unfit('in', left, right);
}

function orderOf(sign: Comparison, left: unknown, right: unknown): number | undefined {
  if ((isNumber(left) && isNumber(right)) || (typeof left === 'string' && typeof right === 'string')) return compared(left, right);
  if (left instanceof Date && right instanceof Date) return left.getTime() - right.getTime();
  if (left instanceof Duration && right instanceof Duration) return left.milliseconds - right.milliseconds;
  if (typeof left === 'boolean' && typeof right === 'boolean') return Number(left) - Number(right);
  throw unfit(sign, left, right);
}

function arithmetic(sign: Arithmetic, left: unknown, right: unknown): unknown {
  if (typeof left === 'bigint' && typeof right === 'bigint') return int(wholeNumbers(sign, left, right));
  if (typeof left === 'number' && typeof right === 'number' && sign !== '%') return numbers(sign, left, right);
  if (sign === '+' && typeof left === 'string' && typeof right === 'string') return left + right;
  if (sign === '+' || sign === '-') return times(sign, left, right);
  throw unfit(sign, left, right);
}

function wholeNumbers(sign: Arithmetic, left: bigint, right: bigint): bigint {
  if (right === 0n && (sign === '/' || sign === '%')) throw refuse('division by zero');
  switch (sign) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
  }
}

function numbers(sign: Exclude<Arithmetic, '%'>, left: number, right: number): number {
  switch (sign) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
  }
}

function times(sign: '+' | '-', left: unknown, right: unknown): unknown {
  const factor = sign === '+' ? 1 : -1;
  if (left instanceof Date && right instanceof Duration) return new Date(left.getTime() + factor * right.milliseconds);
  if (left instanceof Duration && right instanceof Duration) return new Duration(left.milliseconds + factor * right.milliseconds);
  if (left instanceof Date && right instanceof Date && sign === '-') return new Duration(left.getTime() - right.getTime());
  if (left instanceof Duration && right instanceof Date && sign === '+') return new Date(right.getTime() + left.milliseconds);
  throw unfit(sign, left, right);
}

const unfit = (sign: Binary, left: unknown, right: unknown) =>
  refuse(`\`${sign}\` does not stand between ${kindOf(left)} and ${kindOf(right)}`);

export function truth(value: unknown): boolean {
  if (typeof value === 'boolean') return value;
  throw refuse(`a value of type ${kindOf(value)} is neither true nor false`);
}
