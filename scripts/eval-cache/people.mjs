// One edit to a question that other people wrote: the edits know nothing of the frames of edits.mjs, nor of the words of
// the guards' tables.

const TAILS = [
  'for my grandmother',
  'in the winter',
  'without a phone',
  'when abroad',
  'on a sunday',
  'for two people',
  'with a partner',
  'at the office',
  'as a student',
  'by mail',
  'after midnight',
  'in spanish',
];
const ADJECTIVES = [
  'old',
  'joint',
  'spare',
  'digital',
  'second',
  'foreign',
  'red',
  'corporate',
  'temporary',
  'expired',
  'virtual',
  'local',
];
const NOUNS = [
  'garden',
  'mortgage',
  'engine',
  'passport',
  'piano',
  'kitchen',
  'tractor',
  'insurance',
  'dentist',
  'umbrella',
  'loan',
  'visa',
];
const SMALL = new Set(
  `a an the i you we he she it they my your our his her is are am was were be do does did can could should would will shall may might must what which who
  whom when where why how to of in on at for from with by and or but if not no me us them this that these those there have has had please tell so
  as than about up out get got`.split(/\s+/),
);

const wordsOf = (text) => text.match(/[A-Za-z']+|\d+|[^\sA-Za-z\d]/g) ?? [];
const joined = (words) => words.join(' ').replace(/ ([?.!,])/g, '$1');
const contentAt = (words) => words.flatMap((word, at) => (/^[a-z]{4,}$/i.test(word) && !SMALL.has(word.toLowerCase()) ? [at] : []));
const one = (list, random) => list[Math.floor(random() * list.length)];
const replaced = (words, at, ...put) => joined([...words.slice(0, at), ...put, ...words.slice(at + 1)]);

/** Each gives the other question, or nothing where it cannot be applied. */
const EDITS = {
  'number of people’s questions': (words, random) => {
    const at = words.findIndex((word) => /^\d+$/.test(word));
    return at < 0 ? undefined : replaced(words, at, String(Number(words[at]) + 1 + Math.floor(random() * 9)));
  },
  negated: (words) => {
    const at = words.findIndex((word) => /^(?:can|should|is|are|do|does|did|will|would|could|was|were)$/i.test(word));
    if (at < 0) return undefined;
    const subject = /^(?:i|you|we|he|she|it|they|there)$/i.test(words[at + 1] ?? '') ? 1 : 0;
    return joined([...words.slice(0, at + 1 + subject), 'not', ...words.slice(at + 1 + subject)]);
  },
  'tail added': (words, random) => joined([...words.filter((word) => !/^[?.!]$/.test(word)), one(TAILS, random)]),
  'adjective added': (words, random) => {
    const at = contentAt(words).at(-1);
    return at === undefined ? undefined : replaced(words, at, one(ADJECTIVES, random), words[at]);
  },
  'noun replaced': (words, random) => {
    const at = contentAt(words).at(-1);
    return at === undefined ? undefined : replaced(words, at, one(NOUNS, random));
  },
  'question replaced': (words) => {
    const other = {
      what: 'who',
      how: 'why',
      when: 'where',
      where: 'when',
      who: 'what',
      why: 'when',
      can: 'should',
      should: 'can',
      will: 'may',
    };
    const at = words.findIndex((word) => other[word.toLowerCase()] !== undefined);
    return at < 0 ? undefined : replaced(words, at, other[words[at].toLowerCase()]);
  },
  'content dropped': (words) => {
    const at = contentAt(words);
    return at.length < 3 ? undefined : replaced(words, at[1]);
  },
  'words exchanged': (words) => {
    const at = contentAt(words);
    const [first, last] = [at[0], at.at(-1)];
    if (at.length < 2 || last - first < 2 || words[first].toLowerCase() === words[last].toLowerCase()) return undefined;
    const copy = [...words];
    [copy[first], copy[last]] = [copy[last], copy[first]];
    return joined(copy);
  },
  'preposition replaced': (words) => {
    const other = {
      to: 'from',
      from: 'to',
      in: 'outside',
      on: 'under',
      for: 'against',
      with: 'without',
      before: 'after',
      of: 'for',
      at: 'near',
    };
    const at = words.findIndex((word, index) => index > 1 && other[word.toLowerCase()] !== undefined);
    return at < 0 ? undefined : replaced(words, at, other[words[at].toLowerCase()]);
  },
};

/** Pairs `{kind, a, b}` from the questions, one edit each, in turn. */
export function editedQuestions(questions, random, each = 60) {
  return Object.entries(EDITS).flatMap(([kind, edit]) => {
    const found = [];
    for (const question of questions) {
      if (found.length === each) break;
      const b = edit(wordsOf(question), random);
      if (b !== undefined && b.toLowerCase() !== question.toLowerCase()) found.push({ kind, a: question, b });
    }
    return found;
  });
}
