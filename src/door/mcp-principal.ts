import type { Identity } from '../core/exchange.ts';

/** Whose sessions and connected accounts a caller's are: a credential that names a person opens that person's alone, any other those of its app. */
export const principalOf = ({ principal, user }: Identity): string => (user === undefined ? principal : JSON.stringify([principal, user]));
