// Ways to write a question again that change nothing of it. Half of the phrases are learnt from, the others measured.

const list = (text) => text.split('|');
const BEFORE = list(
  'Please |Could you tell me |Hi, |Hello! |Can you tell me |Quick question: |Hey, |I would like to know |Tell me |I was wondering |Do you know |Just curious: |Good morning. |I want to know |Um, |I need to know |So, |Would you please tell me |Ok, |I’d like to know ',
);
const AFTER = list(
  ' please| Thanks!| Thank you.|, please?| Thanks in advance.| Many thanks!| Thank you very much.| thx|, if possible| Cheers!',
);
const SPELLINGS = [
  ['color', 'colour'],
  ['favorite', 'favourite'],
  ['organize', 'organise'],
  ['center', 'centre'],
  ['traveling', 'travelling'],
  ['canceled', 'cancelled'],
  ['neighbor', 'neighbour'],
  ['gray', 'grey'],
  ['recognize', 'recognise'],
  ['theater', 'theatre'],
  ['license', 'licence'],
  ['apologize', 'apologise'],
  ['catalog', 'catalogue'],
  ['program', 'programme'],
  ['behavior', 'behaviour'],
  ['analyze', 'analyse'],
  ['mom', 'mum'],
  ['tire', 'tyre'],
  ['email', 'e-mail'],
  ['definitely', 'definately'],
  ['receive', 'recieve'],
  ['separate', 'seperate'],
  ['jewelry', 'jewellery'],
  ['liter', 'litre'],
  ['aluminum', 'aluminium'],
];
const SYNONYMS = [
  ['buy', 'purchase'],
  ['fix', 'repair'],
  ['big', 'large'],
  ['start', 'begin'],
  ['kid', 'child'],
  ['kids', 'children'],
  ['fast', 'quick'],
  ['car', 'automobile'],
  ['movie', 'film'],
  ['movies', 'films'],
  ['phone', 'telephone'],
  ['photo', 'photograph'],
  ['delete', 'remove'],
  ['help', 'assist'],
  ['hard', 'difficult'],
  ['bike', 'bicycle'],
  ['tv', 'television'],
  ['info', 'information'],
  ['app', 'application'],
  ['exam', 'examination'],
  ['cheap', 'inexpensive'],
  ['doctor', 'physician'],
  ['lawyer', 'attorney'],
  ['create', 'make'],
  ['explain', 'describe'],
  ['choose', 'select'],
  ['job', 'occupation'],
  ['easy', 'simple'],
];
const CONTRACTED = [
  ['what is', 'what’s'],
  ['how do i', 'how can i'],
  ['how do i', 'how to'],
  ['do not', "don't"],
  ['does not', "doesn't"],
  ['is not', "isn't"],
  ['i am', "i'm"],
  ['cannot', "can't"],
  ['where is', 'where’s'],
  ['who is', "who's"],
  ['i have', "i've"],
  ['it is', "it's"],
  ['how is', "how's"],
  ['that is', "that's"],
  ['how can i', 'how do I'],
  ['are not', "aren't"],
  ['can i', 'am i able to'],
  ['do i need to', 'do i have to'],
  ['how many', 'How many'],
  ['i would', 'i’d'],
];

const whole = (word) => new RegExp(`(?<![A-Za-z'])${word}(?![A-Za-z'])`, 'i');
const swap = (table) => (text, random) => {
  const fitting = table
    .flatMap(([a, b]) => [
      [a, b],
      [b, a],
    ])
    .filter(([from]) => whole(from).test(text));
  const [from, to] = fitting[Math.floor(random() * fitting.length)] ?? [];
  return from === undefined ? undefined : text.replace(whole(from), to);
};

const lowered = (text) => (/^(?:I\b|[A-Z]{2})/.test(text) ? text : text[0].toLowerCase() + text.slice(1));
const bare = (text) => text.replace(/[?.!]+\s*$/, '');

const REWRITES = {
  punctuation: (text, random) =>
    [bare(text), `${bare(text)}?`, `${bare(text)}??`, `${bare(text)}.`, text.replaceAll(',', ''), `${bare(text)} ?`, `"${text}"`][
      Math.floor(random() * 7)
    ],
  case: (text, random) =>
    [text.toLowerCase(), text.toUpperCase(), text.replace(/\b[a-z]/g, (letter) => letter.toUpperCase())][Math.floor(random() * 3)],
  blanks: (text) => ` ${text.replaceAll(' ', '  ')} \n`,
  'politeness before': (text, random, part) => `${pick(BEFORE, part, random)}${lowered(text)}`,
  'politeness after': (text, random, part) => `${bare(text)}${pick(AFTER, part, random)}`,
  articles: (text) => {
    const without = text.replace(/ (?:the|a|an) /i, ' ');
    return without === text ? undefined : without;
  },
  contractions: swap(CONTRACTED),
  spelling: swap(SPELLINGS),
  synonyms: swap(SYNONYMS),
};

const pick = (items, part, random) => {
  const half = items.filter((_, at) => at % 2 === (part === 'learnt' ? 1 : 0));
  return half[Math.floor(random() * half.length)];
};

/** Pairs `{kind, a, b}` that are the same; `each` of a kind at most. */
export function rewrites(questions, part, random, each = 120) {
  return Object.entries(REWRITES).flatMap(([kind, rewrite]) => {
    const found = [];
    for (const question of questions) {
      if (found.length === each) break;
      const b = rewrite(question, random, part);
      if (b !== undefined && b !== question) found.push({ kind, a: question, b });
    }
    return found;
  });
}

/** Questions with words that have other spellings and synonyms: few of other people's have. */
export function wordy(part) {
  const words = [...SPELLINGS, ...SYNONYMS].filter((_, at) => at % 2 === (part === 'learnt' ? 1 : 0)).map(([word]) => word);
  const frames =
    part === 'learnt'
      ? ['What should I know about the word {w}?', 'How do people {w} things?', 'Where is the {w} near the station?']
      : [
          'Why would anybody {w} at a wedding?',
          'Is there a {w} in every village?',
          'Who can {w} the old clock?',
          'What is it like to {w} in summer?',
        ];
  return words.flatMap((word) => frames.map((frame) => frame.replace('{w}', word)));
}
