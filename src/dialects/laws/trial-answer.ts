import { expect } from 'vitest';
import type { ChatChunk, FinishReason, Usage } from '../../core/chat.ts';
import type { Dialect, ReplyWriterOptions } from '../../core/dialect.ts';
import { callerFraming } from '../../core/framing.ts';
import type { Frame } from '../../core/sse.ts';
import { canCall, sayableThinking, sayableUsage } from './cannot.ts';
import { sent } from './trial-call.ts';

// Instruments for tests. Production code must not import this file.

export const options: ReplyWriterOptions = { id: 'gw-1', model: 'm', created: 1_800_000_000, wantsUsage: true };

const decoder = new TextDecoder();

/** The answer as the bytes of a stream of this dialect. */
export function written(dialect: Dialect, chunks: readonly ChatChunk[]) {
  const writer = dialect.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  return { bytes: callerFraming(dialect).encode(text), loss: writer.loss };
}

/** The frames that come out when the bytes come in pieces that end at these places. */
export function framesOf(dialect: Dialect, bytes: Uint8Array, cutAt: readonly number[] = []): readonly Frame[] {
  const splitter = callerFraming(dialect).splitter();
  const ends = [...cutAt.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  const frames = ends.flatMap((end, at) => splitter.push(bytes.slice(ends[at - 1] ?? 0, end)));
  // A comment behind an error may lack its blank line: that is how some clients see that the stream was broken off.
  const rest = decoder.decode(splitter.rest);
  if (!/^(?::[^\n]*\n)?$/.test(rest)) expect.fail(`${rest} is left over`);
  return frames;
}

export function readFrames(dialect: Dialect, frames: readonly Frame[]): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  const chunks = frames.flatMap((frame) => reader.read(frame));
  return [...chunks, ...(reader.close?.() ?? [])];
}

/** An answer written and read again, as a stream or as one JSON text. */
export function answered(dialect: Dialect, chunks: readonly ChatChunk[], form: 'stream' | 'json') {
  if (form === 'json') {
    const { body, loss } = dialect.writeReply(chunks, options);
    return { chunks: dialect.readReply(sent(body)), loss };
  }
  const { bytes, loss } = written(dialect, chunks);
  return { chunks: readFrames(dialect, framesOf(dialect, bytes)), loss: [...loss] };
}

/** Reasons that a client treats alike. */
const CLASSES: { readonly [reason in FinishReason]: string } = {
  stop: 'done',
  'stop-sequence': 'done',
  pause: 'done',
  other: 'done',
  length: 'cut',
  'context-window': 'cut',
  'tool-calls': 'tools',
  'content-filter': 'withheld',
  refusal: 'withheld',
  error: 'failed',
};

interface Heard {
  text: string;
  readonly thinking: Map<number, { text: string; signature?: string; data?: string }>;
  readonly calls: Map<number, { readonly id: string; readonly name: string; input: string }>;
  reason?: FinishReason;
  usage?: Usage;
}

function hear(heard: Heard, chunk: ChatChunk): void {
  switch (chunk.type) {
    case 'text':
      heard.text += chunk.text;
      break;
    case 'thinking':
      thought(heard, chunk.part).text += chunk.text;
      break;
    case 'signature':
      thought(heard, chunk.part).signature = chunk.signature;
      break;
    case 'redacted-thinking':
      thought(heard, chunk.part).data = chunk.data;
      break;
    case 'tool-call':
      heard.calls.set(chunk.part, { id: chunk.id, name: chunk.name, input: '' });
      break;
    case 'tool-input': {
      const call = heard.calls.get(chunk.part);
      if (call === undefined) expect.fail('arguments of no call');
      call.input += chunk.text;
      break;
    }
    case 'usage':
      heard.usage = chunk.usage;
      break;
    case 'finish':
      if (heard.reason !== undefined) expect.fail('a second end');
      heard.reason = chunk.reason;
  }
}

function thought({ thinking }: Heard, part: number) {
  const known = thinking.get(part) ?? { text: '' };
  thinking.set(part, known);
  return known;
}

/**
 * What an answer says that all of these dialects can say, whatever its chunks: text in all, thinking and calls one by
 * one, why it ended, what it cost.
 */
export function said(chunks: readonly ChatChunk[], loss: readonly string[], ...dialects: readonly Dialect[]) {
  const heard: Heard = { text: '', thinking: new Map(), calls: new Map() };
  for (const chunk of chunks) hear(heard, chunk);
  if (chunks.at(-1)?.type !== 'end' || chunks.findIndex(({ type }) => type === 'end') < chunks.length - 1) {
    expect.fail('an answer must end once, and in the end');
  }
  const isReasonLost = loss.some((name) => name.startsWith('finish_reason'));
  return {
    text: heard.text,
    thinking: sayableThinking([...heard.thinking.values()], ...dialects),
    calls: canCall(...dialects) ? [...heard.calls.values()].map((call) => ({ ...call, input: JSON.parse(call.input || '{}') })) : [],
    reason: isReasonLost ? 'lost' : CLASSES[heard.reason ?? 'other'],
    usage: sayableUsage(heard.usage, ...dialects),
  };
}
