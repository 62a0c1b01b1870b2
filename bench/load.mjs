import { connect } from 'node:net';

// A closed-loop HTTP/1.1 load generator on raw sockets: as many requests in flight as connections, each answer read to
// its end before the next request leaves. It parses only what it must, because it shares a core with the upstream.

const END_OF_CHUNKS = '\r\n0\r\n\r\n';
const TAIL = 64;
const SILENCE_MS = 30_000;

/** One request as the bytes that go out. `headers` come after the ones every request has. */
export function requestBytes({ port, path, headers, body }) {
  const lines = [
    `POST ${path} HTTP/1.1`,
    `host: 127.0.0.1:${port}`,
    'content-type: application/json',
    'accept: application/json, text/event-stream',
    `content-length: ${Buffer.byteLength(body)}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** One answer as it arrives: piece by piece, until it is whole. */
class Answer {
  #mark;

  /** @param {string} mark what the first piece with content holds */
  constructor(mark) {
    this.#mark = mark;
  }

  #head = Buffer.alloc(0);
  #inHead = true;
  #left = 0;
  #chunked = false;
  #tail = Buffer.alloc(0);
  status = 0;
  /** When the first piece with content came, in `performance.now()` milliseconds; 0 before. */
  firstAt = 0;

  /** @returns {boolean} whether the answer is whole */
  take(piece) {
    const body = this.#inHead ? this.#takeHead(piece) : piece;
    if (body === undefined || body.length === 0) return !this.#inHead && !this.#chunked && this.#left === 0;
    if (this.firstAt === 0 && body.includes(this.#mark)) this.firstAt = performance.now();
    this.#tail = body.length >= TAIL ? body.subarray(-TAIL) : Buffer.concat([this.#tail, body]).subarray(-TAIL);
    if (this.#chunked) return this.#tail.latin1Slice().endsWith(END_OF_CHUNKS);
    this.#left -= body.length;
    return this.#left <= 0;
  }

  #takeHead(piece) {
    this.#head = this.#head.length === 0 ? piece : Buffer.concat([this.#head, piece]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const head = this.#head.latin1Slice(0, end).toLowerCase();
    this.#inHead = false;
    this.status = Number(head.slice(9, 12));
    this.#chunked = head.includes('\ntransfer-encoding: chunked');
    this.#left = this.#chunked ? 0 : Number(/\ncontent-length:\s*(\d+)/.exec(head)?.[1] ?? Number.POSITIVE_INFINITY);
    return this.#head.subarray(end + 4);
  }

  /** Whether it is the answer that was asked for: a 200, and a stream that came to its own end. */
  good(stream, end) {
    return this.status === 200 && (!stream || this.#tail.includes(end));
  }
}

/** One connection's loop. `next()` says whether another request is to be sent; it reconnects if the gateway closes. */
function connection({ port, bytes, stream, mark, end, next, done }) {
  let socket;
  let answer;
  let sentAt = 0;
  const finish = (ok) => {
    if (answer === undefined) return;
    const endedAt = performance.now();
    done({ ok, ms: endedAt - sentAt, firstMs: answer.firstAt === 0 ? Number.NaN : answer.firstAt - sentAt });
    answer = undefined;
    if (next()) send();
    else socket.destroy();
  };
  const open = () => {
    const mine = connect({ port, host: '127.0.0.1', noDelay: true });
    socket = mine;
    mine.setTimeout(SILENCE_MS, () => mine.destroy());
    mine.on('error', () => mine.destroy());
    mine.on('close', () => mine === socket && finish(false));
    mine.on('data', (piece) => {
      if (answer?.take(piece)) finish(answer.good(stream, end));
    });
  };
  const send = () => {
    if (socket === undefined || socket.destroyed) open();
    answer = new Answer(mark);
    sentAt = performance.now();
    socket.write(bytes);
  };
  if (next()) send();
}

/**
 * Sends `requests` requests over `connections` connections, the first ones `stagger` milliseconds apart.
 * @returns {Promise<{seconds: number, failed: number, latencies: number[], firsts: number[]}>} times in milliseconds,
 * of the requests that succeeded
 */
export function drive({ port, bytes, stream, mark, end, requests, connections, stagger = 0 }) {
  const latencies = [];
  const firsts = [];
  let left = requests;
  let open = requests;
  let failed = 0;
  const startedAt = performance.now();
  return new Promise((resolve) => {
    const done = ({ ok, ms, firstMs }) => {
      open -= 1;
      if (ok) latencies.push(ms);
      else failed += 1;
      if (ok && !Number.isNaN(firstMs)) firsts.push(firstMs);
      if (open === 0) resolve({ seconds: (performance.now() - startedAt) / 1000, failed, latencies, firsts });
    };
    const next = () => {
      left -= 1;
      return left >= 0;
    };
    for (let at = 0; at < connections; at += 1) {
      setTimeout(() => connection({ port, bytes, stream, mark, end, next, done }), at * stagger);
    }
  });
}
