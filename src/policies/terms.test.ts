import { describe, expect, it } from 'vitest';
import type { ChatChunk } from '../core/chat.ts';
import type { Chunk } from '../core/exchange.ts';
import { fakeCall, fakeExchange } from '../core/fakes.ts';
import type { PolicyRun, Touches } from '../core/policy.ts';
import { terms } from './terms.ts';

const text = (value: string, part = 0): ChatChunk => ({ type: 'text', part, choice: 0, text: value });
const finish: ChatChunk = { type: 'finish', choice: 0, reason: 'stop' };
const end: ChatChunk = { type: 'end' };

function opened(settings: unknown) {
  const exchange = fakeExchange();
  return { exchange, run: terms.open(terms.config.parse(settings), exchange) };
}

async function pass(run: PolicyRun, ...chunks: readonly Chunk[]): Promise<Chunk[]> {
  const out: Chunk[] = [];
  for (const chunk of chunks) out.push(...((await run.chunk?.(chunk)) ?? [chunk]));
  return out;
}

const said = (chunks: readonly Chunk[]) => chunks.map((chunk) => ('text' in chunk ? chunk.text : '')).join('');

describe('terms in requests', () => {
  const body = { model: 'm', system: 'Help Ada.', messages: ['Ada Lovelace and lovelace, ada', 'Adam'] };

  it('are masked in every text, and counted', async () => {
    const { exchange, run } = opened({
      entries: [
        { action: 'mask', terms: ['Ada Lovelace', 'Lovelace, Ada'], replacement: '[person]' },
        { action: 'mask', terms: ['Ada'], wholeWord: true },
      ],
    });
    const verdict = await run.request?.(fakeCall(body));
    expect(verdict).toHaveProperty('go');
    if (verdict === undefined || !('go' in verdict)) return;
    expect(verdict.go.wire.json()).toEqual({ model: 'm', system: 'Help [masked].', messages: ['[person] and [person]', 'Adam'] });
    expect(exchange.notes).toEqual({ 'terms.requests.masked': 5 });
  });

  it('refuse the call, and tell the caller which policy but not which text', async () => {
    const { exchange, run } = opened({
      entries: [
        { action: 'mask', terms: ['Help'] },
        { action: 'refuse', terms: ['lovelace'] },
      ],
    });
    const verdict = await run.request?.(fakeCall(body));
    expect(verdict).toMatchObject({ refuse: { code: 'content_refused', fault: 'client' } });
    if (verdict !== undefined && 'refuse' in verdict) {
      expect(verdict.refuse.message).toContain('"terms"');
      expect(verdict.refuse.message.toLowerCase()).not.toContain('lovelace');
    }
    expect(exchange.notes['terms.requests.refused']).toBe(1);
  });

  it('refuse it also where a mask covers the text', async () => {
    const entries = [
      { action: 'mask', terms: ['Ada Lovelace'] },
      { action: 'refuse', terms: ['Lovelace'] },
    ];
    expect(await opened({ entries }).run.request?.(fakeCall({ model: 'm', messages: ['Ada Lovelace'] }))).toHaveProperty('refuse');
  });

  it('leave the call as it is when they are not there', async () => {
    const call = fakeCall(body);
    const verdict = await opened({ entries: [{ action: 'mask', terms: ['nightjar'] }] }).run.request?.(call);
    expect(verdict !== undefined && 'go' in verdict && verdict.go === call).toBe(true);
  });

  it('are looked for where the entry says, and in the case that is asked for', async () => {
    expect(opened({ entries: [{ action: 'mask', terms: ['a'], in: 'answers' }] }).run.request).toBeUndefined();
    expect(opened({ entries: [{ action: 'mask', terms: ['a'], in: 'requests' }] }).run.chunk).toBeUndefined();
    const both = { entries: [{ action: 'refuse', terms: ['ada'] }] };
    expect(await opened(both).run.request?.(fakeCall({ model: 'm', messages: ['Ada'] }))).toHaveProperty('refuse');
    expect(await opened({ ...both, matchCase: true }).run.request?.(fakeCall({ model: 'm', messages: ['Ada'] }))).toHaveProperty('go');
  });
});

describe('terms in answers', () => {
  it('are masked across chunks, and nothing of them leaves first', async () => {
    const { exchange, run } = opened({ entries: [{ action: 'mask', terms: ['Project Nightjar'], replacement: '[project]' }] });
    expect(await pass(run, text('It is Proj'))).toEqual([text('It is ')]);
    expect(await pass(run, text('ect Night'))).toEqual([]);
    expect(await pass(run, text('jar, yes. Pro'), finish, end)).toEqual([text('[project], yes. '), text('Pro'), finish, end]);
    expect(exchange.notes).toEqual({ 'terms.answers.masked': 1 });
  });

  it('refuse the answer in its midst; where there are masks too, nothing of the term has left', async () => {
    const refuse = { action: 'refuse', terms: ['Project Nightjar'] };
    const strict = opened({ entries: [refuse, { action: 'mask', terms: ['zebra'] }] }).run;
    expect(said(await pass(strict, text('It is Project Ni')))).toBe('It is ');
    await expect(pass(strict, text('ghtjar'))).rejects.toMatchObject({ code: 'content_refused' });

    const reading = opened({ entries: [refuse] });
    expect(said(await pass(reading.run, text('It is Project Ni')))).toBe('It is Project Ni');
    await expect(pass(reading.run, text('ghtjar'))).rejects.toMatchObject({ code: 'content_refused' });
    expect(reading.exchange.notes).toEqual({ 'terms.answers.refused': 0 });
  });

  it('are found at the very end of a part, when no word follows', async () => {
    const { run } = opened({ entries: [{ action: 'refuse', terms: ['nightjar'], wholeWord: true }] });
    await pass(run, text('a nightjar'));
    await expect(pass(run, finish)).rejects.toMatchObject({ code: 'content_refused' });
  });
});

describe('the settings of terms', () => {
  const mask = { action: 'mask', terms: ['a'] };
  const refuse = { action: 'refuse', terms: ['b'] };
  it.each<[Touches, unknown[]]>([
    [
      'nothing',
      [
        { ...mask, in: 'requests' },
        { ...refuse, in: 'requests' },
      ],
    ],
    ['reads', [{ ...mask, in: 'requests' }, refuse]],
    [
      'edits',
      [
        { ...mask, in: 'answers' },
        { ...refuse, in: 'requests' },
      ],
    ],
    ['edits', [mask]],
  ])('say that it touches %s', (touches, entries) => {
    const settings = terms.config.parse({ entries });
    expect(typeof terms.touches === 'function' ? terms.touches(settings) : terms.touches).toBe(touches);
  });

  it.each([
    ['no entries', { entries: [] }],
    ['an empty term', { entries: [{ action: 'mask', terms: [''] }] }],
    ['a replacement that would break JSON', { entries: [{ ...mask, replacement: 'a"b' }] }],
    ['a replacement where all is refused', { entries: [{ ...refuse, replacement: 'x' }] }],
    ['too many terms', { entries: Array.from({ length: 6 }, () => ({ action: 'mask', terms: Array.from({ length: 1000 }, () => 'a') })) }],
  ])('do not hold %s', (_what, settings) => {
    expect(terms.config.safeParse(settings).success).toBe(false);
  });
});
