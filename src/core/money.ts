/**
 * Money as whole nano-dollars (10⁻⁹ USD): a token of the cheapest model costs some ten of them. An ordinary number holds
 * whole ones exactly up to 9·10¹⁵, which is nine million dollars; no sum here may pass that, and a check says so.
 */
export type NanoUsd = number & { readonly [nano]: true };
declare const nano: unique symbol;

export const NANO_PER_USD = 1_000_000_000;
/** Nine million dollars and a little. */
export const MOST_NANO_USD = Number.MAX_SAFE_INTEGER;

const DECIMALS = 9;

/** A whole number of nano-dollars as money. Throws `RangeError` on a fraction and beyond nine million dollars. */
export function nanoUsd(value: number): NanoUsd {
  if (isNanoUsd(value)) return value;
  throw new RangeError(`${value} is no whole number of nano-dollars below nine million dollars`);
}

export const isNanoUsd = (value: number): value is NanoUsd => Number.isSafeInteger(value);

/** Throws `RangeError` where the sum passes nine million dollars: a wrong sum must not look like a right one. */
export const addUsd = (left: NanoUsd, right: NanoUsd): NanoUsd => nanoUsd(left + right);

/** Decimal USD, exact, without trailing zeros: `0.000123`, `12`, `-0.5`. */
export function formatUsd(amount: NanoUsd): string {
  const digits = String(Math.abs(amount)).padStart(DECIMALS + 1, '0');
  const fraction = digits.slice(-DECIMALS).replace(/0+$/, '');
  return `${amount < 0 ? '-' : ''}${digits.slice(0, -DECIMALS)}${fraction === '' ? '' : `.${fraction}`}`;
}

/** Decimal USD as money; `undefined` where it is no plain decimal number, is finer than a nano-dollar, or too much. */
export function parseUsd(text: string): NanoUsd | undefined {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d{1,16})(?:\.(\d+))?$/.exec(text) ?? [];
  if (whole === '') return undefined;
  const kept = fraction.replace(/0+$/, '');
  if (kept.length > DECIMALS) return undefined;
  const amount = Number(whole + kept.padEnd(DECIMALS, '0'));
  if (!isNanoUsd(amount)) return undefined;
  return sign === '' || amount === 0 ? amount : nanoUsd(-amount);
}
