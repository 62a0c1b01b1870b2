/**
 * Whether a name, in lower case, fits a pattern in which `*` stands for any text. The pieces between the stars are found
 * one after the other, so nothing is tried twice.
 */
export const matchesGlob = (glob: string, name: string): boolean => globOf(glob)(name);

/** The same for a pattern that many names are held against. */
export function globOf(glob: string): (name: string) => boolean {
  const [head = '', ...pieces] = glob.toLowerCase().split('*');
  const tail = pieces.pop();
  if (tail === undefined) return (name) => name === head;
  return (name) => {
    const end = name.length - tail.length;
    let at = head.length;
    if (!name.startsWith(head) || !name.endsWith(tail)) return false;
    for (const piece of pieces) {
      const found = name.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
