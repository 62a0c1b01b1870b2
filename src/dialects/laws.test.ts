import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, ChatChunk, FinishReason, Message, Part, Usage } from '../core/chat.ts';
import type { Dialect, ReplyWriterOptions } from '../core/dialect.ts';
import { type ErrorCode, errorCodes, GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { type Frame, FrameSplitter } from '../core/sse.ts';
import { Wire } from '../core/wire.ts';
import { answers, anyChat, chunksOf, commonChat, cuts } from './arbitraries.ts';
import { dialects } from './index.ts';

const named = dialects.map((dialect) => [dialect.id, dialect] as const);
const pairs = dialects.flatMap((from) => dialects.filter((to) => to !== from).map((to) => [from.id, to.id, from, to] as const));
/** An empty text says nothing, and is no text to edit. */
const shout = (text: string) => (text === '' ? text : `${text}!`);
const same = (text: string) => text;

/** What went over the wire: JSON text, not objects. */
const sent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body));
/** A call written and read again. */
const through = (dialect: Dialect, chat: Chat) => {
  const { body, loss } = dialect.writeCall(chat, {});
  return { chat: dialect.readCall(sent(body)), loss };
};

const ORDER = ['thinking', 'redacted-thinking', 'tool-result', 'text', 'image', 'file', 'audio', 'refusal', 'tool-call', 'raw'];

/**
 * A call in the form that all dialects share. They differ in how they cut a conversation into messages, and in what
 * they say about defaults: turns are joined, and a default counts as said nothing.
 */
function normal(chat: Chat): object {
  const { messages, extra: _, toolChoice, parallelToolCalls, responseFormat, ...others } = chat;
  const turns: { role: string; content: Part[] }[] = [];
  for (const message of messages) {
    const role = roleOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...message.content);
    else turns.push({ role, content: [...message.content] });
  }
  return {
    ...others,
    turns: turns.map(({ role, content }) => ({ role, content: ORDER.flatMap((type) => content.filter((part) => part.type === type)) })),
    toolChoice: toolChoice?.mode === 'auto' ? undefined : toolChoice,
    parallelToolCalls: toolChoice?.mode === 'none' ? undefined : parallelToolCalls,
    format: responseFormat?.type === 'schema' ? responseFormat.schema : responseFormat?.type,
  };
}

function roleOf({ role }: Message): string {
  if (role === 'developer') return 'system';
  return role === 'tool' ? 'user' : role;
}

const textsOf = (parts: readonly Part[]): readonly string[] =>
  parts.flatMap((part) => (part.type === 'text' ? [part.text] : part.type === 'tool-result' ? textsOf(part.content) : []));
const allTexts = (chat: Chat) => chat.messages.flatMap(({ content }) => textsOf(content));

describe.each(named)('%s, calls', (_id, dialect) => {
  it('says what every dialect can say, and reads it as it was', () => {
    fc.assert(
      fc.property(commonChat, (chat) => {
        const read = through(dialect, chat);
        expect(read.loss).toEqual([]);
        expect(normal(read.chat)).toEqual(normal(chat));
      }),
    );
  });

  it('reads a call as it was, or names what was lost', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const read = through(dialect, chat);
        if (read.loss.length === 0) expect(normal(read.chat)).toEqual(normal(chat));
      }),
    );
  });

  it('writes bodies whose head agrees with the call', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const { fields } = Wire.of(sent(dialect.writeCall(chat, {}).body));
        expect(dialect.head(fields)).toMatchObject({ model: chat.model, stream: chat.stream });
        const other = dialect.patch(dialect.head(fields), 'other', {}, fields);
        expect(other.model).toBe('other');
      }),
    );
  });

  it('edits every text, and leaves the body as it is where none changes', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const body = sent(dialect.writeCall(chat, {}).body);
        expect(dialect.texts(body, same)).toBe(body);
        expect(allTexts(dialect.readCall(dialect.texts(body, shout)))).toEqual(allTexts(dialect.readCall(body)).map(shout));
      }),
    );
  });
});

