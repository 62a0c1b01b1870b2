import { areOpposite } from './opposites.ts';
import { isTurned } from './order.ts';
import { differing, isReplaced, type Pair } from './pair.ts';

/** One reason why two questions are not the same, whatever else speaks for it. */
export interface Guard {
  /** As explanations and logs show it. */
  readonly name: string;
  readonly reason: string;
  objects(pair: Pair): boolean;
  /** Whether it objects in a closed domain too, where the same answer fits questions that are only related. */
  readonly closed?: true;
  /** Two questions that it alone, or first of all, keeps apart. */
  readonly apart: readonly [string, string];
}

const some =
  (...roles: Parameters<typeof differing>[1][]) =>
  (pair: Pair) =>
    differing(pair, ...roles).length > 0;

/** Prepositions that come and go without a change of meaning: "capital of France", "France capital". */
const LIGHT_PLACES = new Set(['of', 'in', 'on', 'at']);
/** Persons that are left out as easily: "reset my password", "reset a password". */
const LIGHT_PERSONS = new Set(['i', 'me', 'we', 'us', 'my', 'our', 'that']);
/** Most terms that one of the two may have more than the other. */
const MOST_EXTRA = 6;

export const guards: readonly Guard[] = [
  {
    name: 'number',
    closed: true,
    reason: 'a number, a year or an ordinal differs',
    objects: some('number'),
    apart: ['Who won the 2014 World Cup?', 'Who won the 2018 World Cup?'],
  },
  {
    name: 'unit',
    closed: true,
    reason: 'a unit, a currency, a day or a month differs',
    objects: some('unit'),
    apart: ['How many cups are in a gallon?', 'How many pints are in a gallon?'],
  },
  {
    name: 'sign',
    closed: true,
    reason: 'a sign that carries meaning differs',
    objects: some('sign'),
    apart: ['How do I read a file in C?', 'How do I read a file in C++?'],
  },
  {
    name: 'negation',
    reason: 'one of them says "not", or says it more often',
    objects: some('negation'),
    apart: ['Why do cats like water?', "Why don't cats like water?"],
  },
  {
    name: 'opposite',
    closed: true,
    reason: 'a word is replaced by its opposite',
    objects: ({ onlyAsked, onlyKept }) =>
      onlyAsked.slice(0, MOST_EXTRA).some((a) => onlyKept.slice(0, MOST_EXTRA).some((b) => areOpposite(a.key, b.key))),
    apart: ['How do I enable two-factor login?', 'How do I disable two-factor login?'],
  },
  {
    name: 'name',
    closed: true,
    reason: 'another country, language, company, technology or person is named',
    objects: (pair) => differing(pair, 'content').some(({ name }) => name !== undefined),
    apart: ['What is the capital of Peru?', 'What is the capital of Chile?'],
  },
  {
    name: 'question',
    reason: 'one asks what, the other how, why, when, where, who or how much',
    objects: (pair) => {
      const terms = differing(pair, 'question');
      return terms.some(({ key }) => key !== 'what') || (terms.length > 0 && isReplaced(pair, ({ role }) => role === 'question'));
    },
    apart: ['Why is the sky blue?', 'When is the sky blue?'],
  },
  {
    name: 'modal',
    reason: 'one asks whether it can be, the other whether it should, must, may or will',
    objects: some('modal'),
    apart: ['Can I eat raw fish?', 'Should I eat raw fish?'],
  },
  {
    name: 'tense',
    reason: 'one asks of the past',
    objects: some('tense'),
    apart: ['Who is the mayor of Lyon?', 'Who was the mayor of Lyon?'],
  },
  {
    name: 'quantity',
    reason: 'a word of quantity, rank or frequency differs',
    objects: some('quantity'),
    apart: ['What is the best way to learn chess?', 'What is the worst way to learn chess?'],
  },
  {
    name: 'connective',
    reason: 'what joins two parts differs: and, or, if, unless, because, than',
    objects: some('connective'),
    apart: ['Can dogs eat apples and grapes?', 'Can dogs eat apples or grapes?'],
  },
  {
    name: 'direction',
    reason: 'a preposition of direction, time or exclusion differs',
    objects: some('direction'),
    apart: ['Flights from Rome', 'Flights to Rome'],
  },
  {
    name: 'place',
    reason: 'a preposition differs that says whose, with what or what for',
    objects: (pair) => {
      const terms = differing(pair, 'place');
      return terms.some(({ key }) => !LIGHT_PLACES.has(key));
    },
    apart: ['What books are there by Darwin?', 'What books are there about Darwin?'],
  },
  {
    name: 'person',
    reason: 'another person is meant, or something that only one of them points at',
    objects: (pair) =>
      differing(pair, 'person').some(({ key }) => !LIGHT_PERSONS.has(key)) || isReplaced(pair, ({ role }) => role === 'person'),
    apart: ['What is my name?', 'What is your name?'],
  },
  {
    name: 'plural',
    reason: 'one asks of one thing, the other of several',
    objects: ({ onlyAsked, onlyKept }) =>
      onlyAsked.slice(0, MOST_EXTRA).some((a) => onlyKept.slice(0, MOST_EXTRA).some((b) => isPlural(a.key, b.key))),
    apart: ['What is the best laptop?', 'What are the best laptops?'],
  },
  {
    name: 'order',
    reason: 'the same words stand in an order that says something else',
    objects: isTurned,
    apart: ['Did Rome defeat Carthage?', 'Did Carthage defeat Rome?'],
  },
  {
    name: 'words',
    reason: 'a word of content is in one of them only, and nothing in the other says the same',
    objects: some('content'),
    apart: ['What are good apps?', 'What are good beauty apps?'],
  },
  {
    name: 'extra',
    reason: 'one of them says much more than the other',
    objects: ({ onlyAsked, onlyKept }) => onlyAsked.length + onlyKept.length > MOST_EXTRA,
    apart: ['What is good?', 'What good thing of my way of work in use is that I get at work on it?'],
  },
  {
    name: 'quoted',
    reason: 'what is quoted differs',
    objects: ({ asked, kept }) =>
      asked.verbatim !== kept.verbatim &&
      (isLong(asked.verbatim) || isLong(kept.verbatim) || (asked.verbatim !== '' && kept.verbatim !== '')),
    apart: ['What does "get a grip" mean?', 'What does "a grip get" mean?'],
  },
  {
    name: 'language',
    reason: 'they are in different languages, or in one whose words are not known here and not exactly the same',
    objects: ({ asked, kept }) => asked.english !== kept.english || (!asked.english && keysOf(asked) !== keysOf(kept)),
    apart: ['¿Quién ganó a Roma?', '¿Roma ganó a quién?'],
  },
  {
    name: 'length',
    closed: true,
    reason: 'one of them is too long to be compared, or says nothing',
    objects: ({ asked, kept }) => asked.cut || kept.cut || asked.terms.length === 0 || kept.terms.length === 0,
    apart: ['', 'What is it?'],
  },
];

const keysOf = ({ terms }: Pair['asked']) => terms.map(({ key }) => key).join(' ');

const isPlural = (a: string, b: string) => {
  const [short, long] = a.length < b.length ? [a, b] : [b, a];
  return long === `${short}s` || long === `${short}es` || (short.endsWith('y') && long === `${short.slice(0, -1)}ies`);
};

/** More than one word, or code. */
const isLong = (text: string) => /[^\p{L}\p{N}\s'-]|[\p{L}\p{N}]\s+[\p{L}\p{N}]/u.test(text);
