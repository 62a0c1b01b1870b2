// Spans of time as LiteLLM writes them: https://docs.litellm.ai/docs/proxy/virtual_keys

const SECONDS: { readonly [unit: string]: number } = { s: 1, m: 60, h: 3_600, d: 86_400, w: 7 * 86_400, mo: 30 * 86_400 };

/** The windows of Weir's calendar that budgets may have, shortest first, and how long they are in seconds. */
export const calendarWindows = { minute: 60, hour: 3_600, day: 86_400, week: 7 * 86_400, month: 30 * 86_400 } as const;
export type CalendarWindow = keyof typeof calendarWindows;

/** How LiteLLM writes the window that begins when the calendar's does: every 7 days is every Monday, every 30 days the first. */
const written: { readonly [window in CalendarWindow]: readonly [shown: string, ...others: string[]] } = {
  minute: ['1m', '60s'],
  hour: ['1h', '60m', 'hourly'],
  day: ['1d', '24h', 'daily'],
  week: ['7d', '1w', 'weekly'],
  month: ['30d', '1mo', 'monthly'],
};

const names = Object.keys(calendarWindows).filter((name): name is CalendarWindow => Object.hasOwn(calendarWindows, name));

/** How every window is written, for messages. */
export const writtenWindows = names.map((name) => written[name][0]).join(', ');

export const shownDuration = (window: CalendarWindow): string => written[window][0];

export const isCalendarWindow = (name: unknown): name is CalendarWindow => names.some((known) => known === name);

/** The window that begins when this budget does; `undefined` where none does. */
export function windowOf(duration: string): CalendarWindow | undefined {
  return names.find((name) => written[name].includes(duration));
}

/** `30d` in seconds; `undefined` for anything else. A month counts 30 days. */
export function secondsOf(duration: string): number | undefined {
  const [, count = '', unit = ''] = /^(\d{1,6})(mo|[smhdw])$/.exec(duration) ?? [];
  const length = SECONDS[unit];
  return length === undefined ? undefined : Number(count) * length;
}

/** The shortest window that is no shorter than so many seconds; `undefined` beyond a month. */
export function windowCovering(seconds: number): CalendarWindow | undefined {
  return names.find((name) => calendarWindows[name] >= seconds);
}
