const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** The largest multiple of 62 that a byte holds: bytes from here on would make some digits likelier than others. */
const EVEN = 248;

/** Random digits of base 62, each as likely as any other: 5.95 bits a character, so 43 hold 256 bits. */
export function randomBase62(length: number): string {
  let text = '';
  while (text.length < length) {
    for (const byte of crypto.getRandomValues(new Uint8Array(length))) {
      if (byte < EVEN && text.length < length) text += DIGITS[byte % 62];
    }
  }
  return text;
}

/** A whole number from 0 in so many digits, zeros in front. */
export function toBase62(value: number, length: number): string {
  let text = '';
  for (let left = value; text.length < length; left = Math.floor(left / 62)) text = (DIGITS[left % 62] ?? '') + text;
  return text;
}
