import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Chat, ChatChunk, FinishReason, Issuer, Message, Part, Usage } from '../core/chat.ts';
import type { Dialect, ReplyWriterOptions } from '../core/dialect.ts';
import { type ErrorCode, errorCodes, GatewayError } from '../core/errors.ts';
import type { JsonObject } from '../core/json.ts';
import { type Frame, FrameSplitter } from '../core/sse.ts';
import { Wire } from '../core/wire.ts';
import { type Answer, answers, anyChat, chunksOf, commonChat, cuts, signedAnswers } from './arbitraries.ts';
import { canCall, defaulted, sayable, sayableAnswer, sayableThinking, sayableUsage } from './cannot.ts';
import { histories } from './histories.ts';
import { dialects } from './index.ts';

const named = dialects.map((dialect) => [dialect.id, dialect] as const);
const pairs = dialects.flatMap((from) => dialects.filter((to) => to !== from).map((to) => [from.id, to.id, from, to] as const));
/** An empty text says nothing, and is no text to edit. */
const shout = (text: string) => (text === '' ? text : `${text}!`);
const same = (text: string) => text;

/** Whether the last frame of an answer says that it is the last, in dialects that say so. */
const endsWell = ({ terminators }: Dialect, last: Frame | undefined) =>
  terminators.length === 0 || terminators.some((terminator) => last?.text.includes(terminator) === true);

/** What went over the wire: JSON text, not objects. */
const sent = (body: JsonObject): JsonObject => JSON.parse(JSON.stringify(body));
/** A call written and read again. */
const through = (dialect: Dialect, chat: Chat) => {
  const { body, loss } = dialect.writeCall(chat, {});
  const read = dialect.readCall(sent(body));
  return { chat: isAddressed(dialect) ? { ...read, ...addressOf(chat) } : read, loss };
};
/** Whether model and operation are named in the URL, or in the headers, and not in the body. */
const isAddressed = ({ pathOf, headersOf }: Dialect) => pathOf !== undefined || headersOf !== undefined;
/** What the URL or the headers say. */
const addressOf = ({ model, stream }: Chat) => ({ model, stream });

const ORDER = ['thinking', 'redacted-thinking', 'tool-result', 'text', 'image', 'file', 'audio', 'refusal', 'tool-call', 'raw'];

/**
 * A call in the form that all dialects share. They differ in how they cut a conversation into messages, and in what
 * they say about defaults: turns are joined, and a default counts as said nothing.
 */
