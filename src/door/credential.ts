/** Where clients put the gateway's key, in the order in which it is looked for. `x-weir-key` wins. */
export const KEY_HEADERS = ['x-weir-key', 'authorization', 'x-api-key', 'api-key', 'x-goog-api-key'] as const;

/** The key a request presents, or `undefined`. It is never forwarded. A browser's WebSocket has no headers but its subprotocols. */
export function presentedKey(request: Request): string | undefined {
  const { headers } = request;
  for (const name of KEY_HEADERS) {
    const value = headers.get(name);
    if (value === null) continue;
    const key = name === 'authorization' ? bearer(value) : value.trim();
    if (key !== undefined && key !== '') return key;
  }
  const offered = headers.get('sec-websocket-protocol');
  const protocol = offered === null ? undefined : /(?:^|,) *openai-insecure-api-key\.([^\s,]+)/.exec(offered)?.[1];
  if (protocol !== undefined) return protocol;
  const query = request.url.indexOf('?');
  if (query < 0 || !request.url.includes('key=', query)) return undefined;
  return new URL(request.url).searchParams.get('key') ?? undefined;
}

/** RFC 6750 section 2.1. Two `Authorization` headers arrive joined by a comma, and count as none. */
function bearer(value: string): string | undefined {
  const match = /^bearer +([^\s,]+) *$/i.exec(value);
  return match?.[1];
}
