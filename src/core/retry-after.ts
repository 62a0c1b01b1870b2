/** A provider that wants to be left alone for longer is as good as gone: its wish is not handed on. */
const LONGEST = 3600;

/**
 * Seconds until a retry makes sense: `retry-after-ms` (OpenAI), else `Retry-After` in seconds or as a date, which is
 * measured against the answer's own `Date`. `undefined` for absent, negative, absurd and unreadable values.
 * Source: RFC 9110 §10.2.3.
 */
export function readRetryAfter(headers: Headers): number | undefined {
  const milliseconds = headers.get('retry-after-ms');
  if (milliseconds !== null) {
    const seconds = sane(number(milliseconds) / 1000);
    if (seconds !== undefined) return seconds;
  }
  const value = headers.get('retry-after');
  if (value === null) return undefined;
  const seconds = number(value);
  if (!Number.isNaN(seconds)) return sane(seconds);
  // A moment that has passed by means now.
  return sane(Math.max(0, (Date.parse(value) - Date.parse(headers.get('date') ?? '')) / 1000));
}

const number = (text: string) => (text.trim() === '' ? Number.NaN : Number(text));

const sane = (seconds: number) => (seconds >= 0 && seconds <= LONGEST ? seconds : undefined);
