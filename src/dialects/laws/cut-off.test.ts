import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../../core/chat.ts';
import { cutFrames } from '../../core/cut-off.ts';
import type { Dialect } from '../../core/dialect.ts';
import { estimateTokens } from '../../core/estimate.ts';
import { fakeExchange } from '../../core/fakes.ts';
import { callerFraming } from '../../core/framing.ts';
import { PolicyChain } from '../../core/run.ts';
import { joinBytes } from '../../core/sse.ts';
import { answers, chunksOf, cuts } from './arbitraries.ts';
import { sayableAnswer } from './cannot.ts';
import { FEW, named, PATIENT } from './cases.ts';
import { framesOf, options, readFrames, written } from './trial-answer.ts';

/** Of arguments nothing is said: some dialects complete a call that was begun, so that it can be read at all. */
const tokensOf = (chunks: readonly ChatChunk[]) =>
  chunks.reduce((sum, chunk) => sum + ('text' in chunk && chunk.type !== 'tool-input' ? estimateTokens(chunk.text) : 0), 0);
const textOf = (chunks: readonly ChatChunk[]) => chunks.map((chunk) => (chunk.type === 'text' ? chunk.text : '')).join('');

/** The answer as it comes out where so much is held for, and so much more each time that more is asked for. */
async function cut(dialect: Dialect, chunks: readonly ChatChunk[], tokens: number, grants: readonly number[]) {
  const left = [...grants];
  let held = tokens;
  const handler = cutFrames(
    { decodes: false, passesUnmarked: false, frame: (frame) => [frame.bytes] },
    {
      allowance: {
        tokens,
        async more() {
          const grant = left.shift();
          if (grant === undefined) return undefined;
          held += grant;
          return held;
        },
      },
      writer: dialect.replyWriter(options),
      isWritten: false,
      chain: new PolicyChain([], fakeExchange()),
      framing: callerFraming(dialect),
      usage: (output) => ({ input: 1, output, estimated: true }),
    },
  );
  const out: Uint8Array[] = [];
  const reader = dialect.replyReader();
  for (const frame of framesOf(dialect, written(dialect, chunks).bytes)) {
    out.push(...(await handler.frame(frame, reader.read(frame))));
    if (handler.isOver === true) break;
  }
  return { read: readFrames(dialect, framesOf(dialect, joinBytes(...out))), isCut: handler.isOver === true, held: () => held };
}

describe.each(named)('%s, answers that are cut off', PATIENT, (_id, dialect) => {
  it('end once, as answers that reached their limit, and never pass what is held for them', async () => {
    await fc.assert(
      fc.asyncProperty(answers, cuts, fc.nat(30), fc.array(fc.integer({ min: 1, max: 20 }), { maxLength: 3 }), async (...given) => {
        const [answer, lengths, tokens, grants] = given;
        const chunks = chunksOf(sayableAnswer(answer, dialect), lengths);
        const whole = readFrames(dialect, framesOf(dialect, written(dialect, chunks).bytes));
        const { read, isCut, held } = await cut(dialect, chunks, tokens, grants);
        expect(read.filter(({ type }) => type === 'end')).toHaveLength(1);
        expect(read.at(-1)?.type).toBe('end');
        expect(textOf(whole).startsWith(textOf(read))).toBe(true);
        if (!isCut) {
          expect(read).toEqual(whole);
          return;
        }
        expect(tokensOf(read)).toBeLessThanOrEqual(held());
        const reasons = read.flatMap((chunk) => (chunk.type === 'finish' ? [chunk.reason] : []));
        expect(reasons).toEqual(['length']);
      }),
      FEW,
    );
  });
});
