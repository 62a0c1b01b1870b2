import fc from 'fast-check';
import { expect, it } from 'vitest';
import { answerAll, type LedgerAnswer, type LedgerQuestion } from './batch.ts';
import { MemoryStore } from './fakes.ts';
import { move, reserve } from './reserve.ts';
import { release, settle } from './settle.ts';
import type { Take } from './take.ts';
import type { UsageReport } from './usage.ts';

const usage = { requestId: 'req', startedAt: 1, org: 'o', team: 't', app: 'a', keyId: 'k', cost: 1 };
const report: UsageReport = { ...usage, status: 'complete' };

const takes: fc.Arbitrary<readonly Take[]> = fc.tuple(fc.nat(4), fc.nat(4), fc.nat(4)).map(([usd, requests, held]) => [
  { level: 'key', subject: 'k', unit: 'usd', window: { kind: 'always' }, limit: 9, amount: usd },
  { level: 'key', subject: 'k', unit: 'requests', window: { kind: 'rate', milliseconds: 1_000 }, limit: 6, amount: requests },
  { level: 'key', subject: 'k', unit: 'concurrent', window: { kind: 'held' }, limit: 4, amount: held },
]);
const IDS = ['h0', 'h1', 'h2', 'h3'];
const ids = fc.constantFrom(...IDS);
const amounts = fc.record({ usd: fc.integer({ min: -1, max: 5 }), requests: fc.nat(3) });

const question: fc.Arbitrary<LedgerQuestion> = fc.oneof(
  fc.record({ ask: fc.constant('reserve' as const), id: ids, takes }).map(({ ask, id, takes: asked }) => ({
    ask,
    hold: { id, subjects: [], generation: 0, takes: asked, ttl: 1_000, usage },
  })),
  fc.record({ ask: fc.constant('move' as const), id: ids, takes, usage: fc.constant(usage) }),
  fc.record({ ask: fc.constant('settle' as const), id: ids, settlement: amounts.map((actual) => ({ actual, usage: report })) }),
  fc.record({ ask: fc.constant('release' as const), id: ids }),
);

/** By itself, and written down at once. */
function directly(store: MemoryStore, each: LedgerQuestion, now: number): LedgerAnswer {
  switch (each.ask) {
    case 'reserve':
      return { reserved: reserve(store, each.hold, now) };
    case 'move':
      return { reserved: move(store, each.id, each.takes, each.usage, now) };
    case 'settle':
      return { ended: settle(store, each.id, each.settlement, now) };
    case 'release':
      return { ended: release(store, each.id, now) };
  }
}

const METERS = ['key:usd:always:k', 'key:requests:1000ms:k', 'key:concurrent:held:k'];

it('questions that come together are answered as if each had come alone', () => {
  fc.assert(
    fc.property(fc.array(fc.array(question, { maxLength: 6 }), { maxLength: 8 }), (batches) => {
      const together = new MemoryStore();
      const alone = new MemoryStore();
      batches.forEach((questions, at) => {
        const now = 1_000 + at * 137;
        const answers = answerAll(together, questions, now);
        expect(answers).toEqual(questions.map((each) => directly(alone, each, now)));
        expect([...together.meters(METERS)]).toEqual([...alone.meters(METERS)]);
        for (const id of IDS) expect([together.hold(id), together.ended(id)]).toEqual([alone.hold(id), alone.ended(id)]);
      });
      expect(together.rows).toEqual(alone.rows);
    }),
    { numRuns: 300 },
  );
});

it('a question that makes no sense is told so, and those beside it are answered', () => {
  const take: Take = { level: 'key', subject: 'k', unit: 'usd', window: { kind: 'always' }, limit: 9, amount: 0.5 };
  const hold = { id: 'h0', subjects: [], generation: 0, takes: [take], ttl: 1_000, usage };
  const good = { ...hold, id: 'h1', takes: [{ ...take, amount: 1 }] };
  const answers = answerAll(
    new MemoryStore(),
    [
      { ask: 'reserve', hold },
      { ask: 'reserve', hold: good },
    ],
    1,
  );
  expect(answers).toMatchObject([{ problem: expect.any(String) }, { reserved: { allowed: true } }]);
});
