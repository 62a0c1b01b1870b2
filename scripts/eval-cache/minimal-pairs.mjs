import { EDITS, FILLERS } from './edits.mjs';

/**
 * Pairs `{kind, a, b, word}` that are not the same, `each` of a kind where there are so many. `part`: `learnt` from the
 * frames and words at odd places, `measured` from the others.
 */
export function minimalPairs(part, random, each = 110) {
  return EDITS.flatMap((edit) => {
    const frames = halfOf(edit.frames, part);
    const words = halfOf(edit.words ?? edit.swap, part);
    const all = new Map();
    for (const frame of frames) {
      for (const [x = '', y = ''] of words) {
        for (const filler of fillersOf(frame, random)) {
          const [a, b] = edit.swap === undefined ? [frame.replaceAll('{x}', x), frame.replaceAll('{x}', y)] : swapped(frame, x, y);
          const made = [filler(a), filler(b)].map(sentence);
          all.set(made.join('|'), { kind: edit.kind, a: made[0], b: made[1], words: [x, y] });
        }
      }
    }
    return shuffled([...all.values()], random).slice(0, each);
  });
}

const halfOf = (list, part) => list.filter((_, at) => at % 2 === (part === 'learnt' ? 1 : 0));

const swapped = (frame, x, y) => [frame.replace('{x}', x).replace('{y}', y), frame.replace('{x}', y).replace('{y}', x)];

/** Up to three ways to fill what is the same on both sides. */
function fillersOf(frame, random) {
  const hole = Object.keys(FILLERS).filter((name) => frame.includes(`{${name}}`));
  if (hole.length === 0) return [(text) => text];
  return Array.from({ length: 3 }, () => {
    const chosen = hole.map((name) => [name, FILLERS[name][Math.floor(random() * FILLERS[name].length)]]);
    return (text) => chosen.reduce((filled, [name, value]) => filled.replaceAll(`{${name}}`, value), text);
  });
}

const sentence = (text) => {
  const plain = text.replace(/\s+/g, ' ').trim();
  return plain[0].toUpperCase() + plain.slice(1);
};

export function shuffled(items, random) {
  const copy = [...items];
  for (let at = copy.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [copy[at], copy[other]] = [copy[other], copy[at]];
  }
  return copy;
}
