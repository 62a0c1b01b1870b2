import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import type { Dialect } from '../../core/dialect.ts';
import { GatewayError } from '../../core/errors.ts';
import type { JsonObject } from '../../core/json.ts';
import type { Frame } from '../../core/sse.ts';
import { answers, chunksOf, cuts } from './arbitraries.ts';
import { sayableAnswer } from './cannot.ts';
import { all, EACH, FEW, named, PATIENT } from './cases.ts';
import { answered, framesOf, options, readFrames, said, written } from './trial-answer.ts';
import { sent } from './trial-call.ts';

/** An empty text says nothing, and is no text to edit. */
const shout = (text: string) => (text === '' ? text : `${text}!`);
const same = (text: string) => text;

/** Whether the last frame of an answer says that it is the last, in dialects that say so. */
const endsWell = ({ terminators }: Dialect, last: Frame | undefined) =>
  terminators.length === 0 || terminators.some((terminator) => last?.text.includes(terminator) === true);

const outcome = (chunks: readonly ChatChunk[]) =>
  chunks.filter(({ type }) => type === 'usage' || type === 'finish' || type === 'error' || type === 'end');

/** Places to cut the bytes of a stream at. */
const places = fc.array(fc.nat(), { minLength: 1, maxLength: 4 });

describe.each(named)('%s, streams', PATIENT, (_id, dialect) => {
  const wholeFrames = (chunks: readonly ChatChunk[]) => framesOf(dialect, written(dialect, chunks).bytes);

  it(`say the same however texts and bytes are cut ${all(EACH)}`, () => {
    fc.assert(
      fc.property(answers, cuts, places, (answer, lengths, cutAt) => {
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths);
        const { bytes, loss } = written(dialect, chunks);
        const read = readFrames(dialect, framesOf(dialect, bytes, cutAt));
        expect(said(read, [...loss], dialect)).toEqual(said(chunks, [...loss], dialect));
      }),
      EACH,
    );
  });

  it('are the same frames when their bytes come one by one', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const { bytes } = written(dialect, chunksOf(sayableAnswer(answer, dialect), lengths));
        const texts = (cutAt: readonly number[]) => framesOf(dialect, bytes, cutAt).map(({ text }) => text);
        expect(texts([...bytes.keys()])).toEqual(texts([]));
      }),
      { numRuns: 50 },
    );
  });

  it('say how they came out in their notable frames alone', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = wholeFrames(chunksOf(sayableAnswer(answer, dialect), lengths));
        const notable = frames.filter((frame) => dialect.notable.test(frame.text));
        const last = (chunks: readonly ChatChunk[]) => outcome(chunks).filter((chunk, at, each) => each[at + 1]?.type !== chunk.type);
        expect(last(readFrames(dialect, notable))).toEqual(last(readFrames(dialect, frames)));
        expect(endsWell(dialect, frames.at(-1))).toBe(true);
      }),
      FEW,
    );
  });

  it('miss nothing but usage without the frames that are hidden', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = wholeFrames(chunksOf(sayableAnswer(answer, dialect), lengths));
        const shown = frames.filter((frame) => !dialect.isUsageOnly(frame));
        const withoutUsage = (chunks: readonly ChatChunk[]) => chunks.filter(({ type }) => type !== 'usage');
        expect(withoutUsage(readFrames(dialect, shown))).toEqual(withoutUsage(readFrames(dialect, frames)));
      }),
      FEW,
    );
  });

  it('are edited frame by frame', () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const frames = wholeFrames(chunksOf(sayableAnswer(answer, dialect), lengths));
        expect(frames.every((frame) => dialect.frameTexts(frame, same) === frame)).toBe(true);
        const edited = frames.map((frame) => dialect.frameTexts(frame, shout));
        const shouted = readFrames(dialect, frames).map((chunk) => (chunk.type === 'text' ? { ...chunk, text: shout(chunk.text) } : chunk));
        expect(readFrames(dialect, edited)).toEqual(shouted);
      }),
      FEW,
    );
  });

  it('break off in one typed error', () => {
    fc.assert(
      fc.property(answers, cuts, fc.nat(), (answer, lengths, position) => {
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths).slice(0, -1);
        const begun = chunks.slice(0, position % (chunks.length + 1));
        const error = new GatewayError('upstream_interrupted', 'Broken off.');
        const frames = wholeFrames([...begun, { type: 'error', error }, ...chunks, { type: 'end' }]);
        expect(dialect.terminators.length > 0 && endsWell(dialect, frames.at(-1))).toBe(false);
        const read = readFrames(dialect, frames);
        expect(read.map(({ type }) => type).filter((type) => type === 'error' || type === 'end')).toEqual(['error']);
        expect(read.at(-1)).toMatchObject({ type: 'error', error: { message: 'Broken off.' } });
      }),
      FEW,
    );
  });
});

describe.each(named)('%s, JSON answers', PATIENT, (_id, dialect) => {
  it(`say what the stream says ${all(EACH)}`, () => {
    fc.assert(
      fc.property(answers, cuts, (answer, lengths) => {
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths);
        const read = answered(dialect, chunks, 'json');
        expect(said(read.chunks, read.loss, dialect)).toEqual(said(chunks, read.loss, dialect));
      }),
      EACH,
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
      FEW,
    );
  });
});
