/** Characters of a text that are looked at. */
const LOOKED_AT = 2_000;
/** Words that say which language it is, before one is believed. */
const LEAST_WORDS = 2;
/** Letters of a script, before it is believed. */
const LEAST_LETTERS = 2;

/** First and last code of the scripts that tell a language, or nearly; Kana before Han, which Japanese has too. */
const SCRIPTS: readonly (readonly [language: string, from: number, to: number])[] = [
  ['ja', 0x3040, 0x30ff],
  ['ko', 0xac00, 0xd7a3],
  ['zh', 0x4e00, 0x9fff],
  ['ru', 0x400, 0x4ff],
  ['ar', 0x600, 0x6ff],
  ['he', 0x590, 0x5ff],
  ['el', 0x370, 0x3ff],
  ['hi', 0x900, 0x97f],
  ['th', 0xe00, 0xe7f],
];

/** Letters of Ukrainian that Russian has not. */
const UKRAINIAN = /[іїєґ]/i;

/** Words that are frequent in one of these languages, and in hardly any text of another. */
const WORDS: { readonly [language: string]: string } = {
  en: 'the and is are of to you what how with this that for please can does',
  de: 'der die das und ist nicht ich wie was mit für ein eine bitte wir auf zu',
  fr: 'le les des est et une pour que dans je vous qui avec pas sur du comment',
  es: 'el los las es y una para que en por con cómo qué está del hola',
  it: 'il gli di che è un per non con come della sono questo una cosa',
  pt: 'o os um uma não para com você como do da em são isso por',
  nl: 'de het een en is niet van ik voor met wat hoe dat zijn op naar',
};

const LANGUAGES = Object.keys(WORDS);
const BY_WORD: ReadonlyMap<string, readonly string[]> = new Map(
  [...new Set(Object.values(WORDS).flatMap((words) => words.split(' ')))].map((word) => [
    word,
    LANGUAGES.filter((language) => WORDS[language]?.split(' ').includes(word) === true),
  ]),
);

/** Languages that can be told. */
export const languages = [...LANGUAGES, ...SCRIPTS.map(([language]) => language), 'uk'].toSorted();

/** The language of a text by ISO 639-1, from its script and its commonest words; `undefined` where that does not tell. */
export function languageOf(whole: string): string | undefined {
  const text = whole.slice(0, LOOKED_AT);
  return byScript(text) ?? byWords(text);
}

function byScript(text: string): string | undefined {
  const counts = SCRIPTS.map(() => 0);
  let latin = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x250) {
      if ((code | 0x20) >= 0x61 && (code | 0x20) <= 0x7a) latin++;
      continue;
    }
    const script = SCRIPTS.findIndex(([, from, to]) => code >= from && code <= to);
    if (script >= 0) counts[script] = (counts[script] ?? 0) + 1;
  }
  // Japanese is written in both, and its own signs are few beside Han.
  const [kana = 0, , han = 0] = counts;
  if (kana >= LEAST_LETTERS && kana * 8 > han) counts[0] = kana + han + 1;
  const most = Math.max(...counts);
  // A sign of another script says more than a letter: names and code are Latin everywhere.
  if (most < LEAST_LETTERS || most * 3 < latin) return undefined;
  const found = SCRIPTS[counts.indexOf(most)]?.[0];
  return found === 'ru' && UKRAINIAN.test(text) ? 'uk' : found;
}

function byWords(text: string): string | undefined {
  const counts = new Map<string, number>();
  for (const word of text.toLowerCase().split(/[^\p{L}]+/u)) {
    const of = BY_WORD.get(word) ?? [];
    for (const language of of) counts.set(language, (counts.get(language) ?? 0) + 1 / of.length);
  }
  const [best, next] = [...counts].toSorted(([, a], [, b]) => b - a);
  if (best === undefined || best[1] < LEAST_WORDS || best[1] < 1.3 * (next?.[1] ?? 0)) return undefined;
  return best[0];
}
