import { expect, it } from 'vitest';
import type { LedgerAnswer, LedgerQuestion } from '../../core/ledger/batch.ts';
import { Batches } from './batches.ts';

const release = (id: string): LedgerQuestion => ({ ask: 'release', id });
const idOf = (question: LedgerQuestion | undefined) => (question !== undefined && 'id' in question ? question.id : '');
const answered = (id: string): LedgerAnswer => ({ problem: id });

/** A ledger that answers when it is let, and time that passes when it is told to. */
function world() {
  let now = 0;
  const sent: { readonly ids: readonly string[]; answer(): void; fail(): void }[] = [];
  const sleepers: { readonly until: number; wake(): void }[] = [];
  const batches = new Batches({
    send: (questions) =>
      new Promise((resolve, reject) => {
        const ids = questions.map(idOf);
        sent.push({ ids, answer: () => resolve(ids.map(answered)), fail: () => reject(new Error('unreachable')) });
      }),
    now: () => now,
    sleep: (milliseconds) => new Promise((wake) => void sleepers.push({ until: now + milliseconds, wake })),
  });
  const pass = async (milliseconds: number) => {
    now += milliseconds;
    for (const { until, wake } of sleepers) if (until <= now) wake();
    for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  };
  return { batches, sent, pass };
}

it('the first goes at once, and those behind it together', async () => {
  const { batches, sent, pass } = world();
  const answers = ['a', 'b', 'c', 'd'].map((id) => batches.ask(release(id)));
  await pass(0);
  expect(sent.map(({ ids }) => ids)).toEqual([['a']]);
  sent[0]?.answer();
  await pass(0);
  expect(sent.map(({ ids }) => ids)).toEqual([['a'], ['b', 'c', 'd']]);
  sent[1]?.answer();
  expect(await Promise.all(answers)).toEqual(['a', 'b', 'c', 'd'].map(answered));
});

it('what nobody waits for goes along, or soon by itself', async () => {
  const { batches, sent, pass } = world();
  const along = batches.tell(release('end'));
  const first = batches.ask(release('a'));
  await pass(0);
  expect(sent.map(({ ids }) => ids)).toEqual([['a', 'end']]);
  sent[0]?.answer();
  expect(await Promise.all([along, first])).toEqual([answered('end'), answered('a')]);
  const alone = batches.tell(release('later'));
  await pass(9);
  expect(sent).toHaveLength(1);
  await pass(1);
  expect(sent[1]?.ids).toEqual(['later']);
  sent[1]?.answer();
  expect(await alone).toEqual(answered('later'));
});

it('a failure is told to all who went together, and nobody else', async () => {
  const { batches, sent, pass } = world();
  const asked = ['a', 'b', 'c'].map((id) => batches.ask(release(id)).catch(() => `${id} failed`));
  await pass(0);
  sent[0]?.answer();
  await pass(0);
  sent[1]?.fail();
  expect(await Promise.all(asked)).toEqual([answered('a'), 'b failed', 'c failed']);
  const next = batches.ask(release('d'));
  await pass(0);
  sent[2]?.answer();
  expect(await next).toEqual(answered('d'));
});

it('who waits behind a request that has ended without a word asks for itself', async () => {
  const { batches, sent, pass } = world();
  void batches.ask(release('gone'));
  const behind = batches.ask(release('behind'));
  await pass(4_999);
  expect(sent.map(({ ids }) => ids)).toEqual([['gone']]);
  await pass(1);
  expect(sent.map(({ ids }) => ids)).toEqual([['gone'], ['behind']]);
  sent[1]?.answer();
  expect(await behind).toEqual(answered('behind'));
  const later = batches.ask(release('later'));
  await pass(0);
  expect(sent[2]?.ids).toEqual(['later']);
  sent[2]?.answer();
  expect(await later).toEqual(answered('later'));
});
