/** What a caller wants of answers that were given before. */
export interface Wish {
  /** Neither given any, nor kept from this call. */
  readonly isOff: boolean;
  /** Asked anew; the answer is kept in the place of what was. */
  readonly isFresh: boolean;
  /** Seconds: the oldest that will do. */
  readonly maxAge?: number;
}

/** `x-weir-cache: off|refresh`, and `Cache-Control` as RFC 9111 section 5.2.1 has it in requests. Throws nothing: what it does not know says nothing. */
export function wishOf(headers: Headers): Wish {
  const said = headers.get('x-weir-cache')?.trim().toLowerCase();
  const control = (headers.get('cache-control') ?? '').toLowerCase().split(',');
  const directives = new Map(control.map((each) => each.trim().split('=', 2)).map(([name = '', value = '']) => [name, value]));
  const seconds = directives.get('max-age')?.replaceAll('"', '') ?? '';
  const maxAge = /^\d{1,10}$/.test(seconds) ? Number(seconds) : undefined;
  return {
    isOff: said === 'off' || directives.has('no-store'),
    isFresh: said === 'refresh' || directives.has('no-cache') || maxAge === 0,
    ...(maxAge === undefined ? {} : { maxAge }),
  };
}
