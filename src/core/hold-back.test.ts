import { describe, expect, it } from 'vitest';
import type { ChatChunk } from './chat.ts';
import type { Chunk } from './exchange.ts';
import { chatSurface } from './fakes.ts';
import { holdBack } from './hold-back.ts';
import { Rewriter } from './rewrite.ts';
import { Terms } from './terms.ts';

const text = (part: number, value: string, choice = 0): ChatChunk => ({ type: 'text', part, choice, text: value });
const thinking = (part: number, value: string, choice = 0): ChatChunk => ({ type: 'thinking', part, choice, text: value });
const finish = (choice: number): ChatChunk => ({ type: 'finish', choice, reason: 'stop' });
const usage: ChatChunk = { type: 'usage', usage: { input: 1, output: 1 } };
const end: ChatChunk = { type: 'end' };

const hooked = (surface = chatSurface, replacement = '#') =>
  holdBack(surface, () => new Rewriter(new Terms([{ text: 'secret' }]), () => replacement));

describe('hold back', () => {
  it('rewrites each part by itself', () => {
    const chunk = hooked();
    expect(chunk(text(0, 'a sec'))).toEqual([text(0, 'a ')]);
    expect(chunk(text(0, 'ret.'))).toEqual([text(0, '#.')]);
    expect(chunk(text(0, 'se'))).toEqual([]);
  });

  it('hands on the same object where nothing changed', () => {
    const chunk = hooked();
    for (const each of [{ type: 'start' } as const, text(0, 'plain'), text(0, ''), usage, finish(0), end]) {
      const out = chunk(each);
      expect(out).toHaveLength(1);
      expect(out[0]).toBe(each);
    }
  });

  it('lets what it holds of a part go before the next part of the choice, in the form of its latest chunk', () => {
    const chunk = hooked();
    expect(chunk(thinking(0, 'a se'))).toEqual([thinking(0, 'a ')]);
    expect(chunk(text(1, 'ret'))).toEqual([thinking(0, 'se'), text(1, 'ret')]);
  });

  it('lets it go before a chunk of the choice that has no text, and before the last', () => {
    const tool: ChatChunk = { type: 'tool-call', part: 1, choice: 0, id: 'call_1', name: 'f' };
    const raw: ChatChunk = { type: 'raw', dialect: 'd', name: 'n', value: null };
    for (const each of [tool, finish(0), raw, end]) {
      const chunk = hooked();
      chunk(text(0, 'sec'));
      expect(chunk(each)).toEqual([text(0, 'sec'), each]);
      expect(chunk(end)).toEqual([end]);
    }
  });

  it('finds a term though another choice or the usage comes between its pieces', () => {
    const chunk = hooked();
    expect(chunk(text(0, 'sec', 0))).toEqual([]);
    expect(chunk(text(1, 'sec', 1))).toEqual([]);
    expect(chunk(usage)).toEqual([usage]);
    expect(chunk(finish(1))).toEqual([text(1, 'sec', 1), finish(1)]);
    expect(chunk(text(0, 'ret', 0))).toEqual([text(0, '#', 0)]);
  });

  it('keeps a last chunk that has text the last, and the only one', () => {
    // A protocol whose answer is one text, and whose last chunk may carry a piece of it.
    const chunk = hooked({ ...chatSurface, isLast: (each) => each.type === 'text' && each.text.endsWith('ret') });
    expect(chunk(text(0, 'sec'))).toEqual([]);
    expect(chunk(text(0, 'ret'))).toEqual([text(0, '#')]);
    const emptied = hooked({ ...chatSurface, isLast: (each) => each.type === 'text' }, '');
    expect(emptied(text(0, 'secret'))).toEqual([text(0, '')]);
    const open = hooked({ ...chatSurface, isLast: (each) => each.type === 'text' });
    expect(open(text(0, 'se'))).toEqual([text(0, 'se')]);
  });

  it('lets everything go before the last chunk, also one that belongs to no choice', () => {
    const chunk = hooked({ ...chatSurface, isLast: (each) => each.type === 'usage' });
    chunk(text(0, 'se', 0));
    chunk(text(1, 'sec', 1));
    expect(chunk(usage)).toEqual([text(0, 'se', 0), text(1, 'sec', 1), usage]);
  });

  it('makes what it lets go from the latest chunk of the part', () => {
    const models: Chunk[] = [];
    const chunk = hooked({
      ...chatSurface,
      withText: (each, value) => {
        models.push(each);
        return chatSurface.withText(each, value);
      },
    });
    const latest = text(0, 'cr');
    chunk(text(0, 'se'));
    chunk(latest);
    expect(chunk(end)).toEqual([text(0, 'secr'), end]);
    expect(models).toHaveLength(1);
    expect(models[0]).toBe(latest);
  });

  it('begins anew with a part that goes on after another of its choice', () => {
    const chunk = holdBack(chatSurface, () => new Rewriter(new Terms([{ text: '--' }]), () => '#'));
    expect(chunk(text(0, 'a-'))).toEqual([text(0, 'a')]);
    expect(chunk(text(1, 'x'))).toEqual([text(0, '-'), text(1, 'x')]);
    expect(chunk(text(0, '-b'))).toEqual([text(0, '-b')]);
  });
});
