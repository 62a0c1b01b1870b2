import type { Chunk, Surface } from './exchange.ts';
import type { TextRewriter } from './rewrite.ts';

/** A content part whose text is still arriving. */
interface OpenPart {
  readonly choice: ReturnType<Surface['choiceOf']>;
  readonly rewriter: TextRewriter;
  /** What a held text leaves as. */
  latest: Chunk;
}

/**
 * Makes a policy's `chunk` out of a text rewriter: one rewriter for each content part. The parts of one choice follow
 * each other, so a part is over when another of the same choice begins or the choice ends, and what was held of it
 * leaves first, as a chunk of its own part. Other choices go on undisturbed, since the chunks of several choices
 * come in any mixture; so do chunks that stand outside the content, such as usage after every piece of text.
 */
export function holdBack(surface: Surface, open: () => TextRewriter): (chunk: Chunk) => readonly Chunk[] {
  const parts = new Map<number, OpenPart>();

  const close = (isOver: (part: OpenPart, number: number) => boolean): Chunk[] => {
    const flushed: Chunk[] = [];
    for (const [number, part] of parts) {
      if (!isOver(part, number)) continue;
      parts.delete(number);
      const rest = part.rewriter.end();
      if (rest !== '') flushed.push(surface.withText(part.latest, rest));
    }
    return flushed;
  };

  const rewrite = (chunk: Chunk, number: number, text: string): readonly Chunk[] => {
    const part = parts.get(number) ?? { choice: surface.choiceOf(chunk), rewriter: open(), latest: chunk };
    parts.set(number, part);
    part.latest = chunk;
    const isLast = surface.isLast(chunk);
    const ready = isLast ? part.rewriter.push(text) + part.rewriter.end() : part.rewriter.push(text);
    // The same object where nothing changed: its frame then leaves as it came.
    if (ready === text) return [chunk];
    return ready === '' && !isLast ? [] : [surface.withText(chunk, ready)];
  };

  return (chunk) => {
    const piece = surface.textOf(chunk);
    const choice = surface.isLast(chunk) ? 'all' : surface.choiceOf(chunk);
    const flushed = close((part, number) => number !== piece?.part && (choice === 'all' || part.choice === choice));
    return [...flushed, ...(piece === undefined ? [chunk] : rewrite(chunk, piece.part, piece.text))];
  };
}
