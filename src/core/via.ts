/** As Weir calls itself in `Via` (RFC 9110 section 7.6.3: protocol version, received-by, comment). */
const NAME = 'weir';

/** How often a request may have passed through a Weir already: gateways in a row are legitimate, four are a loop. */
const MAX_HOPS = 4;

/** `Via` of what leaves: what had come in, then this gateway. `instance` goes into the comment, so that an operator can tell two gateways apart. */
export function extendVia(incoming: string | null, instance: string): string {
  const own = instance === '' ? `1.1 ${NAME}` : `1.1 ${NAME} (${instance})`;
  return incoming === null || incoming === '' ? own : `${incoming}, ${own}`;
}

/** Whether a request went through Weir so often that its upstream must be itself. The door answers `loop_detected`. */
export function isLoop(headers: Headers): boolean {
  const via = headers.get('via');
  return via !== null && countHops(via) >= MAX_HOPS;
}

/** Weir's own entries: the received-by is the second word, a pseudonym without a port. */
export function countHops(via: string): number {
  let hops = 0;
  for (const entry of via.split(',')) {
    const [, receivedBy] = entry.trim().split(/[ \t]+/, 2);
    if (receivedBy?.toLowerCase() === NAME) hops += 1;
  }
  return hops;
}
