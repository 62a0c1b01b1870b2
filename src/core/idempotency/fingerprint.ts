const encoder = new TextEncoder();
const DASH = 45;

/** Headers that say what is asked for where the body does not: those of the AI SDK's gateway protocol. */
const ASKING = ['ai-language-model-id', 'ai-language-model-streaming', 'ai-model-id'];
const MULTIPART = /^multipart\/[^;]*;(?:.*;)?\s*boundary=(?:"([^"]+)"|([^;\s]+))/i;

/**
 * What a call asks for, as one hash: method, path, query, the body's type and its bytes. The credential in a query and
 * the boundary of a form, which clients choose anew for every try, are not part of it.
 */
export async function fingerprintOf({ method, url, headers }: Pick<Request, 'method' | 'url' | 'headers'>, body: Uint8Array) {
  const { pathname, searchParams } = new URL(url);
  searchParams.delete('key');
  const type = headers.get('content-type') ?? '';
  const boundary = MULTIPART.exec(type);
  const pieces = boundary === null ? [body] : between(body, encoder.encode(`--${boundary[1] ?? boundary[2]}`));
  const said = {
    call: [method, pathname, searchParams.toString(), type.split(';')[0]?.trim().toLowerCase()],
    headers: ASKING.map((name) => headers.get(name)),
    body: await Promise.all(pieces.map(digest)),
  };
  return digest(encoder.encode(JSON.stringify(said)));
}

/** SHA-256 in hex. */
async function digest(bytes: Uint8Array): Promise<string> {
  return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** What stands between the places where a mark does. */
function between(bytes: Uint8Array, mark: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let from = 0;
  for (let at = bytes.indexOf(DASH); at >= 0; at = bytes.indexOf(DASH, at)) {
    if (mark.every((byte, offset) => bytes[at + offset] === byte)) {
      pieces.push(bytes.subarray(from, at));
      at += mark.length;
      from = at;
    } else at += 1;
  }
  return [...pieces, bytes.subarray(from)];
}
