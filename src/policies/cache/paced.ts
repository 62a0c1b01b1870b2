import { type ChatChunk, isContent } from '../../core/chat.ts';

/** Milliseconds between two writes at least: faster pieces go together. */
const TICK = 20;

/**
 * A kept answer at the pace of a model: so many pieces of content a second, the first at once, as a caller would have seen
 * them come. What is no content goes with what it stands beside. Ends early when the signal is aborted.
 */
export async function* paced(chunks: readonly ChatChunk[], perSecond: number, signal: AbortSignal): AsyncGenerator<readonly ChatChunk[]> {
  const pieces = piecesOf(chunks);
  const together = Math.max(1, Math.round((perSecond * TICK) / 1_000));
  const gap = (together * 1_000) / perSecond;
  for (let at = 0; at < pieces.length; at += together) {
    if (at > 0 && !signal.aborted) await pause(gap, signal);
    if (signal.aborted) return;
    yield pieces.slice(at, at + together).flat();
  }
}

/** Each with one chunk of content, and all that is none behind it; what is before the first goes with the first. */
function piecesOf(chunks: readonly ChatChunk[]): readonly (readonly ChatChunk[])[] {
  const pieces: ChatChunk[][] = [];
  let before: ChatChunk[] = [];
  for (const chunk of chunks) {
    const last = pieces.at(-1);
    if (isSeen(chunk)) {
      pieces.push([...before, chunk]);
      before = [];
    } else if (last === undefined) before.push(chunk);
    else last.push(chunk);
  }
  return before.length === 0 ? pieces : [before];
}

/** Whether it takes a model's time: an end and a finish are content, but nothing is written for them. */
const isSeen = (chunk: ChatChunk): boolean => isContent(chunk) && chunk.type !== 'finish' && chunk.type !== 'end';

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal.addEventListener('abort', done, { once: true });
  });
}
