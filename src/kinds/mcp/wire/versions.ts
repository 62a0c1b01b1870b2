/** The revision without sessions. */
export const MODERN = '2026-07-28';
/** Revisions with sessions over Streamable HTTP, newest first. */
export const LEGACY = ['2025-11-25', '2025-06-18', '2025-03-26'] as const;
/** The first revision, which had the transport HTTP+SSE; whoever speaks it over another is understood too. */
export const OLDEST = '2024-11-05';
export const NEWEST_LEGACY = LEGACY[0];
export const SUPPORTED: readonly string[] = [MODERN, ...LEGACY];

/** Revisions are dates, and compare as texts. */
export const isModern = (version: string): boolean => version >= MODERN;
export const isLegacy = (version: string): boolean => version === OLDEST || LEGACY.some((each) => each === version);
/** Revisions that do not have the header `MCP-Protocol-Version`. */
export const hasNoVersionHeader = (version: string): boolean => version === OLDEST || version === '2025-03-26';

/** The extension of 2026-07-28 by which calls become tasks, and the key of `_meta` that says which task a message belongs to (2025-11-25). */
export const TASKS_EXTENSION = 'io.modelcontextprotocol/tasks';
export const RELATED_TASK = 'io.modelcontextprotocol/related-task';

/** Keys of `_meta` (2026-07-28, "Request metadata"). */
export const meta = {
  version: 'io.modelcontextprotocol/protocolVersion',
  capabilities: 'io.modelcontextprotocol/clientCapabilities',
  clientInfo: 'io.modelcontextprotocol/clientInfo',
  serverInfo: 'io.modelcontextprotocol/serverInfo',
  logLevel: 'io.modelcontextprotocol/logLevel',
  subscription: 'io.modelcontextprotocol/subscriptionId',
} as const;
