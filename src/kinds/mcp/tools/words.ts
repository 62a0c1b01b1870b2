/** Words that say nothing of what a tool does. */
const EMPTY: ReadonlySet<string> = new Set(
  'a an and any are as at be by can do does for from give have how i in into is it its me my need of on or our out please some that the their them there these this to up use used using want was what when where which who will with you your'.split(
    ' ',
  ),
);
/** Letters of a word that are looked at. */
const LONGEST = 40;

/** The words of a text or a name in lower case, names taken apart at their joints (`getUserName`, `get_user-name`), plurals as their singular. */
export function wordsOf(text: string): readonly string[] {
  const apart = text.replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2').toLowerCase();
  const words = apart.match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.flatMap((word) => (EMPTY.has(word) ? [] : [singular(word.slice(0, LONGEST))]));
}

function singular(word: string): string {
  if (word.length < 4 || !word.endsWith('s') || word.endsWith('ss')) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return /(?:[sx]|[cs]h)es$/.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}
