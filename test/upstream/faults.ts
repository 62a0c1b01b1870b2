import { type ResponseLine, sleep } from './line.ts';
import type { Wire } from './wire.ts';

/** What a fault has to play with: the frames of a good answer, and the line to spoil it on. */
export interface Stage {
  readonly line: ResponseLine;
  readonly wire: Wire;
  readonly frames: readonly string[];
  readonly stream: boolean;
  /** The answer as one JSON document. */
  readonly whole: string;
  /** How often this very model was asked for before. */
  readonly earlier: number;
  /** Once the test says that this request may go on: `goOn` of the journal. */
  told(): Promise<void>;
  number(name: string, fallback: number): number;
  text(name: string): string | undefined;
}

type Fault = (stage: Stage) => Promise<void>;

export const SSE = { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-cache' };
export const streamHead = ({ contentType }: Wire) => (contentType === undefined ? SSE : { ...SSE, 'content-type': contentType });
const HOLD = 20_000;

const begin = async ({ line, frames, number, wire }: Stage, fallback = 5) => {
  line.head(200, streamHead(wire));
  await line.write(frames.slice(0, number('n', fallback)).join(''));
};

async function errorAnswer({ line, wire, text }: Stage, status: number, headers: { readonly [name: string]: string } = {}): Promise<void> {
  line.head(status, { 'content-type': 'application/json', ...headers });
  line.end(JSON.stringify(wire.error(status, text('message') ?? `scripted ${status}`, text('type'))));
}

/** Ways for a vendor to fail, by the name after `fault/`. Parameters come in the model's query. */
export const faults: { readonly [name: string]: Fault } = {
  /** After n frames, and `ms`, the connection is reset. */
  reset: async (stage) => {
    await begin(stage);
    await sleep(stage.number('ms', 0));
    await stage.line.reset();
  },
  /** After n frames the stream ends properly, without its terminator. */
  fin: async (stage) => {
    await begin(stage);
    stage.line.end();
  },
  /** The stream stops at byte `at`, by `how=reset` or a plain end. */
  cut: async ({ line, frames, number, text }) => {
    line.head(200, SSE);
    await line.write(Buffer.from(frames.join('')).subarray(0, number('at', 0)));
    if (text('how') === 'reset') await line.reset();
    else line.end();
  },
  /** The stream is good and comes in pieces of `size` bytes. */
  split: async ({ line, frames, number }) => {
    line.head(200, SSE);
    const bytes = Buffer.from(frames.join(''));
    const size = Math.max(1, number('size', 1));
    for (let at = 0; at < bytes.length && !line.gone; at += size) {
      await line.write(bytes.subarray(at, at + size));
      if (number('ms', 0) > 0) await sleep(number('ms', 0));
    }
    line.end();
  },
  /** The stream is good and comes in two writes, cut at byte `at`. */
  halves: async ({ line, frames, number }) => {
    line.head(200, SSE);
    const bytes = Buffer.from(frames.join(''));
    await line.write(bytes.subarray(0, number('at', 0)));
    await sleep(3);
    line.end(bytes.subarray(number('at', 0)));
  },
  'error-first': async ({ line, wire, text }) => {
    line.head(200, SSE);
    line.end(wire.errorFrame('scripted overload', text('type')));
  },
  'error-mid': async (stage) => {
    await begin(stage);
    stage.line.end(stage.wire.errorFrame('scripted overload', stage.text('type')));
  },
  html: async ({ line }) => {
    line.head(200, { 'content-type': 'text/html' });
    line.end('<html><body>captive portal canary-html</body></html>');
  },
  /** HTML that calls itself an event stream. */
  'html-as-sse': async ({ line }) => {
    line.head(200, SSE);
    line.end('<html><body>captive portal canary-html</body></html>\n\n');
  },
  'not-an-answer': async ({ line }) => {
    line.head(200, { 'content-type': 'application/json' });
    line.end('{"ok":true}');
  },
  empty: async ({ line, stream }) => {
    line.head(200, stream ? SSE : { 'content-type': 'application/json' });
    line.end();
  },
  /** Headers, then nothing. */
  silence: async ({ line }) => {
    line.head(200, SSE);
    await line.closed(HOLD);
  },
  /** Not even headers. */
  hang: ({ line }) => line.closed(HOLD),
  /** n frames, then nothing. */
  stall: async (stage) => {
    await begin(stage, 3);
    await stage.line.closed(HOLD);
  },
  /** n frames, silence for `ms`, the rest. */
  pause: async (stage) => {
    await begin(stage, 3);
    await sleep(stage.number('ms', 500));
    stage.line.end(stage.frames.slice(stage.number('n', 3)).join(''));
  },
  /** n frames, silence until the test says so, the rest; `how=reset`: and then the connection is reset. */
  held: async (stage) => {
    const { line, frames, number, text, told } = stage;
    await begin(stage, 3);
    await told();
    if (text('how') === 'reset') await line.reset();
    else line.end(frames.slice(number('n', 3)).join(''));
  },
  /** Nothing until the test says so, then a good answer. */
  'held-back': async ({ line, wire, stream, frames, whole, told }) => {
    await told();
    if (line.gone) return;
    line.head(200, stream ? streamHead(wire) : { 'content-type': 'application/json' });
    line.end(stream ? frames.join('') : whole);
  },
  /** One frame each `ms`; the rest at once when the test says so. */
  pace: async ({ line, frames, number, told }) => {
    line.head(200, SSE);
    let isHurried = false;
    void told().then(() => {
      isHurried = true;
    });
    for (const frame of frames) {
      if (line.gone) return;
      await line.write(frame);
      if (!isHurried) await sleep(number('ms', 10));
    }
    line.end();
  },
  /** The connection stays open after the terminator. */
  linger: async (stage) => {
    stage.line.head(200, SSE);
    await stage.line.write(stage.frames.join(''));
    await stage.line.closed(HOLD);
  },
  /** n frames, then one event of `bytes` bytes that does not end. */
  huge: async (stage) => {
    await begin(stage, 0);
    await stage.line.write('data: ');
    const piece = 'a'.repeat(64 * 1024);
    for (let sent = 0; sent < stage.number('bytes', 2 * 1024 * 1024) && !stage.line.gone; sent += piece.length)
      await stage.line.write(piece);
    await stage.line.closed(HOLD);
  },
  /** Content frames without end, up to `bytes`. */
  flood: async ({ line, frames, number, wire }) => {
    line.head(200, SSE);
    const [opening = '', ...rest] = frames;
    const content = rest.find((frame) => frame.includes('w0')) ?? '';
    const lead = frames.slice(0, frames.indexOf(content)).join('') || opening;
    await line.write(lead);
    const block = content.repeat(200);
    for (let sent = 0; sent < number('bytes', 64 * 1024 * 1024) && !line.gone; sent += block.length) await line.write(block);
    line.end(wire.terminator);
  },
  status: async (stage) => {
    const after = stage.text('retry-after');
    await errorAnswer(stage, stage.number('code', 500), after === undefined ? {} : { 'retry-after': after });
  },
  /** `code` for the first `times` requests of this model, a good answer after. */
  flaky: async (stage) => {
    const after = stage.text('retry-after');
    if (stage.earlier < stage.number('times', 1)) {
      return errorAnswer(stage, stage.number('code', 500), after === undefined ? {} : { 'retry-after': after });
    }
    stage.line.head(200, stage.stream ? SSE : { 'content-type': 'application/json' });
    stage.line.end(stage.stream ? stage.frames.join('') : stage.whole);
  },
  /** A good answer that says what is left: `tokens` and `requests` of `limit`, which is there again after `reset` seconds. */
  limits: async ({ line, wire, stream, frames, whole, number, text }) => {
    const of = (unit: string) =>
      text(unit) === undefined
        ? {}
        : {
            [`x-ratelimit-remaining-${unit}`]: String(number(unit, 0)),
            [`x-ratelimit-limit-${unit}`]: String(number('limit', 1_000_000)),
            [`x-ratelimit-reset-${unit}`]: `${number('reset', 60)}s`,
          };
    line.head(200, { ...(stream ? streamHead(wire) : { 'content-type': 'application/json' }), ...of('tokens'), ...of('requests') });
    line.end(stream ? frames.join('') : whole);
  },
  /**
   * A good answer, or `code`, that begins after `ms`, unless the other side has gone by then. The first `times` requests of
   * this model are answered at once.
   */
  late: async (stage) => {
    const { line, wire, stream, frames, whole, number, earlier } = stage;
    if (earlier >= number('times', 0)) await line.closed(number('ms', 500));
    if (line.gone) return;
    if (number('code', 200) >= 400) return errorAnswer(stage, number('code', 500));
    line.head(200, stream ? streamHead(wire) : { 'content-type': 'application/json' });
    line.end(stream ? frames.join('') : whole);
  },
  /** The request is read, and the connection reset without an answer. */
  'no-answer': ({ line }) => line.reset(),
  redirect: async ({ line, number, text }) => {
    line.head(number('code', 302), { location: text('to') ?? '/', 'content-type': 'text/plain' });
    line.end('moved');
  },
};
