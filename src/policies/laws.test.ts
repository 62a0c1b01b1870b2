import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import type { LlmCall } from '../core/call.ts';
import type { ChatChunk } from '../core/chat.ts';
import { GatewayError } from '../core/errors.ts';
import type { Chunk, KindName, Surface } from '../core/exchange.ts';
import { chatSurface, fakeCall, fakeExchange } from '../core/fakes.ts';
import type { Json, JsonObject } from '../core/json.ts';
import type { Outcome, PolicyRun } from '../core/policy.ts';
import { Wire } from '../core/wire.ts';
import { BREAK, McpCall, mcpSurface } from '../kinds/mcp/surface.ts';
import { policies } from './index.ts';

/** How calls and answers of each kind look to a policy. */
const kinds: readonly { readonly kind: KindName; readonly surface: Surface; readonly callOf: (body: JsonObject) => LlmCall | McpCall }[] = [
  { kind: 'llm', surface: chatSurface, callOf: (body) => fakeCall(body) },
  { kind: 'mcp', surface: mcpSurface, callOf: (body) => new McpCall('tools/call', Wire.of({ name: 'tool', arguments: body })) },
];

const cases = policies.flatMap((policy) =>
  policy.examples.flatMap((written) => {
    const settings = policy.config.parse(written);
    const touches = typeof policy.touches === 'function' ? policy.touches(settings) : policy.touches;
    const held = kinds.filter(({ kind }) => policy.kinds?.includes(kind) ?? true);
    return held.map((of) => ({
      ...of,
      ...{ name: policy.name, touches, written, policy, words: wordsOf(written) },
      open: () => policy.open(settings, fakeExchange({ surface: of.surface, route: { name: of.kind, kind: of.kind } })),
    }));
  }),
);

/** The texts in the settings: what a policy that looks for something looks for. */
function wordsOf(value: Json | undefined): string[] {
  if (typeof value === 'string') return value === '' ? [] : [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(wordsOf) : [];
}

/** Texts in which the words of the settings stand often, whole and in pieces. */
const textWith = (words: readonly string[]): fc.Arbitrary<string> => {
  const fragment = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 4 }), fc.constantFrom(' ', ', ', '-', '\n'));
  const piece = fc
    .tuple(fc.constantFrom('', ...words), fc.nat(40), fc.nat(40), fc.boolean())
    .map(([word, from, length, whole]) => (whole ? word : word.slice(from % (word.length + 1)).slice(0, length)));
  return fc.array(fc.oneof(fragment, piece, piece), { maxLength: 8 }).map((pieces) => pieces.join(''));
};

interface Part {
  readonly type: 'text' | 'thinking';
  readonly text: string;
  /** Where its text is cut into chunks. */
  readonly cuts: readonly number[];
}

/** Answers of one to three choices, each of them some parts. */
const answerWith = (words: readonly string[]): fc.Arbitrary<readonly (readonly Part[])[]> => {
  const type = fc.constantFrom<Part['type'][]>('text', 'thinking');
  const part = fc.record({ type, text: textWith(words), cuts: fc.array(fc.nat(100), { maxLength: 8 }) });
  return fc.array(fc.array(part, { maxLength: 3 }), { minLength: 1, maxLength: 3 });
};

function cut(text: string, cuts: readonly number[]): string[] {
  const at = [...new Set([0, ...cuts.map((each) => each % (text.length + 1)), text.length])].toSorted((a, b) => a - b);
  return at.slice(1).map((end, index) => text.slice(at[index], end));
}

/** One choice's chunks, in order. Part numbers are the choice's own hundred, so that they do not depend on the mixture. */
function choiceChunks(parts: readonly Part[], choice: number, whole: boolean): ChatChunk[] {
  const content = parts.flatMap(({ type, text, cuts }, index) =>
    (whole ? [text] : cut(text, cuts)).map((piece): ChatChunk => ({ type, part: choice * 100 + index, choice, text: piece })),
  );
  return [...content, { type: 'finish', choice, reason: 'stop' }];
}

/** The choices' chunks mixed as the numbers say, each choice's own order kept, with usage strewn in. */
function mixed(choices: readonly (readonly ChatChunk[])[], picks: readonly number[]): ChatChunk[] {
  const queues = choices.map((chunks) => [...chunks]);
  const chunks: ChatChunk[] = [{ type: 'start' }];
  for (let turn = 0; queues.some((queue) => queue.length > 0); turn++) {
    const open = queues.filter((queue) => queue.length > 0);
    const pick = picks[turn % picks.length] ?? 0;
    const next = open[pick % open.length]?.shift();
    if (next !== undefined) chunks.push(next);
    if (pick % 5 === 4) chunks.push({ type: 'usage', usage: { input: 1, output: turn } });
  }
  return [...chunks, { type: 'end' }];
}

/** What came out, or the code of the refusal. */
async function through(run: PolicyRun, chunks: readonly Chunk[]): Promise<Chunk[] | string> {
  const out: Chunk[] = [];
  try {
    for (const chunk of chunks) out.push(...((await run.chunk?.(chunk)) ?? [chunk]));
    return out;
  } catch (thrown) {
    if (thrown instanceof GatewayError) return thrown.code;
    throw thrown;
  }
}

function textByPart(chunks: readonly Chunk[], surface: Surface): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const chunk of chunks) {
    const piece = surface.textOf(chunk);
    if (piece !== undefined && piece.text !== '') texts[piece.part] = (texts[piece.part] ?? '') + piece.text;
  }
  return texts;
}

