import { CONTRACTIONS, ENDINGS, EQUIVALENTS, IS, OPENERS, PHRASES_OF, type Phrase, spellingOf } from './equivalents.ts';
import { isEnglish, LETTERED, type Role, roleOf } from './lexicon.ts';
import { COUNTED, NAMED, UNIT } from './names.ts';
import { LONGEST, type Token, tokensOf } from './tokens.ts';
import { isCommon } from './weights/words.ts';

/** A word of a question as it is compared. */
export interface Term {
  /** Terms of equal keys say the same. */
  readonly key: string;
  readonly role: Role;
  /** What kind of name it is, or that its writer capitalised it. */
  readonly name: string | undefined;
}

export interface Reading {
  /** What is asked, in order, without what says nothing. */
  readonly terms: readonly Term[];
  /** How often each key occurs. */
  readonly counts: ReadonlyMap<string, number>;
  /** Whether the tables of English were applied; if not, every word counts as it is written. */
  readonly english: boolean;
  /** What stands between quotation marks or marks of code, as written. */
  readonly verbatim: string;
  /** Whether the end of it was not read. */
  readonly cut: boolean;
}

export function read(text: string): Reading {
  const tokens = tokensOf(text);
  const words = tokens.flatMap(({ kind, text: word }) => (kind === 'word' ? [word] : []));
  const english = isEnglish(words, isCommon);
  const terms = english ? termsOf(phrased(resolved(tokens))) : literalsOf(tokens);
  const counts = new Map<string, number>();
  for (const { key } of terms) counts.set(key, (counts.get(key) ?? 0) + 1);
  return { terms, counts, english, verbatim: verbatimOf(text), cut: text.length > LONGEST };
}

const literal = ({ text, kind, named }: Token): Term => ({
  key: kind === 'number' ? numberOf(text) : text,
  role: kind === 'word' ? 'content' : kind,
  name: named ? 'name' : undefined,
});

/** Words as they are written. Letters right after a number belong to it in every language: "26th", "1er", "5k". */
const literalsOf = (tokens: readonly Token[]): readonly Term[] =>
  tokens.map((token, at) => {
    const term = literal(token);
    return token.kind === 'word' && token.joined && tokens[at - 1]?.kind === 'number' ? { ...term, role: 'number' } : term;
  });

/** Contractions in full; a possessive's ending is left out. */
function resolved(tokens: readonly Token[]): readonly Token[] {
  return tokens.flatMap((token) => {
    if (token.kind !== 'word') return [token];
    const whole = CONTRACTIONS().get(token.text);
    if (whole !== undefined) return whole.map((text) => ({ ...token, text, named: false }));
    const at = token.text.indexOf("'");
    if (at < 0) return [token];
    if (token.text.endsWith("n't"))
      return [
        { ...token, text: token.text.slice(0, -3) },
        { ...token, text: 'not', named: false },
      ];
    const stem = { ...token, text: token.text.slice(0, at) };
    const ending = token.text.slice(at);
    if (ending === "'s" || ending === "'") return IS.has(stem.text) ? [stem, { ...token, text: 'is', named: false }] : [stem];
    const meant = ENDINGS.get(ending);
    return meant === undefined ? [token] : [stem, { ...token, text: meant, named: false }];
  });
}

/** Phrases by what they stand for; what they become is not read again. */
function phrased(tokens: readonly Token[]): readonly Token[] {
  const found: Token[] = [];
  let begins = true;
  for (let at = 0; at < tokens.length; ) {
    const token = tokens[at];
    if (token === undefined) break;
    const phrase = PHRASES_OF()
      .get(token.text)
      ?.find((each) => isAt(each, tokens, at, begins));
    if (phrase === undefined) found.push(token);
    else for (const text of phrase.instead) found.push({ ...token, text, named: false });
    begins &&= phrase === undefined ? OPENERS.has(token.text) : phrase.instead.length === 0;
    at += phrase?.words.length ?? 1;
  }
  return found;
}

