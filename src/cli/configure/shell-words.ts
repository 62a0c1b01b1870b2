import type { Environment } from './client.ts';

/** A word of a shell's line, in quotes where it needs them. */
export const quoted = (word: string): string => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

/** Lines that set variables, for a shell. */
export const exports = (environment: Environment): string =>
  environment.map(([name, value]) => `export ${name}=${typeof value === 'string' ? quoted(value) : `"$${value.variable}"`}`).join('\n');
