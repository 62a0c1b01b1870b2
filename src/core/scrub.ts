/** Providers quote the key they refused, in whole or with its middle in asterisks: it is no business of the caller. */
export const withoutKeys = (message: string): string => message.replace(/[A-Za-z0-9_*-]{16,}/g, (run) => (/[\d*]/.test(run) ? '***' : run));
