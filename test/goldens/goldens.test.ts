import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk, FinishReason, Usage } from '../../src/core/chat.ts';
import type { Dialect } from '../../src/core/dialect.ts';
import type { Json } from '../../src/core/json.ts';
import { joinBytes } from '../../src/core/sse.ts';
import { dialects } from '../../src/dialects/index.ts';
import { canCall, sayableAnswer, sayableUsage } from '../../src/dialects/laws/cannot.ts';
import { chunksOf, decode, framesOf, recorded, translated } from './recorded.ts';
import { type Summary, summarise } from './summary.ts';

// `WEIR_GOLDENS=write npx vitest run --project gateway test/goldens` writes the table anew, to be read against the
// recorded answers before it is committed. Automated runs only ever compare.
const TABLE = path.join(import.meta.dirname, 'goldens.json');
const isWriting = process.env.WEIR_GOLDENS === 'write' && process.env.CI === undefined;

if (isWriting) {
  const table = Object.fromEntries(recorded.map((answer) => [answer.name, summarise(decode(answer))]));
  writeFileSync(TABLE, `${JSON.stringify(table, undefined, 2)}\n`);
}

const goldens: { readonly [name: string]: Summary } = existsSync(TABLE) ? JSON.parse(readFileSync(TABLE, 'utf8')) : {};

describe('recorded answers of real vendors', () => {
  it('are all in the table, and the table has no others', () => {
    expect(recorded.length).toBeGreaterThan(240);
    expect(recorded.map(({ name }) => name)).toEqual(Object.keys(goldens));
  });

  it.each(recorded)('say what the table says: $name', (answer) => {
    expect(summarise(decode(answer))).toEqual(goldens[answer.name]);
  });
});

/** Reasons that clients of other dialects cannot tell apart, since those have one word for them. */
const SAME_WORD: { readonly [reason in FinishReason]?: FinishReason } = {
  'stop-sequence': 'stop',
  pause: 'stop',
  other: 'stop',
  'context-window': 'length',
  refusal: 'content-filter',
};

/** Every count that all dialects with a word for it name, 0 where it is not named: they differ in which they always name. */
function counts(usage: Usage | null, dialect: Dialect) {
  const { input = 0, output = 0, cacheRead = 0, cacheWrite = 0, reasoning = 0 } = sayableUsage(usage ?? undefined, dialect) ?? {};
  return { input, output, cacheRead, cacheWrite, reasoning };
}

/** What must survive a translation, of that which the dialect has words for (`cannot.ts`) and has not named as lost. */
function essence({ text, toolCalls, finish, usage, error }: Summary, dialect: Dialect, loss: readonly string[]) {
  const calls = canCall(dialect) ? toolCalls.map((call) => ({ ...call, arguments: asObject(call.arguments) })) : [];
  const reason = finish === null ? null : sayableAnswer({ reason: finish, calls }, dialect).reason;
  const isLost = loss.some((name) => name.startsWith('finish_reason'));
  const word = reason === null || isLost ? 'lost' : (SAME_WORD[reason] ?? reason);
  return { text, toolCalls: calls, finish: word, usage: counts(usage, dialect), error };
}

/** A tool without parameters is called with nothing or with an empty object; what is no JSON is the input of a custom tool. */
function asObject(input: Json): Json {
  return typeof input === 'string' ? (input === '' ? {} : { input }) : input;
}

/** Content that only its own dialect understands: elsewhere it must be named. */
const own = (chunks: readonly ChatChunk[], dialect: Dialect) =>
  chunks.flatMap((chunk) => (chunk.type === 'raw' && chunk.dialect !== dialect.id ? [chunk.name] : []));

const whole = recorded.filter(({ name }) => goldens[name]?.error === null);

describe.each(dialects.map((dialect) => [dialect.id, dialect] as const))('recorded answers, to a client of %s', (_id, dialect) => {
  it.each(whole)('say the same: $name', (answer) => {
    const chunks = decode(answer);
    const back = translated(answer, dialect);
    expect(essence(summarise(back.chunks), dialect, back.loss)).toEqual(essence(summarise(chunks), dialect, back.loss));
    expect(back.loss).toEqual(expect.arrayContaining(own(chunks, dialect)));
  });
});

const streams = recorded.filter((answer) => answer.form === 'stream');
const SMALL = 2 * 1024;

/** Places to cut a stream at: every one of a small stream, 30 that are always the same of a large one. */
function cutsOf(length: number): readonly number[] {
  if (length < SMALL) return Array.from({ length: length - 1 }, (_, at) => at + 1);
  return fc.sample(fc.integer({ min: 1, max: length - 1 }), { numRuns: 30, seed: length });
}

/** The ends of pieces of so many bytes each: of one byte, the stream is cut everywhere at once. */
const piecesOf = (length: number, size: number) => Array.from({ length: Math.floor((length - 1) / size) }, (_, at) => (at + 1) * size);

describe('recorded streams', () => {
  // What a reader makes of a stream depends on its frames alone: the same frames are the same chunks.
  it.each(streams)('are the same frames, byte for byte, wherever they are cut: $name', ({ bytes, frames, dialect }) => {
    expect(joinBytes(...frames.map((frame) => frame.bytes))).toEqual(bytes);
    const texts = frames.map((frame) => frame.text);
    const ways = [...cutsOf(bytes.length).map((cut) => [cut]), ...[1, 2, 3, 7, 1000].map((size) => piecesOf(bytes.length, size))];
    for (const cuts of ways) {
      const found = framesOf(dialect, bytes, cuts).map((frame) => frame.text);
      const isSame = found.length === texts.length && found.every((text, at) => text === texts[at]);
      if (!isSame) expect(found, `cut at ${cuts.slice(0, 3).join(', ')}`).toEqual(texts);
    }
  });

  it.each(streams)('say the same when all that is not notable is left out: $name', ({ frames, dialect, name }) => {
    const notable = frames.filter((frame) => dialect.notable.test(frame.text));
    const { finish, usage, ended } = summarise(chunksOf(notable, dialect));
    const golden = goldens[name];
    // An answer that begins twice shows only to who reads its content; one that failed has no end.
    if (golden === undefined || golden.error !== null) return;
    expect({ finish, usage, ended }).toEqual(pick(golden));
    const last = frames.at(-1)?.text;
    const { terminators } = dialect;
    expect(terminators.length === 0 || terminators.some((terminator) => last?.includes(terminator))).toBe(true);
  });
});

const pick = ({ finish, usage, ended }: Summary) => ({ finish, usage, ended });