const outcomes: readonly Outcome[] = [
  { status: 'complete', httpStatus: 200, usage: { input: 3, output: 4 } },
  { status: 'partial', httpStatus: 200, error: new GatewayError('upstream_interrupted', 'The provider broke off.') },
  { status: 'aborted', httpStatus: 499 },
  { status: 'failed', httpStatus: 400, error: new GatewayError('content_refused', 'Refused.') },
  { status: 'failed', httpStatus: 500, error: GatewayError.from(new TypeError('thrown')) },
];

it('every policy has a name of its own and an example', () => {
  expect(new Set(policies.map(({ name }) => name)).size).toBe(policies.length);
  for (const { name, examples } of policies) {
    expect(name).toMatch(/^[a-z][a-z0-9-]*$/);
    expect(examples.length, `give "${name}" an example of its settings`).toBeGreaterThan(0);
  }
});

describe.each(cases)('$name for $kind with $written', ({ policy, touches, written, words, open, surface, callOf }) => {
  const mixture = fc.array(fc.nat(100), { minLength: 1, maxLength: 20 });

  it('refuses settings that it does not know, and has a JSON Schema', () => {
    expect(policy.config.safeParse({ ...written, unknownSetting: 1 }).success).toBe(false);
    expect(z.toJSONSchema(policy.config, { io: 'input' })).toMatchObject({ type: 'object', additionalProperties: false });
  });

  it('hands on the same call when it changes nothing of it', async () => {
    const body = fc.record({ model: fc.constantFrom('m', ...words), system: textWith(words), messages: fc.array(textWith(words)) });
    await fc.assert(
      fc.asyncProperty(body, async (value) => {
        const call = callOf(value);
        const verdict = await open().request?.(call);
        if (verdict === undefined || !('go' in verdict) || verdict.go === call) return;
        expect(verdict.go.wire.json()).not.toEqual(call.wire.json());
      }),
    );
  });

  it('says what it touches', async () => {
    if (touches === 'nothing') expect(open().chunk).toBeUndefined();
    else expect(open().chunk).toBeTypeOf('function');
    if (touches !== 'reads') return;
    await fc.assert(
      fc.asyncProperty(answerWith(words), mixture, async (choices, picks) => {
        const run = open();
        for (const chunk of mixed(
          choices.map((parts, choice) => choiceChunks(parts, choice, false)),
          picks,
        )) {
          const out = await through(run, [chunk]);
          if (typeof out === 'string') return;
          expect(out).toHaveLength(1);
          expect(out[0]).toBe(chunk);
        }
      }),
    );
  });

  it('gives the same text however it is cut into chunks and the choices are mixed', async () => {
    await fc.assert(
      fc.asyncProperty(answerWith(words), mixture, async (choices, picks) => {
        const pieces = await through(
          open(),
          mixed(
            choices.map((parts, choice) => choiceChunks(parts, choice, false)),
            picks,
          ),
        );
        const whole = await through(
          open(),
          mixed(
            choices.map((parts, choice) => choiceChunks(parts, choice, true)),
            [0],
          ),
        );
        if (typeof pieces === 'string' || typeof whole === 'string') expect(pieces).toBe(whole);
        else expect(textByPart(pieces, surface)).toEqual(textByPart(whole, surface));
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the last chunk last and the parts of a choice in order', async () => {
    await fc.assert(
      fc.asyncProperty(answerWith(words), mixture, async (choices, picks) => {
        const out = await through(
          open(),
          mixed(
            choices.map((parts, choice) => choiceChunks(parts, choice, false)),
            picks,
          ),
        );
        if (typeof out === 'string') return;
        expect(out.filter((chunk) => surface.isLast(chunk))).toHaveLength(1);
        expect(out.findIndex((chunk) => surface.isLast(chunk))).toBe(out.length - 1);
        choices.forEach((_parts, choice) => {
          const own = out.filter((chunk) => 'choice' in chunk && chunk.choice === choice);
          expect(own.at(-1)?.type).toBe('finish');
          const order = own.flatMap((chunk) => surface.textOf(chunk)?.part ?? []);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        });
      }),
    );
  });

  it('holds nothing back behind the end of a message', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(textWith(words), { maxLength: 4 }), async (texts) => {
        const parts = texts.map((text, part): ChatChunk => ({ type: 'text', part, choice: 0, text }));
        const run = open();
        const before = await through(run, [...parts, BREAK]);
        const after = await through(run, [{ type: 'end' }]);
        if (typeof before === 'string' || typeof after === 'string') return;
        expect(textByPart(after, surface)).toEqual({});
        const alone = await through(open(), [...parts, { type: 'end' }]);
        if (typeof alone !== 'string') expect(textByPart(before, surface)).toEqual(textByPart(alone, surface));
      }),
    );
  });

  it('bears its end at any point, whatever came before', async () => {
    const when = fc.record({ asked: fc.boolean(), chunks: fc.nat(30), outcome: fc.constantFrom(...outcomes) });
    await fc.assert(
      fc.asyncProperty(answerWith(words), mixture, when, async (choices, picks, { asked, chunks, outcome }) => {
        const run = open();
        if (asked) await run.request?.(callOf({ model: 'm', messages: choices.flat().map(({ text }) => text) }));
        await through(
          run,
          mixed(
            choices.map((parts, choice) => choiceChunks(parts, choice, false)),
            picks,
          ).slice(0, chunks),
        );
        await run.end?.(outcome);
      }),
    );
  });
});
