/**
 * Bytes of a request that are read after its answer, and ms from then on. Above the usual limit of a body, so that who is
 * refused by a key alone hears why; a caller who sends more, or more slowly, is cut off.
 */
const MOST_BYTES = 64 * 1024 * 1024;
const MOST_MS = 30_000;
const PIECE = 64 * 1024;

/**
 * An answer to a request of which not everything was read: it goes out whole at once, and its end waits for the rest of
 * the request. A server that closes while its client still sends resets the connection, and the reset may overtake the
 * answer: the client then knows of a broken pipe, and not of its wrong key (RFC 9112, section 9.6).
 */
export function answerUnread(request: Request, answer: Response): Response | Promise<Response> {
  // What was begun was read to its end, unless there was too much of it.
  if (request.bodyUsed && answer.status !== 413) return answer;
  const { body, method } = request;
  if (body === null || body.locked || answer.body === null) return answer;
  // Answers that may go on for long are those to GET, which has no use for a body, and event streams.
  if (method === 'GET' || answer.headers.get('content-type')?.startsWith('text/event-stream')) return answer;
  return thenRead(body, answer);
}

async function thenRead(body: ReadableStream<Uint8Array>, answer: Response): Promise<Response> {
  const bytes = await answer.bytes();
  const { readable, writable } = new FixedLengthStream(bytes.length);
  const writer = writable.getWriter();
  const written = Promise.all([writer.write(bytes), readRest(body)]);
  // Who left before the answer was out needs no end of it.
  written.then(() => writer.close()).catch(() => undefined);
  return new Response(readable, answer);
}

/** Reads and drops what comes, up to the limits. Never rejects: a caller who leaves is no fault. */
async function readRest(body: ReadableStream<Uint8Array>): Promise<void> {
  const reader = body.getReader({ mode: 'byob' });
  const timer = setTimeout(() => reader.cancel('the answer is out').catch(() => undefined), MOST_MS);
  try {
    let piece = new Uint8Array(PIECE);
    for (let length = 0; length < MOST_BYTES; length += piece.length) {
      const { done, value } = await reader.readAtLeast(PIECE, new Uint8Array(piece.buffer));
      if (done || value === undefined) return;
      piece = value;
    }
    await reader.cancel('too much');
  } catch {
    // It left.
  } finally {
    clearTimeout(timer);
  }
}
