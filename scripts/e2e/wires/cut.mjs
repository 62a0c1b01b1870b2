/** An event as most vendors frame it. */
export const data = (value) => `data: ${JSON.stringify(value)}\n\n`;

/** An event that says its type on a line of its own too. */
export const event = (value) => `event: ${value.type}\n${data(value)}`;

/** A text as a vendor streams it. */
export const cut = (text) => text.match(/.{1,7}/gsu) ?? [];

export const USAGE = { input: 21, output: 7 };
