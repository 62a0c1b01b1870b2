/** Where a number may stand that JavaScript does not hold as it is written: very long, or with an exponent. */
const DOUBTFUL = /[:,[\s]-?(?:[\d.]{16}|[\d.]+[eE])/;

/**
 * Whether JavaScript holds every number of a JSON text as it is written. Where it does not, two texts that ask for
 * different things may be read as the same.
 */
export function holdsNumbers(text: string): boolean {
  if (!DOUBTFUL.test(text)) return true;
  let exact = true;
  const look = (_name: string, value: unknown, context?: { readonly source?: string }) => {
    if (typeof value === 'number' && (context?.source === undefined || decimal(context.source) !== decimal(String(value)))) exact = false;
    return undefined;
  };
  // The texts of numbers are told to a reviver: ECMA-262, JSON.parse with source text access.
  JSON.parse(text, look);
  return exact;
}

/** A decimal number's digits without zeros around them, and the place of the last one: the same for the same number. */
function decimal(written: string): string {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = /^(-?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/.exec(written) ?? [];
  const digits = (whole + fraction).replace(/^0+/, '');
  const significant = digits.replace(/0+$/, '');
  if (significant === '') return '0';
  const place = BigInt(exponent) - BigInt(fraction.length) + BigInt(digits.length - significant.length);
  return `${sign}${significant}e${place}`;
}