function normal(chat: Chat): object {
  const { messages, extra: _, store: __, tools, toolChoice, parallelToolCalls, responseFormat, ...others } = chat;
  const turns: { role: string; content: Part[] }[] = [];
  for (const message of messages) {
    const role = roleOf(message);
    const last = turns.at(-1);
    if (last?.role === role) last.content.push(...message.content);
    else turns.push({ role, content: [...message.content] });
  }
  return {
    ...others,
    tools: tools.map((tool) => (tool.type === 'function' && tool.strict === false ? { ...tool, strict: undefined } : tool)),
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
      fc.property(commonChat, (any) => {
        const chat = sayable(any, dialect);
        const read = through(dialect, chat);
        expect(read.loss).toEqual([]);
        expect(normal(read.chat)).toEqual(normal(chat));
      }),
    );
  });

  it('reads a call as it was, or names what was lost', () => {
    fc.assert(
      fc.property(anyChat, (any) => {
        const chat = defaulted(any, dialect);
        const read = through(dialect, chat);
        if (read.loss.length === 0) expect(normal(read.chat)).toEqual(normal(chat));
      }),
    );
  });

  it('writes bodies whose head agrees with the call', () => {
    fc.assert(
      fc.property(anyChat, (chat) => {
        const { fields } = Wire.of(sent(dialect.writeCall(chat, {}).body));
        const address = isAddressed(dialect) ? addressOf(chat) : undefined;
        const head = dialect.head(fields, address);
        expect(head).toMatchObject({ model: chat.model, stream: chat.stream });
        const other = dialect.patch(head, 'other', {}, fields);
        if (dialect.pathOf !== undefined) expect(dialect.pathOf('other', chat.stream)).toContain('/other');
        else if (dialect.headersOf !== undefined) expect(Object.values(dialect.headersOf('other', chat.stream))).toContain('other');
        else expect(other.model).toBe('other');
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
      fc.property(commonChat, (any) => {
        const chat = sayable(any, from, to);
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
  // A comment behind an error may lack its blank line: that is how some clients see that the stream was broken off.
  expect(new TextDecoder().decode(splitter.rest)).toMatch(/^(?::[^\n]*\n)?$/);
  return frames;
}

function readFrames(dialect: Dialect, frames: readonly Frame[]): readonly ChatChunk[] {
  const reader = dialect.replyReader();
  const chunks = frames.flatMap((frame) => reader.read(frame));
  return [...chunks, ...(reader.close?.() ?? [])];
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
function said(dialect: Dialect, chunks: readonly ChatChunk[], loss: Iterable<string>) {
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
    thinking: sayableThinking([...thinking.values()], dialect),
    calls: canCall(dialect) ? [...calls.values()].map((call) => ({ ...call, input: JSON.parse(call.input || '{}') })) : [],
    reason: isReasonLost ? 'lost' : CLASSES[reason ?? 'other'],
    usage: sayableUsage(usage, dialect),
  };
}

const outcome = (chunks: readonly ChatChunk[]) =>
  chunks.filter(({ type }) => type === 'usage' || type === 'finish' || type === 'error' || type === 'end');

describe.each(named)('%s, streams', (_id, dialect) => {
  it('say the same however texts and bytes are cut', () => {
    fc.assert(
      fc.property(answers, cuts, fc.nat(), (answer, lengths, position) => {
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths);
        const { bytes, loss } = written(dialect, chunks);
        const frames = framesOf(bytes, position % (bytes.length + 1));
        expect(said(dialect, readFrames(dialect, frames), loss)).toEqual(said(dialect, chunks, loss));
      }),
    );
  });

  it('say how they came out in their notable frames alone', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(sayableAnswer(answer, dialect), lengths)).bytes);
        const notable = frames.filter((frame) => dialect.notable.test(frame.text));
        const last = (chunks: readonly ChatChunk[]) => outcome(chunks).filter((chunk, at, all) => all[at + 1]?.type !== chunk.type);
        expect(last(readFrames(dialect, notable))).toEqual(last(readFrames(dialect, frames)));
        expect(endsWell(dialect, frames.at(-1))).toBe(true);
      }),
    );
  });

  it('miss nothing but usage without the frames that are hidden', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(sayableAnswer(answer, dialect), lengths)).bytes);
        const shown = frames.filter((frame) => !dialect.isUsageOnly(frame));
        const withoutUsage = (chunks: readonly ChatChunk[]) => chunks.filter(({ type }) => type !== 'usage');
        expect(withoutUsage(readFrames(dialect, shown))).toEqual(withoutUsage(readFrames(dialect, frames)));
      }),
    );
  });

  it('are edited frame by frame', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = framesOf(written(dialect, chunksOf(sayableAnswer(answer, dialect), lengths)).bytes);
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
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths).slice(0, -1);
        const begun = chunks.slice(0, position % (chunks.length + 1));
        const error = new GatewayError('upstream_interrupted', 'Broken off.');
        const all: readonly ChatChunk[] = [...begun, { type: 'error', error }, ...chunks, { type: 'end' }];
        const frames = framesOf(written(dialect, all).bytes);
        expect(dialect.terminators.length > 0 && endsWell(dialect, frames.at(-1))).toBe(false);
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
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths);
        const { body, loss } = dialect.writeReply(chunks, options);
        expect(said(dialect, dialect.readReply(sent(body)), loss)).toEqual(said(dialect, chunks, loss));
      }),
    );
  });

  it('have their texts edited, and stay as they are where none changes', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const body = sent(dialect.writeReply(chunksOf(sayableAnswer(answer, dialect), lengths), options).body);
        expect(dialect.replyTexts(body, same)).toBe(body);
        const texts = (of: JsonObject) => dialect.readReply(of).flatMap((chunk) => (chunk.type === 'text' ? [chunk.text] : []));
        expect(texts(dialect.replyTexts(body, shout))).toEqual(texts(body).map(shout));
      }),
    );
  });
});