describe.each(pairs)('a call from %s to %s', (_from, _to, from, to) => {
  it('is the same call', () => {
    fc.assert(
      fc.property(commonChat, (chat) => {
        const translated = through(to, through(from, chat).chat);
        expect(translated.loss).toEqual([]);
        expect(normal(translated.chat)).toEqual(normal(chat));
      }),
    );
  });
});

const options: ReplyWriterOptions = { id: 'gw-1', model: 'm', created: 1_800_000_000, wantsUsage: true };

function written(dialect: Dialect, chunks: readonly ChatChunk[]) {
  const writer = dialect.replyWriter(options);
  const text = chunks.map((chunk) => writer.write(chunk)).join('');
  return { bytes: new TextEncoder().encode(text), loss: writer.loss };
}

function framesOf(bytes: Uint8Array, cutAt = bytes.length): readonly Frame[] {
  const splitter = new FrameSplitter();
  const frames = [...splitter.push(bytes.slice(0, cutAt)), ...splitter.push(bytes.slice(cutAt))];
  expect(splitter.rest).toHaveLength(0);
  return frames;
}

function readFrames(dialect: Dialect, frames: readonly Frame[]): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  return frames.flatMap((frame) => reader.read(frame));
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

/** What an answer says, whatever its chunks: text in all, thinking and calls one by one, why it ended, what it cost. */
function said(chunks: readonly ChatChunk[], loss: Iterable<string>) {
  let text = '';
  const thinking = new Map<number, { text: string; signature?: string; data?: string }>();
  const calls = new Map<number, { id: string; name: string; input: string }>();
  let reason: FinishReason | undefined;
  let usage: Usage | undefined;
  const thought = (part: number) => {
    const known = thinking.get(part) ?? { text: '' };
    thinking.set(part, known);
    return known;
  };
  for (const chunk of chunks) {
    if (chunk.type === 'text') text += chunk.text;
    else if (chunk.type === 'thinking') thought(chunk.part).text += chunk.text;
    else if (chunk.type === 'signature') thought(chunk.part).signature = chunk.signature;
    else if (chunk.type === 'redacted-thinking') thought(chunk.part).data = chunk.data;
    else if (chunk.type === 'tool-call') calls.set(chunk.part, { id: chunk.id, name: chunk.name, input: '' });
    else if (chunk.type === 'tool-input') {
      const call = calls.get(chunk.part);
      expect(call).toBeDefined();
      if (call !== undefined) call.input += chunk.text;
    } else if (chunk.type === 'usage') usage = chunk.usage;
    else if (chunk.type === 'finish') {
      expect(reason).toBeUndefined();
      reason = chunk.reason;
    }
  }
  expect(chunks.filter(({ type }) => type === 'end')).toHaveLength(1);
  expect(chunks.at(-1)?.type).toBe('end');
  const isReasonLost = [...loss].some((name) => name.startsWith('finish_reason'));
  return {
    text,
    thinking: [...thinking.values()],
    calls: [...calls.values()].map((call) => ({ ...call, input: JSON.parse(call.input || '{}') })),
    reason: isReasonLost ? 'lost' : CLASSES[reason ?? 'other'],
    usage,
  };
}

const outcome = (chunks: readonly ChatChunk[]) =>
  chunks.filter(({ type }) => type === 'usage' || type === 'finish' || type === 'error' || type === 'end');

