import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FinishReason, Usage } from '../../src/core/chat.ts';
import { joinBytes } from '../../src/core/sse.ts';
import { chunksOf, decode, framesOf, otherThan, recorded, translated } from './recorded.ts';
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
    expect(recorded.length).toBeGreaterThan(100);
    expect(recorded.map(({ name }) => name)).toEqual(Object.keys(goldens));
  });

  it.each(recorded)('say what the table says: $name', (answer) => {
    expect(summarise(decode(answer))).toEqual(goldens[answer.name]);
  });
});

/** Reasons that a client of the other dialect cannot tell apart, since its dialect has one word for them. */
const SAME_WORD: { readonly [reason in FinishReason]?: FinishReason } = {
  'stop-sequence': 'stop',
  pause: 'stop',
  refusal: 'stop',
  other: 'stop',
  'context-window': 'length',
};

/** Every count, 0 where it is not named: the dialects differ in which counts they always name. */
const counts = (usage: Usage | null) => ({ input: 0, output: 0, cacheRead: 0, cacheWrite: 0, reasoning: 0, ...usage });

/** What must survive a translation. */
function essence({ text, toolCalls, finish, usage, error }: Summary) {
  return { text, toolCalls, finish: finish === null ? null : (SAME_WORD[finish] ?? finish), usage: counts(usage), error };
}

describe('recorded answers in the other dialect', () => {
  it.each(recorded.filter(({ name }) => goldens[name]?.error === null))('say the same: $name', (answer) => {
    const back = summarise(translated(answer, otherThan(answer.dialect)));
    expect(essence(back)).toEqual(essence(summarise(decode(answer))));
  });

  it.each(recorded.filter(({ form, name }) => form === 'stream' && goldens[name]?.error === null))(
    'stay whole in their own: $name',
    (answer) => {
      expect(essence(summarise(translated(answer, answer.dialect)))).toEqual(essence(summarise(decode(answer))));
    },
  );
});

const streams = recorded.filter((answer) => answer.form === 'stream');
const SMALL = 20 * 1024;

/** Places to cut a stream at: every one of a small stream, 200 that are always the same of a large one. */
function cutsOf(length: number): readonly number[] {
  if (length < SMALL) return Array.from({ length: length - 1 }, (_, at) => at + 1);
  return fc.sample(fc.integer({ min: 1, max: length - 1 }), { numRuns: 200, seed: length });
}

describe('recorded streams', () => {
  // What a reader makes of a stream depends on its frames alone: the same frames are the same chunks.
  it.each(streams)('are the same frames, byte for byte, wherever they are cut: $name', ({ bytes }) => {
    const whole = framesOf(bytes).map((frame) => frame.text);
    expect(joinBytes(...framesOf(bytes).map((frame) => frame.bytes))).toEqual(bytes);
    for (const cut of cutsOf(bytes.length)) {
      const frames = framesOf(bytes, [cut]);
      const isSame = frames.length === whole.length && frames.every((frame, at) => frame.text === whole[at]);
      if (!isSame)
        expect(
          frames.map((frame) => frame.text),
          `cut at ${cut}`,
        ).toEqual(whole);
    }
  });

  it.each(streams)('say the same when all that is not notable is left out: $name', ({ bytes, dialect, name }) => {
    const frames = framesOf(bytes).filter((frame) => dialect.notable.test(frame.text));
    const { finish, usage, ended } = summarise(chunksOf(frames, dialect));
    // An answer that begins twice shows only to who reads its content.
    if (goldens[name]?.error === null) expect({ finish, usage, ended }).toEqual(pick(goldens[name]));
    const last = framesOf(bytes).at(-1)?.text;
    expect(dialect.terminators.some((terminator) => last?.includes(terminator))).toBe(true);
  });
});

const pick = ({ finish, usage, ended }: Summary) => ({ finish, usage, ended });
