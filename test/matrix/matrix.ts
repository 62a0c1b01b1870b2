import { isDeepStrictEqual } from 'node:util';
import type { Chat, ChatChunk } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import type { JsonObject } from '../../src/core/json.ts';
import { type Frame, FrameSplitter } from '../../src/core/sse.ts';
import type { CallCase } from './calls.ts';
import type { ReplyCase } from './replies.ts';

/**
 * What became of one thing on its way between two dialects.
 * `=` it is there as it was; `≈` it is said in another way, the nearest there is; `~` something of it is there, or
 * nothing, and the loss is named; `-` who would say it has no words for it; `!` it changed and nobody said so.
 */
export interface Cell {
  readonly mark: '=' | '≈' | '~' | '-' | '!';
  readonly loss: readonly string[];
}

const OPTIONS = { id: 'id-of-the-gateway', model: 'model-of-the-gateway', created: 1_800_000_000, wantsUsage: true };
const EMPTY: Chat = { model: 'model-a', messages: [], tools: [], stream: false, extra: {} };
const sent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body));

/** A call of a client of `from`, as a provider of `to` gets it. */
export function callCell({ chat, probe, nearly }: CallCase, from: Dialect, to: Dialect): Cell {
  const asked = { ...EMPTY, ...chat };
  // What the URL says in some dialects, the kernel fills in.
  const read = { ...from.readCall(sent(from.writeCall(asked, {}).body)), model: asked.model, stream: asked.stream };
  if (!isDeepStrictEqual(probe(read), probe(asked))) return { mark: '-', loss: [] };
  const { body, loss } = to.writeCall(read, {});
  const got = to.readCall(sent(body));
  return judged(isDeepStrictEqual(probe(got), probe(read)), nearly !== undefined && isDeepStrictEqual(nearly(got), nearly(read)), loss);
}

/** An answer of a provider of `from`, as a client of `to` gets it. */
export function replyCell({ chunks, probe, nearly }: ReplyCase, from: Dialect, to: Dialect, streamed: boolean): Cell {
  const said = through(chunks, from, streamed).chunks;
  if (!isDeepStrictEqual(probe(said), probe(chunks))) return { mark: '-', loss: [] };
  const { chunks: heard, loss } = through(said, to, streamed);
  return judged(isDeepStrictEqual(probe(heard), probe(said)), nearly !== undefined && isDeepStrictEqual(nearly(heard), nearly(said)), loss);
}

function judged(isSame: boolean, isNear: boolean, loss: readonly string[]): Cell {
  if (isSame) return { mark: '=', loss: [] };
  if (loss.length > 0) return { mark: '~', loss };
  return { mark: isNear ? '≈' : '!', loss: [] };
}

function through(chunks: readonly ChatChunk[], dialect: Dialect, streamed: boolean) {
  if (!streamed) {
    const { body, loss } = dialect.writeReply(chunks, OPTIONS);
    return { chunks: dialect.readReply(sent(body)), loss };
  }
  const writer = dialect.replyWriter(OPTIONS);
  const bytes = new TextEncoder().encode(chunks.map((chunk) => writer.write(chunk)).join(''));
  const reader = dialect.replyReader();
  const read = new FrameSplitter().push(bytes).flatMap((frame: Frame) => reader.read(frame));
  return { chunks: [...read, ...(reader.close?.() ?? [])], loss: [...writer.loss] };
}