/** What vendors want back, with the part it stands on: in order for thinking, by id for calls. */
function sealsOf(parts: readonly Part[]) {
  const calls = parts.flatMap((part) => (part.type === 'tool-call' && part.signature !== undefined ? [part] : []));
  return {
    thinking: parts.flatMap<object>((part) => {
      if (part.type === 'thinking') return [{ text: part.text, signature: part.signature, issuer: part.issuer }];
      return part.type === 'redacted-thinking' ? [{ data: part.data, issuer: part.issuer }] : [];
    }),
    calls: calls.map(({ id, signature, issuer }) => ({ id, signature, issuer })),
  };
}

const sealsOfAnswer = ({ thinking, calls }: Answer) => ({
  thinking: thinking.map(({ text, signature, data, issuer }) => (data === undefined ? { text, signature, issuer } : { data, issuer })),
  calls: calls.flatMap(({ id, signature, issuer }) => (signature === undefined ? [] : [{ id, signature, issuer }])),
});

const partsOf = (chat: Chat) => chat.messages.flatMap(({ role, content }) => (role === 'assistant' ? content : []));
/** The answer as a turn of a conversation in the canonical form. */
const turnOf = ({ thinking, texts, calls }: Answer): Message => ({
  role: 'assistant',
  content: [
    ...thinking.map(
      ({ text, data, ...signed }): Part =>
        data === undefined ? { type: 'thinking', text, ...signed } : { type: 'redacted-thinking', data, ...signed },
    ),
    ...texts.map((text): Part => ({ type: 'text', text })),
    ...calls.map((call): Part => ({ type: 'tool-call', ...call })),
  ],
});

describe.each(named)('%s, signatures', (id, dialect) => {
  const history = histories[id];

  it('has a way back for what it answers, or says that it has none', () => {
    expect(history).toBeDefined();
  });

  it.skipIf(typeof history !== 'function')('of any family come back byte for byte through a client', () => {
    if (typeof history !== 'function') return;
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        const { body } = dialect.writeReply(chunksOf(sayableAnswer(answer, dialect), lengths), options);
        expect(sealsOf(partsOf(dialect.readCall(sent(history(sent(body))))))).toEqual(sealsOfAnswer(answer));
      }),
    );
  });

  it.skipIf(typeof history !== 'function')('stand in a stream as they stand in a JSON answer', () => {
    if (typeof history !== 'function') return;
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        const streamed = readFrames(dialect, framesOf(written(dialect, chunksOf(sayableAnswer(answer, dialect), lengths)).bytes));
        const { body } = dialect.writeReply(streamed, options);
        expect(sealsOf(partsOf(dialect.readCall(sent(history(sent(body))))))).toEqual(sealsOfAnswer(answer));
      }),
    );
  });

  it('of another family are never in a call, and are named as lost', () => {
    fc.assert(
      fc.property(signedAnswers, ({ thinking, calls, ...answer }) => {
        const isForeign = ({ issuer }: { readonly issuer?: Issuer }) => issuer !== dialect.issuer;
        const foreign = { ...answer, thinking: thinking.filter(isForeign), calls: calls.filter(isForeign) };
        const chat: Chat = { model: 'm', tools: [], stream: false, extra: {}, maxTokens: 9, messages: [ASKED, turnOf(foreign), ASKED] };
        const { body, loss } = dialect.writeCall(chat, {});
        const seals = [
          ...foreign.thinking.map(({ signature, data }) => signature ?? data),
          ...foreign.calls.map(({ signature }) => signature),
        ];
        for (const seal of seals) if (seal !== undefined) expect(JSON.stringify(body)).not.toContain(seal);
        expect(JSON.stringify(body)).not.toContain('d2VpcjE');
        if (seals.some((seal) => seal !== undefined)) expect(loss).toContain('thinking.signature');
      }),
    );
  });

  it.skipIf(typeof history !== 'function')('of another family stay behind where a call is forwarded as it came', () => {
    if (typeof history !== 'function') return;
    fc.assert(
      fc.property(signedAnswers, cuts, (answer, lengths) => {
        const wire = Wire.of(sent(history(sent(dialect.writeReply(chunksOf(sayableAnswer(answer, dialect), lengths), options).body))));
        const head = dialect.head(wire.fields, { model: 'm', stream: false });
        const forwarded = wire.patched(dialect.patch(head, 'm', {}, wire.fields));
        expect(forwarded).not.toContain('d2VpcjE');
      }),
    );
  });
});

const ASKED: Message = { role: 'user', content: [{ type: 'text', text: 'Go on.' }] };

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