function isAt({ words, place }: Phrase, tokens: readonly Token[], at: number, begins: boolean): boolean {
  const ends = at + words.length === tokens.length;
  if (place !== 'anywhere' && !begins && !(place === 'edge' && ends)) return false;
  return words.every((word, next) => tokens[at + next]?.text === word);
}

function termsOf(tokens: readonly Token[]): readonly Term[] {
  const terms: Term[] = [];
  for (const [at, token] of tokens.entries()) {
    const previous = tokens[at - 1];
    const counted = previous?.kind === 'number';
    const term = token.kind === 'word' ? wordTerm(token, previous?.text ?? '', counted) : literal(token);
    if (counted && token.joined && ORDINAL.has(token.text)) terms.push(ordinal(terms.pop() ?? term));
    // Letters right after a number belong to it: "5k".
    else if (counted && token.joined && term.role === 'content') terms.push({ ...term, role: 'number' });
    else if (isAsking(token.text, terms)) terms.push(WHETHER);
    else if (term.role !== 'empty' && !isAuxiliary(token.text, tokens[at + 1]) && !isAside(token.text, terms)) terms.push(term);
  }
  return terms;
}

/** "Is it …", "Does it …": a question that yes or no answers, other than "what". */
const WHETHER: Term = { key: 'whether', role: 'question', name: undefined };
const BEINGS = new Set(['is', 'are', 'am', 'do', 'does']);
const isAsking = (text: string, terms: readonly Term[]) => terms.length === 0 && BEINGS.has(text);
/** "Do" and "does" say nothing before what does it; at the end, and before a preposition, they are what is done. */
const isAuxiliary = (text: string, next: Token | undefined) =>
  (text === 'do' || text === 'does') && next !== undefined && next.kind === 'word' && !DONE.has(roleOf(next.text)?.[0] ?? 'content');
const DONE = new Set(['direction', 'place', 'connective', 'quantity']);
const isAside = (text: string, terms: readonly Term[]) => terms.length === 0 && OPENERS.has(text);

const ORDINAL = new Set(['st', 'nd', 'rd', 'th']);
const ordinal = (term: Term): Term => ({ ...term, key: `#${term.key}` });

function wordTerm({ text, named }: Token, previous: string, counted: boolean): Term {
  if (text === 'am' && counted) return { key: text, role: 'unit', name: undefined };
  const count = COUNTED().get(text);
  if (count !== undefined) return { key: count, role: 'number', name: undefined };
  if (text === 'a' && LETTERED.has(previous)) return { key: 'a', role: 'content', name: 'name' };
  const unit = UNIT().get(text);
  if (unit !== undefined) return { key: unit, role: 'unit', name: undefined };
  const same = EQUIVALENTS().get(text) ?? text;
  const known = roleOf(same);
  if (known !== undefined) return { key: known[1], role: known[0], name: undefined };
  const spelt = spellingOf(same);
  const key = EQUIVALENTS().get(spelt) ?? spelt;
  return { key, role: 'content', name: NAMED().get(key) ?? (named ? 'name' : undefined) };
}

/** 1,000 is 1000, and 2.50 is 2.5. */
function numberOf(text: string): string {
  const plain = /^\d{1,3}(?:,\d{3})+(?:\.\d+)?$/.test(text) ? text.replaceAll(',', '') : text;
  if (!/^\d+\.\d+$/.test(plain)) return plain;
  let end = plain.length;
  while (plain[end - 1] === '0') end -= 1;
  return plain.slice(0, plain[end - 1] === '.' ? end - 1 : end);
}

/** No opening mark inside: otherwise each of many that are never closed would be followed to the end. */
const QUOTED = /"([^"\n]*)"|“([^“”\n]*)”|«([^«»\n]*)»|`([^`]*)`/g;

function verbatimOf(text: string): string {
  const plain = text.slice(0, LONGEST).trim();
  let all = '';
  for (const match of plain.matchAll(QUOTED)) {
    // Marks around everything set nothing apart.
    if (match[0].length < plain.length) all += `${match.slice(1).find((each) => each !== undefined) ?? ''}\n`;
  }
  return all;
}
