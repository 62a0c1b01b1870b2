/**
 * Beta features of Anthropic's that Bedrock knows by name: it refuses a call that names any other ("invalid beta flag"),
 * and clients such as coding agents name many.
 * Source: Bedrock user guide, "Anthropic Claude Messages API, request and response", and what callers report.
 */
const KNOWN: ReadonlySet<string> = new Set([
  'compact-2026-01-12',
  'computer-use-2024-10-22',
  'computer-use-2025-01-24',
  'computer-use-2025-11-24',
  'context-1m-2025-08-07',
  'context-management-2025-06-27',
  'dev-full-thinking-2025-05-14',
  'effort-2025-11-24',
  'fine-grained-tool-streaming-2025-05-14',
  'interleaved-thinking-2025-05-14',
  'output-128k-2025-02-19',
  'token-efficient-tools-2025-02-19',
  'tool-examples-2025-10-29',
  'tool-search-tool-2025-10-19',
]);

/** The caller's `anthropic-beta`, parted into what Bedrock takes and what it refuses. */
export function betasOf(caller: Headers): { readonly taken: readonly string[]; readonly refused: readonly string[] } {
  const named = (caller.get('anthropic-beta') ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  const all = [...new Set(named)];
  return { taken: all.filter((name) => KNOWN.has(name)), refused: all.filter((name) => !KNOWN.has(name)) };
}
