/** The name of a Worker secret that a configuration may use. The gateway's own are for nobody else. */
export const SECRET_NAME = /^(?!weir_)[a-z_][a-z0-9_]*$/i;

/** What stands for a literal key wherever a configuration is shown, and is taken for none. */
export const REDACTED = '[redacted]';
