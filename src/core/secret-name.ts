/** The name of a Worker secret that a configuration may use. The gateway's own are for nobody else. */
export const SECRET_NAME = /^(?!weir_)[a-z_][a-z0-9_]*$/i;

/** The name of what an organisation keeps in the vault: letters, digits and `.` `_` `-` between them, 64 at most. */
export const VAULT_NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/;

/** What stands for a literal key wherever a configuration is shown, and is taken for none. */
export const REDACTED = '[redacted]';
