/** The revision without sessions. */
export const MODERN = '2026-07-28';
/** Revisions with sessions over Streamable HTTP, newest first. */
export const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
export const NEWEST_LEGACY = LEGACY[0];
export const SUPPORTED: readonly string[] = [MODERN, ...LEGACY];

/** Revisions are dates, and compare as texts. */
export const isModern = (version: string): boolean => version >= MODERN;
export const isLegacy = (version: string): boolean => LEGACY.some((each) => each === version);

/** Keys of `_meta` (2026-07-28, "Request metadata"). */
export const meta = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const;