describe.each(named)('%s, streams', (_id, dialect) => {
  it('say the same however texts and bytes are cut', () => {
    fc.assert(
      fc.property(answers, cuts, fc.nat(), (answer, lengths, position) => {
        const chunks = chunksOf(answer, lengths);
        const { bytes, loss } = written(dialect, chunks);
        const frames = framesOf(bytes, position % (bytes.length + 1));
        expect(said(readFrames(dialect, frames), loss)).toEqual(said(chunks, loss));
      }),
    );
  });

  it('say how they came out in their notable frames alone', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(answer, lengths)).bytes);
        const notable = frames.filter((frame) => dialect.notable.test(frame.text));
        const last = (chunks: readonly ChatChunk[]) => outcome(chunks).filter((chunk, at, all) => all[at + 1]?.type !== chunk.type);
        expect(last(readFrames(dialect, notable))).toEqual(last(readFrames(dialect, frames)));
        expect(frames.at(-1)?.text).toContain(dialect.terminator);
      }),
    );
  });

  it('miss nothing but usage without the frames that are hidden', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(answer, lengths)).bytes);
        const shown = frames.filter((frame) => !dialect.isUsageOnly(frame));
        const withoutUsage = (chunks: readonly ChatChunk[]) => chunks.filter(({ type }) => type !== 'usage');
        expect(withoutUsage(readFrames(dialect, shown))).toEqual(withoutUsage(readFrames(dialect, frames)));
      }),
    );
  });

  it('are edited frame by frame', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(answer, lengths)).bytes);
        for (const frame of frames) expect(dialect.frameTexts(frame, same)).toBe(frame);
        const edited = frames.map((frame) => dialect.frameTexts(frame, shout));
        const shouted = readFrames(dialect, frames).map((chunk) => (chunk.type === 'text' ? { ...chunk, text: shout(chunk.text) } : chunk));
        expect(readFrames(dialect, edited)).toEqual(shouted);
      }),
    );
  });

  it('break off in one typed error', () => {
    fc.assert(
      fc.property(answers, cuts, fc.nat(), (answer, lengths, position) => {
        const chunks = chunksOf(answer, lengths).slice(0, -1);
        const begun = chunks.slice(0, position % (chunks.length + 1));
        const error = new GatewayError('upstream_interrupted', 'Broken off.');
        const all: readonly ChatChunk[] = [...begun, { type: 'error', error }, ...chunks, { type: 'end' }];
        const frames = framesOf(written(dialect, all).bytes);
        expect(frames.at(-1)?.text).not.toContain(dialect.terminator);
        const read = readFrames(dialect, frames);
        expect(read.map(({ type }) => type).filter((type) => type === 'error' || type === 'end')).toEqual(['error']);
        expect(read.at(-1)).toMatchObject({ type: 'error', error: { message: 'Broken off.' } });
      }),
    );
  });
});

describe.each(named)('%s, JSON answers', (_id, dialect) => {
  it('say what the stream says', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const chunks = chunksOf(answer, lengths);
        const { body, loss } = dialect.writeReply(chunks, options);
        expect(said(dialect.readReply(sent(body)), loss)).toEqual(said(chunks, loss));
      }),
    );
  });

  it('have their texts edited, and stay as they are where none changes', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const body = sent(dialect.writeReply(chunksOf(answer, lengths), options).body);
        expect(dialect.replyTexts(body, same)).toBe(body);
        const texts = (of: JsonObject) => dialect.readReply(of).flatMap((chunk) => (chunk.type === 'text' ? [chunk.text] : []));
        expect(texts(dialect.replyTexts(body, shout))).toEqual(texts(body).map(shout));
      }),
    );
  });
});

describe.each(named)('%s, errors', (_id, dialect) => {
  const codes = Object.keys(errorCodes).filter((code): code is ErrorCode => code in errorCodes);

  it('keep their message, and the status of the table', () => {
    fc.assert(
      fc.property(fc.constantFrom(...codes), fc.stringMatching(/^[A-Z][a-z ]{0,30}\.$/), (code, message) => {
        const { status, body } = dialect.writeError(new GatewayError(code, message), 'req_1');
        expect(status).toBe(errorCodes[code].status);
        expect(dialect.readError(status, sent(body), new Headers()).message).toBe(message);
      }),
    );
  });

  it('never leave a status without an error, whatever the body', () => {
    fc.assert(
      fc.property(fc.integer({ min: 300, max: 599 }), fc.option(fc.jsonValue(), { nil: undefined }), (status, body) => {
        const error = dialect.readError(status, body === undefined ? undefined : JSON.parse(JSON.stringify(body)), new Headers());
        expect(error.code).toMatch(/^upstream_/);
        expect(error.message).not.toBe('');
        expect(error.status).toBeGreaterThanOrEqual(400);
      }),
    );
  });
});
