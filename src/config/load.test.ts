import { describe, expect, it, vi } from 'vitest';
import { fakePorts } from '../core/fakes.ts';
import { fakeRolls as rolls } from './fake-rolls.ts';
import { PlanSource, type RevisionReader } from './load.ts';

const { promise: never } = Promise.withResolvers<never>();

/** A database of revisions, and what was read of it. */
function fakeRevisions(documents: { [revision: number]: unknown } = {}) {
  const state = { pointer: 0, looked: 0, read: 0, broken: false };
  const reader: RevisionReader = {
    pointer: async () => {
      state.looked += 1;
      if (state.broken) throw new Error('D1 is down');
      return state.pointer;
    },
    document: async (revision) => {
      state.read += 1;
      return documents[revision];
    },
  };
  return { state, reader, documents };
}

function sourceOf(revisions?: RevisionReader, bundled: unknown = {}) {
  const ports = fakePorts();
  const log = vi.fn();
  const source = new PlanSource({
    bundled,
    local: false,
    rolls,
    clock: ports.clock,
    log,
    ...(revisions === undefined ? {} : { revisions }),
  });
  return { source, log, ports };
}

const model = (name: string) => ({ models: { [name]: 'openai/x' } });

describe('PlanSource', () => {
  it('serves the bundled document at once and for ever where there is no database', () => {
    const { source, ports } = sourceOf(undefined, model('a'));
    expect(source.prepare(ports.after)).toBeUndefined();
    expect(source.current().models.has('a')).toBe(true);
    expect(source.current().revision).toBe(0);
  });

  it('makes the first request of an isolate wait for the published revision', async () => {
    const { state, reader } = fakeRevisions({ 3: model('published') });
    state.pointer = 3;
    const { source, ports } = sourceOf(reader, model('bundled'));
    expect(source.current().revision).toBe(0);
    await source.prepare(ports.after);
    expect(source.current().revision).toBe(3);
    expect(source.current().models.has('published')).toBe(true);
  });

  it('looks again behind a request after two seconds, one look-up at a time, and compiles only what is new', async () => {
    const { state, reader } = fakeRevisions({ 1: model('one') });
    const { source, ports } = sourceOf(reader);
    await Promise.all([source.prepare(ports.after), source.prepare(ports.after)]);
    expect(state.looked).toBe(1);
    state.pointer = 1;
    ports.clock.advance(1_999);
    expect(source.prepare(ports.after)).toBeUndefined();
    await ports.settled();
    expect(source.current().revision).toBe(0);
    ports.clock.advance(1);
    expect(source.prepare(ports.after)).toBeUndefined();
    expect(source.prepare(ports.after)).toBeUndefined();
    expect(source.current().revision).toBe(0);
    await ports.settled();
    expect(source.current().revision).toBe(1);
    expect(state).toMatchObject({ looked: 2, read: 1 });
    const plan = source.current();
    await source.refresh();
    expect(source.current()).toBe(plan);
    expect(state.read).toBe(1);
  });

  it('follows the pointer back, to the bundled document too', async () => {
    const { state, reader } = fakeRevisions({ 1: model('one'), 2: model('two') });
    const { source } = sourceOf(reader, model('bundled'));
    for (const revision of [2, 1, 0]) {
      state.pointer = revision;
      expect((await source.refresh()).revision).toBe(revision);
    }
    expect(source.current().models.has('bundled')).toBe(true);
  });

  it('keeps the last good plan when a revision is not fit, and says so once', async () => {
    const { state, reader, documents } = fakeRevisions({ 1: model('one'), 2: { nonsense: true } });
    const { source, log } = sourceOf(reader);
    state.pointer = 1;
    await source.refresh();
    state.pointer = 2;
    expect((await source.refresh()).revision).toBe(1);
    expect((await source.refresh()).revision).toBe(1);
    expect(log).toHaveBeenCalledTimes(1);
    expect(state.read).toBe(2);
    state.pointer = 3;
    expect((await source.refresh()).revision).toBe(1);
    documents[4] = model('four');
    state.pointer = 4;
    expect((await source.refresh()).revision).toBe(4);
  });

  it('keeps the last good plan while the database is down, and goes on once it is back', async () => {
    const { state, reader } = fakeRevisions({ 1: model('one'), 2: model('two') });
    const { source, log, ports } = sourceOf(reader);
    state.pointer = 1;
    await source.refresh();
    state.broken = true;
    state.pointer = 2;
    expect((await source.refresh()).revision).toBe(1);
    await source.refresh();
    expect(log).toHaveBeenCalledTimes(1);
    state.broken = false;
    ports.clock.advance(2_000);
    source.prepare(ports.after);
    await ports.settled();
    expect(source.current().revision).toBe(2);
  });

  it('waits a second at most for a database that does not answer, and asks again later', async () => {
    const { state, reader } = fakeRevisions({ 1: model('one') });
    let hang = true;
    const { source, ports } = sourceOf({ ...reader, pointer: () => (hang ? never : reader.pointer()) });
    vi.useFakeTimers();
    try {
      const waiting = source.prepare(ports.after);
      await vi.advanceTimersByTimeAsync(999);
      let done = false;
      void waiting?.then(() => {
        done = true;
      });
      await vi.advanceTimersByTimeAsync(0);
      expect(done).toBe(false);
      await vi.advanceTimersByTimeAsync(1);
      expect(done).toBe(true);
    } finally {
      vi.useRealTimers();
    }
    expect(source.current().revision).toBe(0);
    expect(source.prepare(ports.after)).toBeUndefined();
    hang = false;
    state.pointer = 1;
    // The look-up that hangs counts as lost after ten seconds; until then nothing piles up behind it.
    ports.clock.advance(9_999);
    source.prepare(ports.after);
    expect(state.looked).toBe(0);
    ports.clock.advance(2_000);
    await source.refresh();
    expect(source.current().revision).toBe(1);
  });

  it('does not let a look-up that began before a publication undo it', async () => {
    const { reader } = fakeRevisions({ 1: model('one') });
    const slow = Promise.withResolvers<number>();
    const { source } = sourceOf({ ...reader, pointer: () => slow.promise });
    const look = source.refresh();
    source.adopt(source.compile(model('two'), 2));
    slow.resolve(1);
    await look;
    expect(source.current().revision).toBe(2);
  });

  it('serves a published revision although the bundled document is not fit, and refuses to serve nothing', async () => {
    const { state, reader } = fakeRevisions({ 1: model('one') });
    const { source, log } = sourceOf(reader, { nonsense: true });
    expect(() => source.current()).toThrow(/no valid configuration/);
    expect(log).toHaveBeenCalledTimes(1);
    state.pointer = 1;
    expect((await source.refresh()).revision).toBe(1);
  });
});
